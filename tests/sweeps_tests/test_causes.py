"""Whose fault it was: every cause is caused for real, and only a trial's own fault counts against it."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import NodeError, RepeatedFailureError
from analysis import reports
from sweeps.engine.driver import Driver, NoJob
from sweeps.engine.launch import open_driver
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.faults.classification import failure_of
from sweeps.faults.failure import Failure, JobFailedError
from sweeps.faults.retries import Others, decide, idle_losses
from sweeps.faults.retry_queue import Entry, RetryQueue
from sweeps.faults.streaks import SetAside, Streaks
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Attempt
from sweeps.worker.guarded_runner import GuardedRunner
from sweeps.worker.job_runner import JobRunner
from sweeps.worker.messages import Job

HERE = Path(__file__).parent


def go(lab: ModuleType, folder: Path, **changes: Any) -> dict[str, int]:
    summary = run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments())
    return dict(summary.counts)


def choices(*kinds: str) -> dict[str, Any]:
    return {"method/transfer/fault": {"type": "categorical", "choices": kinds}}


def drive(folder: Path, **changes: Any) -> subprocess.CompletedProcess[str]:
    """A start in a process of its own, which may die."""
    command = [sys.executable, str(HERE / "drive.py"), "inprocess", str(folder), json.dumps(changes)]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


# ---- what an exception says


def raised(function: Callable[[], object]) -> Failure:
    try:
        function()
    except Exception as error:
        return failure_of(error)
    raise AssertionError("nothing was raised")


def wrapped(error: Exception) -> Callable[[], object]:
    def run() -> None:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("while loading a batch") from inner

    return run


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.EIO, "Input/output error"), "machine"),
        (OSError(errno.ESTALE, "Stale file handle"), "machine"),
        (OSError(errno.EMFILE, "Too many open files"), "machine"),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), "machine"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "machine"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "machine"),
        (RuntimeError("CUDA error: no kernel image is available for execution on the device"), "node"),
        (RuntimeError("No CUDA GPUs are available"), "node"),
        (NodeError("Every node must see the sweep folder"), "node"),
        (RuntimeError("CUDA error: device-side assert triggered"), "trial"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"), "trial"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "trial"),
        (KeyError("a bug"), "trial"),
    ],
)
def test_an_exception_says_whose_fault_it_was(error: Exception, cause: str) -> None:
    found = raised(wrapped(error))
    assert found.cause == cause
    assert found.outcome == ("failed" if cause == "trial" else "lost")
    assert type(error).__name__ in found.trace or isinstance(error, NodeError)


def test_too_many_open_files_in_earnest_are_the_machine() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []

    def open_many() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 8, before[1]))
        while True:
            held.append(open(os.devnull))  # noqa: SIM115

    try:
        found = raised(open_many)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for file in held:
            file.close()
    assert found.cause == "machine"


@pytest.mark.parametrize("own", ["line 3", 7, None, ("box", "node")])
def test_what_a_users_error_calls_its_place_is_no_node(own: object) -> None:
    error = KeyError("a bug")
    error.place = own  # type: ignore[attr-defined]
    assert (raised(wrapped(error)).cause, failure_of(error).node) == ("trial", "")


def test_a_guarded_child_speaks_for_its_workers_node(lab: ModuleType, tmp_path: Path) -> None:
    spec = lab.make_spec(trials=1, seeds=(0,), transfer={"fault": "oom"})
    with open_driver(spec, tmp_path, lab.FakeExperiments(hurry=True)) as driver:
        driver.prepare()
        job = next_trial(driver)
        runner = GuardedRunner(spec, driver.folder, replace(job, guarded=True), lab.FakeExperiments(hurry=True))
        runner.node = "id-7"

        def work() -> None:
            while True:
                assert runner.step().node == "id-7"

        with pytest.raises(JobFailedError) as raised_there:
            work()
        assert raised_there.value.failure.node == "id-7"
        driver.interrupted(job)


def test_equal_failures_have_one_signature() -> None:
    one = Failure("machine", "lost", "OSError: [Errno 5] Input/output error: '/a/b/part-17'\nmore")
    other = Failure("machine", "lost", "OSError: [Errno 5] Input/output error: '/a/c/part-18'\nelse")
    assert one.signature == other.signature
    assert one.signature != Failure("trial", "failed", "KeyError: 'x'").signature


# ---- the machine


class Shaky:
    """Raises an error of the machine's at the first starts of a few runs, then works."""

    def __init__(self, lab: ModuleType, error: Exception, times: int, of: Callable[[Any], bool] = bool) -> None:
        raised: list[str] = []

        class Experiments(lab.FakeExperiments):  # type: ignore[misc, name-defined]
            def experiment(self, config: Any, seed: int, home: Path) -> Any:
                made = super().experiment(config, seed, home)
                start = made.start

                def shaky() -> Any:
                    if len(raised) < times and of(config):
                        raised.append(str(error))
                        raise error
                    return start()

                made.start = shaky
                return made

        self.raised = raised
        self.experiments = Experiments()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.faults.retries.FIRST_PAUSE_S", 0.0)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "error",
    [OSError(errno.EIO, "Input/output error"), RuntimeError("CUDA error: uncorrectable ECC error encountered")],
)
def test_a_fault_of_the_machine_is_tried_again(lab: ModuleType, tmp_path: Path, error: Exception) -> None:
    shaky = Shaky(lab, error, times=3)
    run_sweep(lab.make_spec(trials=3), tmp_path / "shaky", InProcess(), experiments=shaky.experiments)
    run_sweep(lab.make_spec(trials=3), tmp_path / "calm", InProcess(), experiments=lab.FakeExperiments())
    assert len(shaky.raised) == 3
    assert lab.table(tmp_path / "shaky") == lab.table(tmp_path / "calm")
    attempts = lab.trials(tmp_path / "shaky")[0]["attempts"]
    assert [(attempt["outcome"], attempt["cause"]) for attempt in attempts[:4]] == [
        *[("lost", "machine")] * 3,
        ("completed", None),
    ]
    assert all(attempt["host"] for attempt in attempts)
    assert type(error).__name__ in (tmp_path / "shaky" / attempts[0]["log"]).read_text()
    assert "machine" in (tmp_path / "shaky" / "logs" / "driver.log").read_text()


