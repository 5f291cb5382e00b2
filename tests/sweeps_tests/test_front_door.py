"""The front door of `sweeps`: run, open, look at, load a student, from Python."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import sweeps
from acgkd.errors import FolderError, SpecError, SweepError

SPEC: dict[str, Any] = {
    "name": "door",
    "dataset": "motifs",
    "teacher": {"preset": "gin-2-8", "epochs": 2},
    "student": "gin-2-4",
    "method": {"name": "acgkd", "synthesis": {"graphs": 8, "steps": 2}, "transfer": {"steps": 4, "batch_size": 4}},
    "space": {"method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.03, "log": True}},
    "objectives": ["validation_divergence", "multiply_adds"],
    "replicates": {"seeds": [0, 1]},
    "budget": {"trials": 2},
    "controls": ["random_graphs"],
}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> sweeps.Sweep:
    folder = tmp_path_factory.mktemp("door") / "sweep"
    return sweeps.run(SPEC, folder, executor=sweeps.InProcess(), on_progress=None)


def test_a_sweep_is_run_from_a_mapping_and_says_how_far_it_is(sweep: sweeps.Sweep) -> None:
    assert sweep.status().trials == {"completed": 2}
    assert repr(sweep) == f"Sweep('door', 2 completed, folder={str(sweep.folder)!r})"


def test_run_again_it_finds_nothing_to_do_and_with_more_trials_it_is_extended(tmp_path: Path) -> None:
    seen: list[sweeps.Snapshot] = []
    first = sweeps.run(SPEC, tmp_path / "s", executor=sweeps.InProcess(), on_progress=seen.append)
    assert seen
    assert seen[-1].counts == {"completed": 2}
    before = first.trials()
    again = sweeps.run(SPEC, tmp_path / "s", executor=sweeps.InProcess(), on_progress=None)
    assert again.status().starts == 1
    more = sweeps.run(
        SPEC, tmp_path / "s", executor=sweeps.InProcess(), on_progress=None, overrides={"budget/trials": 3}
    )
    assert more.status().trials == {"completed": 3}
    pd.testing.assert_frame_equal(more.trials().loc[before.index].drop(columns=["chosen", "on_front"]),
                                  before.drop(columns=["chosen", "on_front"]))  # fmt: skip


def test_trials_best_and_front(sweep: sweeps.Sweep) -> None:
    table = sweep.trials()
    assert sorted(table.index) == [0, 1]
    assert table["chosen"].sum() == 1
    assert bool(table["chosen"].iloc[0]), "best first"
    assert table["method/transfer/rate"].between(0.001, 0.03).all()
    best = sweep.best
    assert best is not None
    assert best.name == table.index[0]
    assert set(sweep.front.index) <= set(table.index)
    assert best.name in sweep.front.index


def test_the_student_is_called(sweep: sweeps.Sweep) -> None:
    student = sweep.student()
    edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
    logits = student(torch.eye(10)[:3], edges)
    assert logits.shape == (1, 2)
    assert not student.training
    control = sweep.student("random_graphs", replicate=1)
    assert control(torch.eye(10)[:3], edges).shape == (1, 2)
    with pytest.raises(FolderError, match=r"There are: .*trial-0000-00"):
        sweep.student(7)


@pytest.mark.usefixtures("whole_reports")
def test_the_report_is_written(sweep: sweeps.Sweep, tmp_path: Path) -> None:
    page = sweep.report(tmp_path / "report")
    assert page == tmp_path / "report" / "report.html"
    assert "door" in page.read_text(encoding="utf-8")


def test_a_notebook_shows_its_trials(sweep: sweeps.Sweep) -> None:
    shown = sweep._repr_html_()
    assert "<table" in shown
    assert "trial 0" in shown
    assert "random_graphs" in shown


def test_what_is_no_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"sweep\.json"):
        sweeps.open(tmp_path)
    with pytest.raises(SweepError, match="overrides"):
        sweeps.run(sweeps.load(SPEC), tmp_path, overrides={"budget/trials": 3})


def test_a_typo_gets_the_same_sentence_from_yaml_and_from_python(tmp_path: Path) -> None:
    bad = {**SPEC, "method": {"name": "acgkd", "transfer": {"temprature": {"value": 2}}}, "smapler": "tpe"}
    path = tmp_path / "bad.yaml"
    import yaml

    path.write_text(yaml.safe_dump(bad))
    found = []
    for source in (bad, path):
        with pytest.raises(SpecError) as caught:
            sweeps.load(source)
        found.append({(fault.path, fault.message) for fault in caught.value.faults})
    assert found[0] == found[1]
    assert len(found[0]) >= 2


def test_looking_at_the_door_loads_nothing_heavy() -> None:
    code = (
        "import sys, sweeps, analysis, acgkd\ndir(sweeps), dir(acgkd)\nsweeps.InProcess, sweeps.Ray, sweeps.load\n"
        "print([name for name in ('torch', 'ray', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    for name in sweeps.__all__:
        assert getattr(sweeps, name) is not None
    with pytest.raises(AttributeError, match="Public names: "):
        sweeps.nothing  # noqa: B018
