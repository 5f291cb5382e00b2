"""One table of objectives: an entry added there is checked, measured and reported."""

import json
from pathlib import Path

import pytest
import yaml

from acgkd.run.objectives import OBJECTIVES, ObjectiveKind
from analysis import reports
from analysis.records.record_source import sources
from analysis.records.sweep_metadata import read
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.loading import load
from sweeps.spec.schema import schema

CASES = Path(__file__).resolve().parents[1] / "cases"


@pytest.fixture
def added(monkeypatch):
    """An objective that only this table knows: how many parameters of a student are above zero."""
    monkeypatch.setitem(
        OBJECTIVES,
        "positive_parameters",
        ObjectiveKind(
            "maximize", lambda evaluator, run: float(sum(int((p > 0).sum()) for p in run.student.parameters()))
        ),
    )


def test_every_entry_is_a_field_of_the_schema(added):
    assert schema()["$defs"]["Objective"]["properties"]["name"]["enum"] == list(OBJECTIVES)


@pytest.mark.usefixtures("whole_reports")
def test_an_entry_is_all_it_takes(added, tmp_path, capsys):
    tree = yaml.safe_load((CASES / "tiny.yaml").read_text())
    tree |= {"objectives": ["positive_parameters", "seconds"], "replicates": {"seeds": [0]}, "budget": {"trials": 2}}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tree))
    assert main(["check", str(path)]) == 0
    assert "positive_parameters (maximize), seconds (minimize)" in capsys.readouterr().out
    spec = load(path)
    assert [objective.floor for objective in spec.objectives] == ["control", None]
    run_sweep(spec, tmp_path / "sweep", InProcess())
    for file in sorted((tmp_path / "sweep" / "records").glob("trial-*.json")):
        objectives = json.loads(file.read_text())["objectives"]
        assert objectives["positive_parameters"] > 1
        assert objectives["seconds"] > 0
    known = {
        objective.name: objective.direction for objective in read(sources([tmp_path / "sweep"])[0]).sweep.objectives
    }
    assert known == {"positive_parameters": "maximize", "seconds": "minimize"}
    page = reports.write([tmp_path / "sweep"], tmp_path / "report").read_text()
    assert "positive_parameters" in page or "positive parameters" in page


def test_the_nearest_name_is_suggested(tmp_path):
    with pytest.raises(ValueError, match=r"This must be one of validation_accuracy.*Did you mean 'agreement'\?"):
        load(CASES / "tiny.yaml", {"objectives": ["agrement"]})
