"""Whose students stay on the disk, whatever interrupts their removal, and how to get back those that went."""

import json
import multiprocessing
import os
import shlex
import signal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from acgkd.datasets import DATASETS
from acgkd.errors import FolderError
from acgkd.models import build_model
from acgkd.students.saving import load_student, save_student
from analysis import load as load_frame
from analysis.statistics.view import view_of
from sweeps.cli.app import main
from sweeps.cli.disk_space import student_bytes, students
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.loading import load
from sweeps.store import kept_students
from sweeps.store.folder import SweepFolder
from sweeps.sweep import open_sweep

CONTROLS = ("random_graphs",)


def go(lab: ModuleType, folder: Path, keep: str = "all", **changes: Any) -> None:
    spec = lab.make_spec(artefacts={"students": keep}, **{"trials": 12, "controls": CONTROLS, **changes})
    run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments())


def there(folder: Path) -> set[str]:
    return {path.name for path in (folder / "students").iterdir()}


def of_trials(folder: Path, numbers: set[int], seeds: int = 2) -> set[str]:
    return {f"trial-{number:04d}-{replicate:02d}.pt" for number in numbers for replicate in range(seeds)}


def expected(folder: Path, keep: str) -> set[int]:
    """As the report sees it."""
    view = view_of(load_frame(folder))
    chosen = {view.choice.trial} - {None}
    return chosen if keep == "chosen" else chosen | set(view.trials.loc[view.own_front, "trial"].astype(int))


OF_CONTROLS = {"control-random_graphs-00.pt", "control-random_graphs-01.pt"}
ONE = [{"name": "validation_accuracy", "floor": None}]
OTHERS = [{"name": "validation_accuracy", "floor": None}, {"name": "multiply_adds"}]


@pytest.mark.parametrize("scheduler", ["none", "halving"])
@pytest.mark.parametrize("objectives", [None, OTHERS, ONE])
@pytest.mark.parametrize("keep", ["front", "chosen"])
def test_those_of_the_reports_front_stay_and_a_controls(
    lab: ModuleType, tmp_path: Path, keep: str, objectives: Any, scheduler: str
) -> None:
    changes = {} if objectives is None else {"objectives": objectives}
    go(lab, tmp_path, keep, scheduler=scheduler, trials=8, **changes)
    kept = expected(tmp_path, keep)
    assert kept
    assert len(kept) < 8
    assert there(tmp_path) == of_trials(tmp_path, kept) | OF_CONTROLS


def test_every_one_stays_where_nothing_else_is_said(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path)
    assert there(tmp_path) == of_trials(tmp_path, set(range(12))) | OF_CONTROLS


def test_another_answer_at_another_start_and_results_that_do_not_change(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path)
    before = lab.table(tmp_path)
    go(lab, tmp_path, "front")  # nothing is left to do but this
    front = expected(tmp_path, "front")
    assert there(tmp_path) == of_trials(tmp_path, front) | OF_CONTROLS
    go(lab, tmp_path, "chosen")
    assert there(tmp_path) == of_trials(tmp_path, expected(tmp_path, "chosen")) | OF_CONTROLS
    assert lab.table(tmp_path) == before
    go(lab, tmp_path, "all", trials=14)
    assert of_trials(tmp_path, {12, 13}) < there(tmp_path)


def test_a_trial_at_work_keeps_what_it_has(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, "all", trials=3)
    folder = SweepFolder(tmp_path)
    trials = {trial.number: trial for trial in folder.read_trials()}
    trials[0] = trials[0].model_copy(update={"state": "running", "values": None})
    kept_students.tidy("chosen", ("minimize", "minimize"), folder, trials)
    assert of_trials(tmp_path, {0}) < there(tmp_path)


def _die_in_the_middle(path: Path) -> None:
    unlink, done = Path.unlink, []

    def once_more(self: Path, missing_ok: bool = False) -> None:
        unlink(self, missing_ok)
        done.append(self)
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    Path.unlink = once_more  # type: ignore[method-assign]
    folder = SweepFolder(path)
    trials = {trial.number: trial for trial in folder.read_trials()}
    kept_students.tidy("front", ("minimize", "minimize"), folder, trials)


