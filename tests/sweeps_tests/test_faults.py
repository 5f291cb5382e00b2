"""Real faults: killed drivers, killed workers, two drivers at once, Ctrl-C once and twice."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import pytest
from processes import progress

from acgkd.errors import SweepError
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.atomic import read_json
from sweeps.store.folder import SweepFolder

HERE = Path(__file__).parent
SLOW = {"steps": 12, "delay_s": 0.02}


class Driver:
    """A driver in a process group of its own. Its output goes to files: pipes would be held open by its workers."""

    started: "list[Driver]" = []  # noqa: RUF012

    def __init__(self, executor: str, folder: Path, **changes: Any) -> None:
        # The fake experiments by their name, and the packages of this checkout, wherever the installed ones lie.
        found = os.pathsep.join([str(HERE), str(HERE.parents[1])])
        environment = {**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
        command = [sys.executable, str(HERE / "drive.py"), executor, str(folder), json.dumps(changes)]
        self.out = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.err = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.out, stderr=self.err, start_new_session=True
        )
        self.pid = self.process.pid
        Driver.started.append(self)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_for(self, condition: Callable[[], bool], limit_s: float = 200) -> bool:
        """Waits until a condition holds or the process ends."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end and self.running:
            if condition():
                return True
            time.sleep(0.01)
        return condition()

    def signal(self, number: int) -> None:
        """To the whole group, as a terminal does."""
        os.killpg(self.pid, number)

    def kill(self) -> None:
        """The driver alone; its workers live on."""
        self.process.kill()
        self.process.wait()

    def end(self, code: int | None = 0, limit_s: float = 200) -> dict[str, Any]:
        """Waits for the end; what the driver printed last."""
        try:
            self.process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # it writes where it hangs
            self.process.wait()
            raise AssertionError(f"It did not end within {limit_s:g} s:\n{self.text(self.err)}") from None
        assert code is None or self.process.returncode == code, self.text(self.err)
        lines = self.text(self.out).splitlines()
        return dict(json.loads(lines[-1])) if lines else {}

    @staticmethod
    def text(file: IO[str]) -> str:
        file.seek(0)
        return file.read()


@pytest.fixture(autouse=True)
def _no_driver_stays() -> Iterator[None]:
    """Whatever a test thinks of its drivers, none of them outlives it."""
    yield
    while Driver.started:
        driver = Driver.started.pop()
        if driver.running:
            driver.signal(signal.SIGKILL)
            driver.process.wait()
        driver.out.close()
        driver.err.close()


def at_work(folder: Path) -> list[Path]:
    """Of replicates that have made a step."""
    return [clock for clock in folder.glob("trials/*/*.clock.json") if progress(clock) > 0]


def resume(lab: ModuleType, folder: Path, changes: dict[str, Any]) -> None:
    """What is left, in this process and without the delays."""
    run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments(hurry=True))


def test_a_driver_killed_at_random_instants_changes_nothing(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 6, "seeds": (0, 1), "transfer": SLOW, "artefacts": {"samples": 2}}
    run_sweep(lab.make_spec(**changes), tmp_path / "calm", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    chance = random.Random(0)
    for records in (3, 7):  # the second time, too, it is killed well before its end
        process = Driver("inprocess", tmp_path / "killed", **changes)
        folder = tmp_path / "killed" / "records"
        process.wait_for(lambda folder=folder, records=records: len(list(folder.glob("trial*"))) >= records)
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
    resume(lab, tmp_path / "killed", changes)
    assert lab.table(tmp_path / "killed") == lab.table(tmp_path / "calm")
    killed, calm = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "samples").iterdir()}
        for name in ("killed", "calm")
    )
    assert len(calm) == 6
    assert killed == calm
    measured = lab.events(tmp_path / "killed", "measured")
    assert 12 <= len(measured) <= 12 + 2
    assert (tmp_path / "killed" / "epoch").read_text() == "3"


