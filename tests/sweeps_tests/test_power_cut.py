"""A power cut at any instant costs a repetition, and no result: the disk has what must not be lost."""

import os
import random
import shutil
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from power_cuts import Files, restored, watched

from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.folder import SweepFolder

SMALL: dict[str, Any] = {"trials": 2, "seeds": (0, 1), "transfer": {"steps": 4}}
HALVED: dict[str, Any] = {
    "trials": 4,
    "seeds": (0,),
    "transfer": {"steps": 4},
    "scheduler": {"name": "halving", "fractions": [0.5], "reduction": 2},
}


@pytest.fixture(autouse=True)
def _no_power_cut_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real disk need not be waited for."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def run(lab: ModuleType, folder: Path, changes: dict[str, Any]) -> None:
    run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments(), say=lambda _: None)


def found(lab: ModuleType, folder: Path) -> tuple[Any, ...]:
    """What a sweep came to: rows, values, states, students."""
    ends = [(trial["state"], trial["values"], trial["parameters"]) for trial in lab.trials(folder)]
    return lab.table(folder), ends


def students(folder: Path) -> dict[str, bytes]:
    """Weights by file."""
    return {path.name: path.read_bytes() for path in (folder / "students").glob("[!.]*")}


def cuts(lab: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch, changes: Any, chance: Any) -> list[Files]:
    root.mkdir()
    with watched(root, monkeypatch, chance) as disk:
        run(lab, root / "runs" / "sweep", changes)
    return disk.cuts


@pytest.mark.parametrize("changes", [SMALL, HALVED], ids=["plain", "halving"])
def test_what_was_not_synced_is_not_missed(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    known = cuts(lab, tmp_path / "whole", monkeypatch, changes, None)
    calm = found(lab, tmp_path / "whole" / "runs" / "sweep")
    weights = students(tmp_path / "whole" / "runs" / "sweep")
    for files in known:
        root = restored(files, tmp_path / "cut")
        run(lab, root / "runs" / "sweep", changes)
        assert found(lab, root / "runs" / "sweep") == calm
        assert students(root / "runs" / "sweep") == weights
        shutil.rmtree(root)
    # The last cut has every record, so that the end of a sweep is on the disk.
    assert sum("/records/trial" in name for name in known[-1]) == len([row for row in calm[0] if row["file"] > "tr"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("changes", [SMALL, HALVED], ids=["plain", "halving"])
def test_nor_is_it_where_some_of_it_is_there_by_chance(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], seed: int
) -> None:
    chance = random.Random(seed)
    known = cuts(lab, tmp_path / "whole", monkeypatch, changes, chance)
    calm = found(lab, tmp_path / "whole" / "runs" / "sweep")
    weights = students(tmp_path / "whole" / "runs" / "sweep")
    for files in chance.sample(known, 40):
        root = restored(files, tmp_path / "cut")
        run(lab, root / "runs" / "sweep", changes)
        assert found(lab, root / "runs" / "sweep") == calm
        # Of seconds of work the disk may by chance have the record and, for a second or two, not yet the student.
        assert students(root / "runs" / "sweep").items() <= weights.items()
        shutil.rmtree(root)


@pytest.mark.parametrize(("seeds", "most"), [((0,), 3.5), ((0, 1, 2), 8.5)])
def test_a_trial_takes_three_syncs_and_two_to_three_for_each_further_seed(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: tuple[int, ...], most: float
) -> None:
    changes = {**SMALL, "trials": 20, "seeds": seeds}
    with watched(tmp_path, monkeypatch) as disk:
        run(lab, tmp_path / "sweep", changes)
    kinds = Counter(name.replace("sweep/", "", 1).partition("/")[0] for name in disk.syncs)
    assert kinds["asked.jsonl"] == 20
    assert kinds["records"] >= 21 * len(seeds)  # teachers' too
    assert (kinds["asked.jsonl"] + kinds["records"] + kinds["students"] + kinds["trials"]) / 20 <= most
    assert kinds["trials"] == 0


def test_how_a_trial_was_asked_for_is_on_the_disk_before_anybody_runs_it(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real = lab.FakeExperiment.start
    monkeypatch.setattr(lab.FakeExperiment, "start", lambda self: order.append("work") or real(self))
    monkeypatch.setattr(os, "fsync", lambda handle: order.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name))
    run(lab, tmp_path, SMALL)
    happened = [name for name in order if name in ("work", "asked.jsonl")]
    assert happened == ["asked.jsonl", "work", "work"] * 2


def test_lost_and_damaged_files_of_trials_are_made_again(lab: ModuleType, tmp_path: Path) -> None:
    run(lab, tmp_path, SMALL)
    before = found(lab, tmp_path)
    (tmp_path / "trials" / "0001" / "trial.json").write_text("")
    shutil.rmtree(tmp_path / "trials" / "0000")
    said: list[str] = []
    run_sweep(lab.make_spec(**SMALL), tmp_path, InProcess(), experiments=lab.FakeExperiments(), say=said.append)
    assert said == ["The files of 2 trials, trial 0 the first of them, were lost or damaged, and are made again."]
    assert found(lab, tmp_path) == before
    assert SweepFolder(tmp_path).restore_trials() == ""


def test_what_a_killed_driver_was_about_to_write_is_not_called_lost(lab: ModuleType, tmp_path: Path) -> None:
    run(lab, tmp_path, SMALL)
    before = found(lab, tmp_path)
    shutil.rmtree(tmp_path / "trials" / "0001")  # the latest that was asked for
    said: list[str] = []
    run_sweep(lab.make_spec(**SMALL), tmp_path, InProcess(), experiments=lab.FakeExperiments(), say=said.append)
    assert said == []
    assert found(lab, tmp_path) == before
