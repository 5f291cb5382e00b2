"""A sweep that searches for the method itself: its trials, its start again, and its report."""

from pathlib import Path
from typing import Any

import pytest
import torch

from acgkd.errors import UnknownNameError
from analysis.records import frame
from analysis.reports import write
from sweeps.cli.commands.check import print_summary
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.sweep_spec import SweepSpec

SPEC: dict[str, Any] = {
    "name": "which",
    "dataset": {"name": "motifs"},
    "teacher": {"preset": "gin-2-8", "epochs": 1},
    "student": {"preset": "gin-2-8"},
    "method": {
        "name": "gfkd",
        "synthesis": {"graphs": 8, "steps": 3, "density": "prior"},
        "transfer": {"steps": 4, "batch_size": 4},
    },
    "space": {
        "method/name": {"type": "categorical", "choices": ("gfkd", "deepinv_graphs", "dfad_gnn")},
        "method/synthesis/statistics_weight": {"type": "float", "low": 0.01, "high": 1.0, "log": True},
        "method/transfer/temperature/value": {
            "type": "float",
            "low": 1.0,
            "high": 4.0,
            "when": {"method/name": ("gfkd", "deepinv_graphs")},
        },
    },
    "sampler": {"name": "random"},
    "replicates": {"seeds": (0,), "vary": ("draws",)},
    "controls": ("random_graphs",),
}


def spec(trials: int = 3) -> SweepSpec:
    return SweepSpec.model_validate({**SPEC, "budget": {"trials": trials}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    threads = torch.get_num_threads()
    path = tmp_path_factory.mktemp("which")
    run_sweep(spec(2), path, InProcess())
    assert run_sweep(spec(5), path, InProcess()).trials_started == 3
    torch.set_num_threads(threads)
    return path


def test_the_fixed_settings_are_those_that_the_method_knows() -> None:
    own, other, game = (spec().run_config({"method/name": name}) for name in ("gfkd", "deepinv_graphs", "dfad_gnn"))
    assert own.method == spec().method == spec().run_config({}).method
    assert other.method.synthesis == {"graphs": 8, "steps": 3}
    assert game.method.synthesis == {"density": "prior"}
    assert game.method.transfer == {"steps": 4, "batch_size": 4}
    searched = spec().run_config({"method/name": "dfad_gnn", "method/synthesis/statistics_weight": 0.5})
    assert searched.method.synthesis == {"density": "prior", "statistics_weight": 0.5}
    assert searched.method.name == "dfad_gnn"
    with pytest.raises(UnknownNameError):
        spec().run_config({"method/name": "dfad_gn"})


def test_every_trial_ran_by_the_method_that_was_asked_for(folder: Path) -> None:
    rows = frame.load([folder]).rows
    trials = rows[rows["kind"] == "trial"]
    assert len(trials) == 5
    assert (trials["outcome"] == "completed").all()
    assert (trials["method"] == trials["param/method/name"]).all()
    assert trials["method"].nunique() >= 2
    # Each brings its own settings along, and none of another's.
    games = trials[trials["method"] == "dfad_gnn"]
    assert games["setting/method/synthesis/graphs"].isna().all()
    assert trials[trials["method"] != "dfad_gnn"]["setting/method/synthesis/graphs"].eq(8).all()
    assert games["param/method/transfer/temperature/value"].isna().all()


def test_the_report_says_the_method_of_each_trial(folder: Path, tmp_path: Path) -> None:
    write([folder], tmp_path, "sweep")
    output = (tmp_path / "report.md").read_text().replace("\\_", "_")
    rows = frame.load([folder]).rows
    for _, row in rows[rows["kind"] == "trial"].iterrows():
        cells = [[cell.strip() for cell in line.split("|")] for line in output.splitlines()]
        # Among the best and among all.
        assert sum(f"trial {row['trial']}" in line and row["method"] in line for line in cells) == 2
    assert "method/name" in output


def test_check_names_the_methods(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(spec())
    output = " ".join(capsys.readouterr().out.split())
    assert "by gfkd or deepinv_graphs or dfad_gnn" in output
    assert "method/name: gfkd, deepinv_graphs, dfad_gnn" in output