@pytest.mark.cluster
def test_a_driver_killed_in_mid_checkpoint_resumes_from_the_one_before(lab: ModuleType, tmp_path: Path) -> None:
    transfer = {"steps": 150, "delay_s": 0.05, "save_s": 3.0, "start_s": 0.3}
    changes: dict[str, Any] = {"trials": 1, "seeds": (0,), "transfer": transfer}
    process = Driver("inprocess", tmp_path, **changes)
    # The first checkpoint is whole, the driver dies while it writes the second one.
    assert process.wait_for(lambda: len(lab.events(tmp_path, "saving")) == 2)
    process.kill()
    (kept,) = tmp_path.glob("trials/0000/*.ckpt")
    clock = json.loads((tmp_path / "trials" / "0000" / "00.clock.json").read_text())
    done = int(lab.events(tmp_path, "saved")[0].split()[-1])
    resume(lab, tmp_path, changes)
    assert [line.split()[-1] for line in lab.events(tmp_path, "loaded")] == [str(done)]
    record = json.loads((tmp_path / "records" / "trial-0000-00.json").read_text())
    # From checkpoint to checkpoint; neither of the start-ups.
    assert record["cost"]["lost_s"] == clock["kept_s"] - clock["at"][kept.name] >= 3
    assert record["identity"]["attempt"] == 1
    first = lab.trials(tmp_path)[0]["attempts"][0]
    assert (first["outcome"], first["cause"]) == ("lost", "platform")
    assert sorted(path.name for path in (tmp_path / "trials" / "0000").iterdir()) == ["trial.json"]


def test_two_drivers_at_once_are_refused(lab: ModuleType, tmp_path: Path) -> None:
    process = Driver("inprocess", tmp_path, trials=50, transfer=SLOW)
    assert process.wait_for(lambda: (tmp_path / "trials" / "0001").exists())
    with pytest.raises(SweepError, match=f"process {process.pid} on "):
        run_sweep(lab.make_spec(trials=50, transfer=SLOW), tmp_path, InProcess(), experiments=lab.FakeExperiments())
    assert SweepFolder(tmp_path).status().driver_alive
    process.kill()
    assert not SweepFolder(tmp_path).status().driver_alive


def test_one_interrupt_keeps_the_work(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 1, "seeds": (0,), "transfer": {"steps": 400, "delay_s": 0.05}}
    for number in (signal.SIGINT, signal.SIGTERM):
        folder = tmp_path / number.name
        process = Driver("inprocess", folder, **changes)
        clock = folder / "trials" / "0000" / "00.clock.json"
        assert process.wait_for(clock.exists)
        process.signal(number)
        assert process.end(130, 60)["interrupted"]
        trial = lab.trials(folder)[0]
        assert trial["state"] == "waiting"
        assert trial["attempts"][0]["outcome"] == "interrupted"
        assert 0 < trial["attempts"][0]["progress"] < 1
        resume(lab, folder, changes)
        # Nothing was done twice: the run resumed at the very step.
        saved, loaded = (lab.events(folder, word)[-1].split()[-1] for word in ("saved", "loaded"))
        assert saved == loaded
        assert json.loads((folder / "records" / "trial-0000-00.json").read_text())["cost"]["lost_s"] == 0.0


def test_an_interrupt_during_a_teacher_does_not_wait_for_it(lab: ModuleType, tmp_path: Path) -> None:
    process = Driver("inprocess", tmp_path, trials=1, seeds=(0,), transfer={"teacher_s": 600})
    assert process.wait_for(lambda: (read_json(tmp_path / "starts" / "0001.json") or {}).get("job") == "teacher-00")
    process.signal(signal.SIGINT)
    assert process.end(130, 60)["interrupted"]