def test_a_removal_that_is_killed_is_finished_by_the_next_start(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path)
    before = there(tmp_path)
    child = multiprocessing.get_context("fork").Process(target=_die_in_the_middle, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    kept = of_trials(tmp_path, expected(tmp_path, "front")) | OF_CONTROLS
    assert len(there(tmp_path)) == len(before) - 3
    assert kept < there(tmp_path)
    go(lab, tmp_path, "front")
    assert there(tmp_path) == kept


def test_ten_thousand_trials_take_no_time(lab: ModuleType, tmp_path: Path) -> None:
    import time

    go(lab, tmp_path, trials=1, seeds=(0,), controls=())
    folder = SweepFolder(tmp_path)
    one = folder.read_trials()[0]
    trials = {
        n: one.model_copy(update={"number": n, "values": ((n * 7919) % 10007 / 10007, (n * 104729) % 10009 / 10009)})
        for n in range(10_000)
    }
    begun = time.process_time()
    found = kept_students.kept("front", ("minimize", "minimize"), folder, trials.values())
    assert time.process_time() - begun < 10
    assert 0 < len(found) < 100


# ---- getting one again

TREE: dict[str, Any] = {
    "name": "small",
    "dataset": {"name": "motifs", "options": {"graphs": 40}},
    "teacher": {"preset": "gin-2-8", "epochs": 1},
    "student": "gin-2-8",
    "method": {"name": "acgkd", "synthesis": {"graphs": 4, "steps": 3}, "transfer": {"steps": 3}},
    "space": {
        "method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.03},
        "method/transfer/projection": {"type": "categorical", "choices": ["gat", "none"]},
    },
    "objectives": ["validation_divergence"],
    "sampler": "random",
    "replicates": {"seeds": [3, 4]},
    "budget": {"trials": 3},
    "controls": [],
    "device": "cpu",
}


def test_a_student_that_was_not_kept_says_how_to_get_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for keep in ("all", "chosen"):
        run_sweep(load({**TREE, "artefacts": {"students": keep}}), tmp_path / keep, InProcess())
    gone = next(number for number in range(3) if number not in expected(tmp_path / "chosen", "chosen"))
    sweep = open_sweep(tmp_path / "chosen")
    assert sweep.student() is not None
    with pytest.raises(FolderError, match=rf"trial {gone}, replicate 1, is not there any more") as refused:
        sweep.student(gone, 1)
    assert "`artefacts: {students: chosen}`" in str(refused.value)
    (tmp_path / "small.yaml").write_text(json.dumps(TREE))
    command = shlex.split(str(refused.value).splitlines()[-1])
    assert command[:3] == ["acgkd", "distill", "SPEC"]
    assert main(["distill", str(tmp_path / "small.yaml"), *command[3:]]) == 0
    capsys.readouterr()
    again = load_student(tmp_path / f"chosen-trial-{gone}" / "student-4.pt").state_dict()
    first = load_student(tmp_path / "all" / "students" / f"trial-{gone:04d}-01.pt").state_dict()
    assert again.keys() == first.keys()
    assert all(torch.equal(again[name], first[name]) for name in first)
    with pytest.raises(FolderError, match=r"it is not there\. There are"):
        sweep.student(17)


# ---- before anything is started


@pytest.mark.parametrize(("student", "dataset"), [("gin-3-32", "motifs"), ("resnet-8", "digits")])
def test_the_size_of_a_student_is_about_that_of_its_file(tmp_path: Path, student: str, dataset: str) -> None:
    known = DATASETS[dataset].known
    features = known.feature_count if known.shape is None else known.shape[0]
    save_student(build_model(student, features, known.classes), tmp_path / "student.pt")
    space = {"method/transfer/rate": {"type": "float", "low": 0.001, "high": 0.03}}
    method, teacher = ("acgkd", "gin-2-8") if dataset == "motifs" else ("noise", "resnet-8")
    changes = {"dataset": dataset, "teacher": teacher, "method": {"name": method}, "space": space}
    spec = load({**TREE, **changes, "student": student})
    assert student_bytes(spec, None) == pytest.approx((tmp_path / "student.pt").stat().st_size, rel=0.2)


def said(**changes: Any) -> str:
    spec = load({**TREE, **changes})
    return students(spec, spec.inspection.survey(spec.space))


def test_check_says_how_much_room_students_take(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    each = student_bytes(load(TREE), None) / 1000
    assert said() == f"about {3 * 2 * each:.1f} kB: {each:.1f} kB for each replicate of 3 trials"
    front = said(artefacts={"students": "front"}, controls=["random_graphs"])
    assert front.startswith(f"at most {4 * 2 * each:.1f} kB: ")
    assert front.endswith("for each replicate of the front and 1 control")
    assert said(artefacts={"students": "chosen"}).endswith("for each replicate of the chosen trial")
    assert said(budget={"hours": 2}).endswith("for each replicate of a trial and each control")
    large = said(student="gin-64-2048", budget={"trials": 100})
    assert "`artefacts: {students: front}` keeps fewer" in large
    assert "GB" in large
    (tmp_path / "small.yaml").write_text(json.dumps(TREE))
    assert main(["check", str(tmp_path / "small.yaml")]) == 0
    assert "for each replicate of 3 trials" in " ".join(capsys.readouterr().out.split())
