"""Replicates at work together: the driver sees what it sees of replicates one by one, whatever happens to them."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import StorageError
from sweeps.engine.launch import open_driver
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.advisories import notes
from sweeps.worker import replicate_runner
from sweeps.worker.job_runner import JobRunner
from sweeps.worker.messages import Job
from sweeps.worker.stacks.at_work import may_stack

SEEDS = (0, 1, 2)


def go(lab: ModuleType, folder: Path, **changes: Any) -> dict[str, int]:
    spec = lab.make_spec(**{"trials": 2, "seeds": SEEDS, **changes})
    return dict(run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments()).counts)


def stacks(lab: ModuleType, folder: Path) -> int:
    return len(lab.events(folder, "together"))


def left_over(folder: Path) -> list[Path]:
    return [path for path in (folder / "trials").rglob("*") if path.is_file() and path.name != "trial.json"]


def untimed(lab: ModuleType, folder: Path) -> list[dict[str, Any]]:
    rows = lab.trials(folder)
    attempts = ("replicate", "attempt", "outcome", "cause")
    return [
        {"state": row["state"], "values": row["values"], "rungs": sorted(row["rungs"])}
        | {"attempts": [[attempt.get(name) for name in attempts] for attempt in row["attempts"]]}
        for row in rows
    ]


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({}, "completed"),
        ({"scheduler": "observe"}, "completed"),
        ({"transfer": {"fault": "diverge", "fault_seed": 1}}, "infeasible"),
        ({"transfer": {"fault": "diverge", "fault_seed": 0}}, "infeasible"),
        ({"transfer": {"fault": "bug", "fault_seed": 1}}, "failed"),
        ({"transfer": {"fault": "bug"}}, "failed"),
        ({"transfer": {"fault": "nan"}}, "infeasible"),
    ],
    ids=str,
)
def test_trials_and_records_are_those_of_one_by_one(
    lab: ModuleType, tmp_path: Path, changes: dict[str, Any], ends: str
) -> None:
    assert go(lab, tmp_path / "off", **changes) == {ends: 2}
    assert go(lab, tmp_path / "auto", stacked="auto", **changes) == {ends: 2}
    assert stacks(lab, tmp_path / "auto") >= 2
    assert stacks(lab, tmp_path / "off") == 0
    assert lab.table(tmp_path / "auto") == lab.table(tmp_path / "off")
    assert untimed(lab, tmp_path / "auto") == untimed(lab, tmp_path / "off")
    assert left_over(tmp_path / "auto") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"scheduler": "halving"},
        {"artefacts": {"validation_curves": True}},
        {"transfer": {"stacks": False}},
        {"seeds": (0,)},
        {"controls": ("random_graphs",), "trials": 1},
    ],
    ids=("may be stopped early", "looked at on its way", "models do not allow it", "one seed", "controls"),
)
def test_where_replicates_stay_one_by_one(lab: ModuleType, tmp_path: Path, changes: dict[str, Any]) -> None:
    go(lab, tmp_path, stacked="auto", **changes)
    assert stacks(lab, tmp_path) == ("controls" in changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scheduler": "halving"}, "may stop a trial after the first of them"),
        ({"artefacts": {"validation_curves": True}}, "looks at each on its way"),
        ({"seeds": (0,)}, "there is one seed"),
        ({}, None),
    ],
)
def test_a_check_says_where_the_key_changes_nothing(lab: ModuleType, changes: dict[str, Any], why: str | None) -> None:
    lines = [line for line in notes(lab.make_spec(stacked="auto", **{"seeds": SEEDS, **changes})) if "stacked" in line]
    assert len(lines) == (why is not None)
    assert why is None or why in lines[0]


@pytest.mark.parametrize("how", [{"guarded": True}, {"alone": True}, {"kind": "control"}], ids=str)
def test_where_a_cause_is_looked_for_they_are_one_by_one(lab: ModuleType, how: dict[str, Any]) -> None:
    job, spec = Job("trial", "trial-0000", "trial 0", SEEDS, {}, 1), lab.make_spec(stacked="auto", seeds=SEEDS)
    assert may_stack(spec, job)
    assert not may_stack(spec, replace(job, **how))


def job_of(driver: Any) -> Job:
    driver.prepare()
    while isinstance(job := driver.next(), Job):
        driver.started(job)
        if job.kind == "trial":
            return job
        while driver.report(job, JobRunner(driver.spec, driver.folder, job, driver.experiments).step()):
            pass
    raise AssertionError("there was no trial")


@pytest.mark.parametrize(("before", "after"), [("auto", "off"), ("off", "auto"), ("auto", "auto")])
@pytest.mark.parametrize("killed", [False, True], ids=("stopped", "killed"))
def test_each_continues_from_its_own_checkpoint(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str, killed: bool
) -> None:
    monkeypatch.setattr(replicate_runner, "CHECKPOINT_S", 0.0)
    monkeypatch.setattr("sweeps.worker.stacks.replicate_stack.SLICE_S", 0.02)
    monkeypatch.setattr(replicate_runner, "SLICE_S", 0.01)
    changes: dict[str, Any] = {"trials": 1, "seeds": SEEDS, "transfer": {"delay_s": 0.002, "steps": 30}}
    with open_driver(lab.make_spec(stacked=before, **changes), tmp_path / "cut", lab.FakeExperiments()) as driver:
        job = job_of(driver)
        runner = JobRunner(driver.spec, driver.folder, job, driver.experiments)
        for _ in range(3):
            driver.report(job, runner.step())
        if killed:
            driver.died(job, None)
        else:
            runner.checkpoint()
            driver.interrupted(job)
    at = {path.name[:2] for path in (tmp_path / "cut" / "trials").rglob("*.ckpt")}
    assert at == ({"00", "01", "02"} if before == "auto" else {"00"})
    go(lab, tmp_path / "cut", stacked=after, **changes)
    go(lab, tmp_path / "calm", **changes)
    assert lab.table(tmp_path / "cut") == lab.table(tmp_path / "calm")
    assert len(lab.events(tmp_path / "cut", "loaded")) == len(at)
    assert left_over(tmp_path / "cut") == []


def test_seconds_of_each_are_those_that_its_run_counts(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, stacked="auto", trials=1, transfer={"steps": 16})
    rows = [json.loads(path.read_text()) for path in (tmp_path / "records").glob("trial*")]
    assert [row["cost"]["transfer_s"] for row in rows] == [2.0] * 3


def test_a_full_disk_is_no_reason_to_continue_one_by_one(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("the disk is full")

    with open_driver(lab.make_spec(stacked="auto", trials=1, seeds=SEEDS), tmp_path, lab.FakeExperiments()) as driver:
        job = job_of(driver)
        monkeypatch.setattr(replicate_runner.ReplicateRunner, "arrived", refuse)
        with pytest.raises(StorageError, match="full"):
            JobRunner(driver.spec, driver.folder, job, driver.experiments).step()
        driver.interrupted(job)