def test_two_interrupts_stop_at_once(lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SECONDS", json.dumps({"sweeps.executors.signals.GRACE_S": 600}))
    changes: dict[str, Any] = {"trials": 1, "seeds": (0,), "transfer": {"steps": 3, "delay_s": 600}}
    process = Driver("inprocess", tmp_path, **changes)
    assert process.wait_for(lambda: (tmp_path / "trials" / "0000" / "00.hang.txt").exists())
    process.signal(signal.SIGINT)
    time.sleep(2)  # as on Ray, see below
    assert process.running, "the first one waits for the step"
    process.signal(signal.SIGINT)
    process.end(None, 60)
    assert "KeyboardInterrupt" in process.text(process.err)
    assert lab.trials(tmp_path)[0]["state"] == "waiting"


def test_a_hang_below_python_ends_the_process_and_is_timed_out(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SECONDS", json.dumps({"sweeps.worker.watchdog.GRACE_S": 1.0}))
    changes: dict[str, Any] = {"trials": 1, "seeds": (0,), "timeout_s": 0.5, "transfer": {"fault": "hang below"}}
    process = Driver("inprocess", tmp_path, **changes)
    process.end(1)
    resume(lab, tmp_path, changes)
    trial = lab.trials(tmp_path)[0]
    assert trial["state"] == "infeasible"
    assert trial["attempts"][0]["outcome"] == "timed_out"
    assert "in advance" in trial["message"]


@pytest.mark.ray
@pytest.mark.cluster
def test_a_driver_on_ray_is_killed_and_started_again_at_once(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 6, "sampler": {"lag": 1}, "transfer": {"steps": 20, "delay_s": 0.04}}
    process = Driver("ray", tmp_path / "killed", **changes)
    assert process.wait_for(lambda: len(list((tmp_path / "killed" / "records").glob("trial*"))) >= 3)
    process.kill()
    Driver("ray", tmp_path / "killed", **changes).end()
    run_sweep(lab.make_spec(**changes), tmp_path / "calm", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert lab.table(tmp_path / "killed") == lab.table(tmp_path / "calm")


@pytest.mark.ray
@pytest.mark.cluster
def test_an_interrupt_on_ray_keeps_the_work(lab: ModuleType, tmp_path: Path) -> None:
    # A minute of work each: the first must not be done before the second worker is up, however slow the machine.
    changes: dict[str, Any] = {"trials": 4, "seeds": (0,), "transfer": {"steps": 1200, "delay_s": 0.05}}
    process = Driver("ray", tmp_path, **changes)
    assert process.wait_for(lambda: len(at_work(tmp_path)) >= 2)
    process.signal(signal.SIGINT)
    assert process.end(130, 100)["interrupted"]
    found = lab.trials(tmp_path)
    assert {trial["state"] for trial in found} == {"waiting"}
    assert len(list(tmp_path.glob("trials/*/*.ckpt"))) >= 2
    assert not SweepFolder(tmp_path).status().driver_alive


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize("scheduler", ["none", "halving"])
def test_ten_kills_on_ray(lab: ModuleType, tmp_path: Path, scheduler: str) -> None:
    transfer = {"steps": 40, "delay_s": 0.1, "save_s": 0.2}
    changes: dict[str, Any] = {
        "trials": 12, "seeds": (0, 1), "scheduler": scheduler, "sampler": {"lag": 1}, "transfer": transfer,
    }  # fmt: skip
    chance = random.Random(7)
    killed = tmp_path / "killed"
    in_checkpoint = 0
    for turn in range(10):
        process = Driver("ray", killed, **changes)
        before = len(lab.events(killed, "saving"))
        if turn % 2:
            process.wait_for(lambda before=before: len(lab.events(killed, "saving")) > before)
            in_checkpoint += 1
        else:
            process.wait_for(lambda: any(killed.glob("trials/*/*.clock.json")))
            time.sleep(chance.uniform(0, 4))
        process.kill()
    Driver("ray", killed, **changes).end(limit_s=400)
    found = lab.trials(killed)
    assert in_checkpoint == 5
    assert len(found) == 12
    assert len({str(trial["parameters"]) for trial in found}) == 12
    assert all(trial["state"] in ("completed", "pruned") for trial in found)
    if scheduler == "none":
        run_sweep(lab.make_spec(**changes), tmp_path / "calm", InProcess(), experiments=lab.FakeExperiments(hurry=True))
        assert lab.table(killed) == lab.table(tmp_path / "calm")


@pytest.mark.cluster
@pytest.mark.ray
def test_a_trial_that_always_kills_its_worker_is_infeasible(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 1, "seeds": (0,), "transfer": {"fault": "die"}}
    Driver("ray", tmp_path, **changes).end()
    trial = lab.trials(tmp_path)[0]
    assert (trial["state"], trial["constraint"]) == ("infeasible", 1.0)
    assert [attempt["outcome"] for attempt in trial["attempts"]] == ["lost", "lost", "crashed"]
    assert "SIGKILL" in trial["message"]


@pytest.mark.cluster
@pytest.mark.ray
def test_two_interrupts_on_ray_stop_at_once(lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SECONDS", json.dumps({"sweeps.executors.signals.GRACE_S": 600}))
    process = Driver("ray", tmp_path, trials=2, seeds=(0,), transfer={"steps": 3, "delay_s": 600})
    assert process.wait_for(lambda: any(tmp_path.glob("trials/*/00.hang.txt")))
    process.signal(signal.SIGINT)
    time.sleep(2)  # on a busy machine, too, the first is seen before the second is sent: two that wait are one
    process.signal(signal.SIGINT)
    start = time.monotonic()
    process.end(None, 60)
    assert time.monotonic() - start < 45, "Ray itself waits a minute for a head that has ended"
    assert process.process.returncode != 0