@pytest.mark.usefixtures("no_pauses")
def test_a_machine_that_stays_broken_stops_the_sweep_and_no_trial_fails(lab: ModuleType, tmp_path: Path) -> None:
    shaky = Shaky(lab, OSError(errno.EIO, "Input/output error"), times=1000)
    with pytest.raises(RepeatedFailureError, match=r"5 jobs in a row.*Input/output error.*fix, the same command"):
        run_sweep(lab.make_spec(trials=3), tmp_path, InProcess(), experiments=shaky.experiments)
    assert {trial["state"] for trial in lab.trials(tmp_path)} == {"waiting"}
    assert go(lab, tmp_path, trials=3) == {"completed": 3}


@pytest.mark.parametrize("others_work", [True, False])
def test_what_only_one_trial_meets_again_and_again_is_its_own(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others_work: bool
) -> None:
    monkeypatch.setattr("sweeps.faults.retries.FIRST_PAUSE_S", 0.0)
    fault = Failure("machine", "lost", "OSError: [Errno 5] Input/output error", host="node7", node="id7")
    spec = lab.make_spec(trials=8, seeds=(0,), failures={"stop_after": 0})
    with open_driver(spec, tmp_path, lab.FakeExperiments()) as driver:
        driver.prepare()
        first = next_trial(driver)
        for _ in range(5):
            other = next_trial(driver) if others_work else None
            driver.died(first, JobFailedError(fault))
            if other is not None:
                do(driver, other)
            following = driver.next()
            if isinstance(following, Job) and following.number == first.number:
                driver.started(following)
                first = following
    trial = lab.trials(tmp_path)[first.number or 0]
    if others_work:
        assert (trial["state"], "the same in 5 attempts" in trial["message"]) == ("failed", True)
    else:
        assert trial["state"] == "waiting"


def next_trial(driver: Driver) -> Job:
    """The next trial's job, begun; teachers before it are made."""
    while True:
        job = driver.next()
        assert isinstance(job, Job)
        driver.started(job)
        if job.kind == "trial":
            return job
        do(driver, job)


def do(driver: Driver, job: Job) -> None:
    """Does a job to its end."""
    runner = JobRunner(driver.spec, driver.folder, job, driver.experiments)
    while driver.report(job, runner.step()):
        pass


# ---- bugs


def test_the_same_bug_in_every_trial_stops_the_sweep(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 12, "space": {**lab.SPACE, **choices("bug")}, "sampler": {"name": "random"}}
    with pytest.raises(RepeatedFailureError) as caught:
        go(lab, tmp_path, **changes)
    said = str(caught.value)
    assert said.count("KeyError") == 1
    assert "5 jobs in a row" in said
    assert "acgkd retry" in said
    assert len(lab.trials(tmp_path)) == 5
    with pytest.raises(RepeatedFailureError):
        go(lab, tmp_path / "two", **changes, failures={"stop_after": 2})
    assert len(lab.trials(tmp_path / "two")) == 2
    assert go(lab, tmp_path / "never", **changes, failures={"stop_after": 0}) == {"failed": 12}


