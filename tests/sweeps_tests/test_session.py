"""The session without any executor: jobs go out, deaths come in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweeps.errors import StaleEpochError, StorageError, SweepError
from sweeps.job import Job
from sweeps.runner import JobRunner
from sweeps.session import Nothing, Session


@contextmanager
def opened(lab: ModuleType, folder: Path, **changes: Any) -> Iterator[Session]:
    with Session(lab.make_spec(**changes), folder, lab.FakeLaboratory()) as session:
        session.prepare()
        yield session


def give(session: Session) -> Job:
    job = session.next()
    assert isinstance(job, Job)
    session.started(job)
    return job


def do(session: Session, job: Job) -> None:
    runner = JobRunner(session.spec, session.folder, job, session.laboratory)
    while session.report(job, runner.step()):
        pass


def first_trial(session: Session) -> Job:
    while (job := give(session)).kind != "trial":
        do(session, job)
    return job


def test_teachers_come_first_and_trials_wait_for_them(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path) as session:
        first, second = give(session), give(session)
        assert [first.kind, second.kind] == ["teacher", "teacher"]
        assert session.next() is Nothing.NOW
        do(session, second)
        assert session.next() is Nothing.NOW
        do(session, first)
        assert give(session).kind == "trial"
        assert (session.snapshot().prepared, session.snapshot().to_prepare) == (2, 2)


def test_a_trial_whose_file_is_there_before_it_runs(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path) as session:
        while (job := session.next()) is not Nothing.NOW and isinstance(job, Job) and job.kind == "teacher":
            session.started(job)
            do(session, job)
        assert isinstance(job, Job)
        assert lab.trials(tmp_path)[0]["state"] == "waiting"
        session.started(job)
        assert lab.trials(tmp_path)[0]["state"] == "running"
        assert session.snapshot().running[0].number == 0


def test_lost_work_is_given_out_again_five_times(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1) as session:
        job = first_trial(session)
        for attempt in range(5):
            assert (job.number, job.attempts[0]) == (0, attempt)
            session.died(job, None)
            following = session.next()
            if attempt < 4:
                assert isinstance(following, Job)
                session.started(following)
                job = following
        assert following is Nothing.EVER
    trial = lab.trials(tmp_path)[0]
    assert trial["state"] == "failed"
    assert [attempt["outcome"] for attempt in trial["attempts"]] == ["lost"] * 4 + ["failed"]


def test_a_worker_ended_for_its_memory_is_out_of_memory(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1, seeds=(0,)) as session:
        session.died(first_trial(session), MemoryError("the node ran low on memory"))
        assert session.next() is Nothing.EVER
    trial = lab.trials(tmp_path)[0]
    assert (trial["state"], trial["attempts"][0]["outcome"]) == ("infeasible", "out_of_memory")


def test_a_death_after_the_record_loses_nothing(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1, seeds=(0,)) as session:
        job = first_trial(session)
        runner = JobRunner(session.spec, session.folder, job, session.laboratory)
        while not runner.done:
            runner.step()  # its last report never arrives
        session.died(job, None)
        assert session.next() is Nothing.EVER
    assert lab.trials(tmp_path)[0]["state"] == "completed"
    assert len(lab.events(tmp_path, "measured")) == 1


@pytest.mark.parametrize("error", [StorageError("the disk is full"), SweepError("no such folder there")])
def test_what_no_trial_is_to_blame_for_stops_the_sweep(lab: ModuleType, tmp_path: Path, error: SweepError) -> None:
    with opened(lab, tmp_path) as session:
        session.died(first_trial(session), error)
        assert session.stopping
        assert session.next() is Nothing.EVER
        with pytest.raises(type(error), match=str(error)):
            session.summary()
    assert lab.trials(tmp_path)[0]["state"] == "waiting"


def test_a_worker_of_an_older_start_leaves_at_its_next_commit(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1, seeds=(0,), transfer={"steps": 200, "delay_s": 0.01}) as session:
        job = first_trial(session)
        old = JobRunner(session.spec, session.folder, job, session.laboratory)
        old.step()
        session.folder.begin_epoch()
        with pytest.raises(StaleEpochError):
            old.step()
        with pytest.raises(StaleEpochError):
            old.checkpoint()
        session.died(job, StaleEpochError("start 1 was followed by start 2"))
        with pytest.raises(SweepError, match="Another driver has taken"):
            session.summary()
    assert not list((tmp_path / "records").glob("trial*"))
    assert not list((tmp_path / "trials").rglob("*.ckpt"))


def test_of_two_workers_at_one_replicate_the_first_record_stands(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, trials=1, seeds=(0,)) as session:
        job = first_trial(session)
        one, other = (JobRunner(session.spec, session.folder, job, session.laboratory) for _ in range(2))
        report = one.step()
        while not one.done:
            report = one.step()
        path = tmp_path / "records" / "trial-0000-00.json"
        before = path.read_text()
        while not other.done:
            assert other.step().record in (None, before)
        assert path.read_text() == before
        session.report(job, report)


def test_a_teacher_that_keeps_dying_stops_the_sweep(lab: ModuleType, tmp_path: Path) -> None:
    with opened(lab, tmp_path, seeds=(3,)) as session:
        for _ in range(5):
            session.died(give(session), None)
        assert session.stopping
        with pytest.raises(SweepError, match="teacher of seed 3 cannot be made"):
            session.summary()
