"""The driver without any executor: jobs go out, deaths come in."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import StaleGenerationError, StorageError, SweepError
from sweeps.engine.driver import Driver, NoJob
from sweeps.engine.launch import open_driver
from sweeps.engine.node_table import SeenNode
from sweeps.worker.job_runner import JobRunner
from sweeps.worker.messages import Job, Report


@contextmanager
def opened(lab: ModuleType, folder: Path, **changes: Any) -> Iterator[Driver]:
    with open_driver(lab.make_spec(**changes), folder, lab.FakeExperiments()) as driver:
        driver.prepare()
        yield driver


def give(driver: Driver) -> Job:
    job = driver.next()
    assert isinstance(job, Job)
    driver.started(job)
    return job


def do(driver: Driver, job: Job) -> None:
    runner = JobRunner(driver.spec, driver.folder, job, driver.experiments)
    while driver.report(job, runner.step()):
        pass


def first_trial(driver: Driver) -> Job:
    while (job := give(driver)).kind != "trial":
        do(driver, job)
    return job


def test_teachers_come_first_and_trials_wait_for_them(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path) as driver:
        first, second = give(driver), give(driver)
        assert [first.kind, second.kind] == ["teacher", "teacher"]
        assert driver.next() is NoJob.TEACHER
        do(driver, second)
        assert driver.next() is NoJob.TEACHER
        do(driver, first)
        assert give(driver).kind == "trial"
        assert (driver.snapshot().prepared, driver.snapshot().to_prepare) == (2, 2)


def test_a_trial_whose_file_is_there_before_it_runs(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path) as driver:
        while (job := driver.next()) is not NoJob.TEACHER and isinstance(job, Job) and job.kind == "teacher":
            driver.started(job)
            do(driver, job)
        assert isinstance(job, Job)
        assert lab.trials(tmp_path)[0]["state"] == "waiting"
        driver.started(job)
        assert lab.trials(tmp_path)[0]["state"] == "running"
        assert driver.snapshot().running[0].number == 0


def test_losses_without_progress_end_in_the_next_start(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1) as driver:
        job = first_trial(driver)
        for attempt in range(5):
            assert (job.number, job.attempts[0]) == (0, attempt)
            driver.died(job, None)
            following = driver.next()
            if attempt < 4:
                assert isinstance(following, Job)
                driver.started(following)
                job = following
        assert following is NoJob.FINISHED
        assert driver.summary().set_back == {"trial 0": "its worker died"}
    trial = lab.trials(tmp_path)[0]
    assert trial["state"] == "waiting"
    assert [(attempt["outcome"], attempt["cause"]) for attempt in trial["attempts"]] == [("lost", "platform")] * 5
    with opened(lab, tmp_path, trials=1) as driver:
        do(driver, give(driver))
    assert lab.trials(tmp_path)[0]["state"] == "completed"


def test_a_worker_ended_for_its_memory_is_out_of_memory(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1, seeds=(0,)) as driver:
        driver.died(first_trial(driver), MemoryError("the node ran low on memory"))
        again = give(driver)
        assert again.alone
        assert driver.next() is NoJob.WAIT
        driver.died(again, MemoryError("the node ran low on memory"))
        assert driver.next() is NoJob.FINISHED
    trial = lab.trials(tmp_path)[0]
    assert trial["state"] == "infeasible"
    assert [attempt["outcome"] for attempt in trial["attempts"]] == ["out_of_memory"] * 2


def test_a_death_after_the_record_loses_nothing(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1, seeds=(0,)) as driver:
        job = first_trial(driver)
        runner = JobRunner(driver.spec, driver.folder, job, driver.experiments)
        while not runner.done:
            runner.step()  # its last report never arrives
        driver.died(job, None)
        assert driver.next() is NoJob.FINISHED
    assert lab.trials(tmp_path)[0]["state"] == "completed"
    assert len(lab.events(tmp_path, "measured")) == 1


@pytest.mark.parametrize("error", [StorageError("the disk is full"), SweepError("no such folder there")])
def test_what_no_trial_is_to_blame_for_stops_the_sweep(lab: ModuleType, tmp_path: Path, error: SweepError) -> None:
    with opened(lab, tmp_path) as driver:
        driver.died(first_trial(driver), error)
        assert driver.stopping
        assert driver.next() is NoJob.FINISHED
        with pytest.raises(type(error), match=str(error)):
            driver.summary()
    assert lab.trials(tmp_path)[0]["state"] == "waiting"


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_folder_that_fails_on_one_node_alone_is_that_nodes_fault(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: int
) -> None:
    monkeypatch.setattr("sweeps.faults.retries.FIRST_PAUSE_S", 0.0)
    with opened(lab, tmp_path, trials=1, seeds=(0,)) as driver:
        driver.nodes.look([SeenNode(f"id{number}", f"n{number}", f"10.0.0.{number}") for number in range(nodes)])
        job = first_trial(driver)
        driver.report(job, Report(0, 0.1, host="n0", node="id0"))
        read_only = OSError(errno.EROFS, "Read-only file system", str(tmp_path / "work" / "file"))
        driver.died(job, read_only)
        if nodes == 1:
            with pytest.raises(StorageError, match="Read-only file system"):
                driver.summary()
        else:
            assert driver.failures.nodes["id0"].reason.startswith("NodeError: The driver reaches the sweep folder")
            do(driver, give(driver))
            assert driver.summary().counts == {"completed": 1}
    attempts = lab.trials(tmp_path)[0]["attempts"]
    assert [item["cause"] for item in attempts] == ([None] if nodes == 1 else ["node", None])


def test_a_folder_that_is_gone_for_all_is_no_nodes_fault_and_is_not_made_again(lab: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", str(folder / "work" / "file"))

    def lose() -> None:
        with opened(lab, folder, trials=1) as driver:
            driver.nodes.look([SeenNode(f"id{number}", f"n{number}", f"10.0.0.{number}") for number in range(2)])
            first_trial(driver)
            shutil.rmtree(folder)
            raise driver.failures.whose(error)

    with pytest.raises(FileNotFoundError, match="work/file"):
        lose()
    assert not folder.exists()


def test_a_worker_of_an_older_start_leaves_at_its_next_commit(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1, seeds=(0,), transfer={"steps": 200, "delay_s": 0.01}) as driver:
        job = first_trial(driver)
        old = JobRunner(driver.spec, driver.folder, job, driver.experiments)
        old.step()
        driver.folder.begin_generation()
        with pytest.raises(StaleGenerationError):
            old.step()
        with pytest.raises(StaleGenerationError):
            old.checkpoint()
        driver.died(job, StaleGenerationError("start 1 was followed by start 2"))
        with pytest.raises(SweepError, match="Another driver has taken"):
            driver.summary()
    assert not list((tmp_path / "records").glob("trial*"))
    assert not list((tmp_path / "trials").rglob("*.ckpt"))


def test_of_two_workers_at_one_replicate_the_first_record_stands(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1, seeds=(0,)) as driver:
        job = first_trial(driver)
        one, other = (JobRunner(driver.spec, driver.folder, job, driver.experiments) for _ in range(2))
        report = one.step()
        while not one.done:
            report = one.step()
        path = tmp_path / "records" / "trial-0000-00.json"
        before = path.read_text()
        while not other.done:
            assert other.step().record in (None, before)
        assert path.read_text() == before
        driver.report(job, report)


def test_a_teacher_that_keeps_dying_stops_the_sweep(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, seeds=(3,)) as driver:
        for _ in range(5):
            driver.died(give(driver), None)
        assert driver.stopping
        with pytest.raises(SweepError, match="teacher of seed 3 cannot be made"):
            driver.summary()


def test_a_worker_that_dies_after_its_trial_has_ended_changes_nothing(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1) as driver:
        job = first_trial(driver)
        do(driver, job)
        before = driver.folder.read_trials()
        assert before[0].state == "completed"
        driver.died(job, None)
        assert driver.folder.read_trials() == before
        assert driver.fatal is None