def test_settings_that_cannot_be_run_here_stop_nothing(lab: ModuleType, tmp_path: Path) -> None:
    space = {**lab.SPACE, **choices("diverge", "oom")}
    assert go(lab, tmp_path, trials=7, seeds=(0,), space=space, sampler={"name": "random"}) == {"infeasible": 7}


# ---- processes that die


@pytest.mark.parametrize("fault", [pytest.param("die", marks=pytest.mark.cluster), "crash"])
def test_a_trial_that_always_kills_its_process_is_infeasible(lab: ModuleType, tmp_path: Path, fault: str) -> None:
    changes = {"trials": 2, "seeds": [0], "space": choices(fault, "none"), "sampler": {"name": "grid"}}
    codes = []
    while not codes or codes[-1] != 0:
        codes.append(drive(tmp_path, **changes).returncode)
        assert len(codes) <= 3, "a sweep must not die at every start"
    assert codes[:2] == [-9 if fault == "die" else -11] * 2
    found = {trial["parameters"]["method/transfer/fault"]: trial for trial in lab.trials(tmp_path)}
    assert found["none"]["state"] == "completed"
    dead = found[fault]
    assert (dead["state"], dead["constraint"]) == ("infeasible", 1.0)
    assert [attempt["outcome"] for attempt in dead["attempts"]] == ["lost", "lost", "crashed"]
    assert [attempt["cause"] for attempt in dead["attempts"]] == ["platform", "platform", "trial"]
    assert ("SIGSEGV" if fault == "crash" else "SIGKILL") in dead["message"]
    if fault == "crash":
        assert "Segmentation fault" in (tmp_path / dead["attempts"][0]["log"]).read_text()


@pytest.mark.cluster  # some ten seconds of work that is cut off four times
def test_drivers_killed_at_different_places_are_no_crash(lab: ModuleType, tmp_path: Path) -> None:
    changes = {"trials": 1, "seeds": [0], "transfer": {"steps": 40, "fault": "die further", "delay_s": 0.1}}
    codes = []
    while not codes or codes[-1] != 0:
        codes.append(drive(tmp_path, **changes).returncode)
        assert len(codes) <= 7
    assert len(codes) >= 4
    trial = lab.trials(tmp_path)[0]
    assert trial["state"] == "completed"
    assert {attempt["cause"] for attempt in trial["attempts"][:-1]} == {"platform"}


# ---- the rules alone


def attempts(*progress: float, place: str = "", cause: str = "platform") -> list[Attempt]:
    return [
        Attempt.model_validate(
            {"replicate": 0, "attempt": n, "generation": 1, "outcome": "lost", "progress": p, "cause": cause}
            | {"place": place or str(p)}
        )
        for n, p in enumerate(progress)
    ]


LOST = Failure("platform", "lost", "its worker died")


def test_losses_have_no_limit_while_the_replicate_gets_further() -> None:
    rising = [n / 100 for n in range(1, 51)]
    assert decide(attempts(*rising), LOST).action == "retry"
    assert decide(attempts(*rising, *[0.5] * 3), LOST).action == "retry"
    assert decide(attempts(*rising, *[0.5] * 4), LOST).action == "later"
    assert idle_losses(attempts(0.1, 0.1, 0.2)) == 1


def test_the_third_attempt_at_one_place_is_guarded() -> None:
    assert not decide(attempts(0.1), LOST).guarded
    assert decide(attempts(0.1, 0.1), LOST).guarded
    assert not decide(attempts(0.1, 0.2), LOST).guarded


def test_a_crash_beside_a_neighbours_is_tried_again() -> None:
    crash = Failure("trial", "crashed", "its process died by SIGKILL")
    assert decide(attempts(0.1, 0.1, 0.1), crash).action == "final"
    assert decide(attempts(0.1, 0.1, 0.1), crash, Others(died=True)).action == "retry"


def test_a_broken_node_is_set_aside_and_the_sweep_continues() -> None:
    streaks = Streaks(limit=3)
    bad = Failure("node", "lost", "no kernel image", host="b", node="b")
    streaks.worked("a")
    found = streaks.failed(bad, "trial 1")
    assert isinstance(found, SetAside), "one is enough where the node itself lacks something"
    assert str(found) == "b gets no more work: no kernel image"
    assert not found.again
    late = streaks.failed(bad, "trial 2")
    assert isinstance(late, SetAside)
    assert late.again, "it had been on its way there"
    assert list(streaks) == [found]
    # The last node that is left is never set aside: the sweep stops.
    bad_too = Failure("node", "lost", "no kernel image", host="a", node="a")
    assert [streaks.failed(bad_too, "trial 3") for _ in range(2)] == [None, None]
    assert not isinstance(streaks.failed(bad_too, "trial 3"), SetAside | None)


def test_a_node_is_set_aside_for_errors_that_trials_could_have_made_only_after_more_of_them() -> None:
    streaks = Streaks(limit=3)
    odd = Failure("trial", "failed", "KeyError", host="b", node="b")
    streaks.worked("a")
    assert [streaks.failed(odd, f"trial {n}") for n in range(2)] == [None, None]
    assert isinstance(streaks.failed(odd, "trial 2"), SetAside)


def test_where_every_node_lacks_something_the_sweep_stops() -> None:
    streaks, there = Streaks(limit=3), {"a", "b"}
    lacking = [Failure("node", "lost", "no folder", host=node, node=node) for node in ("a", "b", "b", "b")]
    found = [streaks.failed(failure, "t", present=there) for failure in lacking]
    assert isinstance(found[0], SetAside), "another one is there, though nothing has ended on it yet"
    assert found[1:3] == [None, None], "the last one keeps its work"
    assert found[3] is not None
    assert not isinstance(found[3], SetAside)


def test_a_trial_avoids_all_nodes_on_which_it_failed() -> None:
    queue = RetryQueue()
    queue.add(7, node="a")
    assert queue.take(0) == (7, Entry(nodes=("a",)))
    queue.add(7, node="b")
    assert queue.take(0) == (7, Entry(nodes=("a", "b")))
    queue.discard(7)
    queue.add(7)
    assert queue.take(0) == (7, Entry())


def test_a_node_that_lacks_something_is_not_waited_for() -> None:
    lacking, broken = Failure("node", "lost", "no device"), Failure("machine", "lost", "EIO")
    assert [decide(attempts(*[0.0] * n), lacking).pause_s for n in (1, 2, 3)] == [1.0, 1.0, 1.0]
    assert [decide(attempts(*[0.0] * n), broken).pause_s for n in (1, 2, 3)] == [1.0, 2.0, 4.0]


def test_a_failure_on_every_node_stops_the_sweep() -> None:
    streaks = Streaks(limit=4)
    found = [streaks.failed(Failure("trial", "failed", "KeyError", node=node), "t") for node in ("a", "b", "a", "b")]
    assert found[:3] == [None] * 3
    assert found[3] is not None
    assert not isinstance(found[3], SetAside)


@pytest.mark.usefixtures("whole_reports")
@pytest.mark.usefixtures("no_pauses")
def test_a_node_that_was_set_aside_is_named_in_status_and_report(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2)
    bad = Failure("node", "lost", "RuntimeError: no kernel image is available", host="node7", node="id7")
    with open_driver(lab.make_spec(trials=3), tmp_path, lab.FakeExperiments()) as driver:
        driver.prepare()
        job = driver.next()
        assert isinstance(job, Job)
        driver.failures.recorded(job, SweepFolder(tmp_path).read_record("trial-0000", 0), "id6")  # type: ignore[arg-type]
        driver.started(job)
        driver.died(job, JobFailedError(bad))
        while (following := driver.next()) is NoJob.PAUSE:
            time.sleep(0.05)
        assert isinstance(following, Job)
        job = following
        assert job.elsewhere == ("id7",)
        assert driver.summary().set_aside == ("node7 gets no more work: RuntimeError: no kernel image is available",)
    assert {trial["state"] for trial in lab.trials(tmp_path)} == {"completed", "waiting"}
    (line,) = SweepFolder(tmp_path).status().set_aside
    assert "node7" in line
    report = reports.write([tmp_path], tmp_path / "report").with_suffix(".md").read_text()
    assert "node7 gets no more work" in " ".join(report.split())


def test_trials_that_failed_on_a_broken_node_alone_run_again_elsewhere(lab: ModuleType, tmp_path: Path) -> None:
    space = {**lab.SPACE, **choices("bug")}
    with open_driver(lab.make_spec(trials=6, seeds=(0,), space=space), tmp_path, lab.FakeExperiments()) as driver:
        driver.prepare()
        done, failed = [], []
        while len(failed) < 5:
            job = driver.next()
            assert isinstance(job, Job)
            driver.started(job)
            runner = JobRunner(driver.spec, driver.folder, job, driver.experiments)
            runner.node = "sound" if job.kind == "teacher" else "broken"
            while driver.report(job, runner.step()):
                pass
            (done if job.kind == "teacher" else failed).append(job.number)
        assert driver.fatal is None
        assert driver.failures.nodes["broken"].trials == tuple(failed)
        again = driver.next()
        assert isinstance(again, Job)
        assert (again.number, again.elsewhere) == (failed[0], ("broken",))
    trials = lab.trials(tmp_path)
    assert {trial["state"] for trial in trials} == {"waiting"}
    assert {(a["outcome"], a["cause"]) for trial in trials for a in trial["attempts"]} == {("lost", "node")}
    assert not list((tmp_path / "records").glob("trial-*"))
