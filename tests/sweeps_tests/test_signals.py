"""Signals as terminals and batch systems send them: to the process group, before Ray is there, and when Ray is gone."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from processes import command, progress, session_of_ray, wait_until_gone

from acgkd.errors import RayLostError
from acgkd.exit_codes import ExitCode
from sweeps.engine.driver import Driver
from sweeps.executors import signals
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.executors.signals import stop_signals
from sweeps.store.folder import SweepFolder

# Batch systems kill half a minute after their signal. A command takes thirteen seconds at most, by its own clock: the
# rest is for a machine that lets processes wait.
IN_TIME_S = 25
LONG = {"steps": 1200, "delay_s": 0.05}  # a minute of work


def clocks(folder: Path) -> list[Path]:
    return sorted(folder.glob("trials/*/*.clock.json"))


def resume(lab: ModuleType, folder: Path, changes: dict[str, Any]) -> None:
    """What the same command would do, here and without delays."""
    run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments(hurry=True))


@pytest.mark.cluster
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_signal_to_the_group_ends_in_time_with_checkpoint_and_report(
    number: int, lab: ModuleType, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"trials": 2, "seeds": (0, 1), "transfer": {"steps": 150, "delay_s": 0.05}}
    with command(tmp_path / "sweep", "--in-process", **changes) as run:
        run.wait_for(lambda: (tmp_path / "sweep" / "trials" / "0000" / "01.clock.json").exists())
        start = time.monotonic()
        run.signal_group(number)
        assert run.end(IN_TIME_S) == ExitCode.INTERRUPTED
        assert time.monotonic() - start < IN_TIME_S
    assert "the same command resumes" in run.text
    # Where there was no time left for it, the command that makes it.
    assert (tmp_path / "sweep" / "report" / "report.html").exists() or "makes the report" in run.text
    assert list(tmp_path.glob("sweep/trials/0000/01-*.ckpt"))
    assert lab.trials(tmp_path / "sweep")[0]["state"] == "waiting"
    resume(lab, tmp_path / "sweep", changes)
    assert lab.lost(tmp_path / "sweep") == [0.0] * 4


@pytest.mark.cluster
def test_a_step_that_does_not_end_is_broken_off_in_time(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 1, "seeds": (0,), "transfer": {"steps": 3, "delay_s": 60}}
    with command(tmp_path / "sweep", "--in-process", **changes) as run:
        run.wait_for(lambda: (tmp_path / "sweep" / "trials" / "0000" / "00.hang.txt").exists())
        start = time.monotonic()
        run.signal_group(signal.SIGTERM)
        assert run.end(IN_TIME_S + 5) == ExitCode.INTERRUPTED
        assert signals.GRACE_S <= time.monotonic() - start < IN_TIME_S
    assert lab.trials(tmp_path / "sweep")[0]["state"] == "waiting"
    assert "Traceback" not in run.text


@pytest.mark.usefixtures("own_cache")
@pytest.mark.cluster
def test_a_process_that_python_cannot_stop_ends_in_time_and_names_the_command(lab: ModuleType, tmp_path: Path) -> None:
    transfer = {"steps": 3, "fault": "hang in C", "fault_step": 2}
    with command(tmp_path / "sweep", "--in-process", trials=1, seeds=(0,), transfer=transfer) as run:
        run.wait_for(lambda: lab.events(tmp_path, "hanging"))
        start = time.monotonic()
        run.signal_group(signal.SIGTERM)
        assert run.end(IN_TIME_S + 5) == ExitCode.INTERRUPTED
        assert time.monotonic() - start < IN_TIME_S
    assert f"`acgkd report {tmp_path / 'sweep'}` makes the report" in run.text


@pytest.mark.cluster
def test_a_hangup_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """As under `nohup`."""
    transfer = {"steps": 100, "delay_s": 0.05}
    nohup = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with command(tmp_path / "sweep", "--in-process", before=nohup, trials=1, seeds=(0,), transfer=transfer) as run:
        run.wait_for(lambda: clocks(tmp_path / "sweep"))
        run.signal_group(signal.SIGHUP)
        assert run.end() == ExitCode.OK


def test_a_signal_before_anything_is_there_is_an_interruption(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        with command(tmp_path / "sweep", "--in-process", trials=1, environment={"FAKE_IMPORT_S": "20"}) as run:
            run.wait_for(lambda run=run: "importing" in run.text)
            run.signal_group(number)
            assert run.end(IN_TIME_S) == ExitCode.INTERRUPTED
        assert not (tmp_path / "sweep").exists()
        run.printed.unlink()


def test_work_that_does_not_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "GRACE_S", 0.2)
    start = time.monotonic()
    with stop_signals(lambda: False) as stopping:
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(30)
    assert stopping.expired
    assert time.monotonic() - start < 10


def test_a_second_signal_stops_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), stop_signals(lambda: False):  # noqa: PT012
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)


def test_what_a_user_asks_of_a_block_is_asked_of_those_around_it() -> None:
    with stop_signals(lambda: True) as around:
        with stop_signals(lambda: False) as stopping:
            stopping.send(asked=False)  # a deadline has come
            time.sleep(0.01)
            assert (stopping.asked, around.asked) == (1, 0)
        with stop_signals(lambda: False):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        assert around.asked == 1
        with pytest.raises(KeyboardInterrupt):  # a second time, outside of the block that was asked
            signal.raise_signal(signal.SIGINT)


STUCK = """
import ctypes, os, signal
from sweeps.cli.deadline import Deadline
signal.signal(signal.SIGTERM, lambda *_: None)
with Deadline("what to type", limit_s=0.2):
    os.kill(os.getpid(), signal.SIGTERM)
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):  # who locks it twice waits for ever
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
"""


def test_a_command_that_hangs_below_python_ends_at_its_deadline() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", STUCK], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == ExitCode.INTERRUPTED
    assert done.stderr.strip() == "what to type"


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in signals.SIGNALS]
    with stop_signals(lambda: False) as stopping:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert stopping.asked == 1
        stopping.renew()
    assert [signal.getsignal(number) for number in signals.SIGNALS] == before


# ---- on Ray


def replicates_begun(folder: Path) -> set[str]:
    """Trial and replicate of each that has made a step: one that is still starting has nothing to keep."""
    return {f"{path.parent.name}-{path.name[:2]}" for path in clocks(folder) if progress(path) > 0}


def replicates_kept(folder: Path) -> set[str]:
    """Trial and replicate of each that has a checkpoint or a record."""
    checkpoints = {f"{path.parent.name}-{path.name[:2]}" for path in folder.glob("trials/*/*.ckpt")}
    records = {path.name.removeprefix("trial-")[:7] for path in folder.glob("records/trial-*.json")}
    return checkpoints | records


@pytest.mark.ray
@pytest.mark.cluster
def test_on_ray_a_signal_to_the_group_ends_in_time_and_none_of_rays_processes_stays(
    lab: ModuleType, tmp_path: Path
) -> None:
    """What `group_term.sh` does: SIGTERM to the process group, as a batch system's time limit sends it."""
    changes: dict[str, Any] = {"trials": 8, "seeds": (0, 1), "transfer": {"steps": 60, "delay_s": 0.05}}
    with command(tmp_path / "sweep", **changes) as run:
        run.wait_for(lambda: any(tmp_path.glob("sweep/records/trial-*")) and clocks(tmp_path / "sweep"))
        processes = session_of_ray(run.pid)
        assert {"gcs_server", "raylet"} <= set(processes)
        begun = replicates_begun(tmp_path / "sweep")
        start = time.monotonic()
        run.signal_group(signal.SIGTERM)
        assert run.end(IN_TIME_S + 5) == ExitCode.INTERRUPTED
        assert time.monotonic() - start < IN_TIME_S
    wait_until_gone(list(processes.values()))
    assert "the same command resumes" in run.text
    assert "report" in run.text
    assert begun <= replicates_kept(tmp_path / "sweep")
    resume(lab, tmp_path / "sweep", changes)
    assert lab.lost(tmp_path / "sweep") == [0.0] * 16


@pytest.mark.ray
def test_an_interrupt_while_ray_starts(tmp_path: Path) -> None:
    with command(tmp_path / "sweep", trials=4, transfer=LONG) as run:
        run.wait_for(lambda: session_of_ray(run.pid).get("gcs_server"))
        processes = session_of_ray(run.pid)
        run.signal_group(signal.SIGINT)
        assert run.end(IN_TIME_S + 5) == ExitCode.INTERRUPTED
    assert "Traceback" not in run.text
    wait_until_gone(list(processes.values()))


@pytest.mark.ray
@pytest.mark.cluster
def test_rays_processes_end_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    with command(tmp_path / "sweep", trials=4, transfer=LONG) as run:
        run.wait_for(lambda: clocks(tmp_path / "sweep"))
        processes = list(session_of_ray(run.pid).values())
        assert len(processes) > 4
        run.process.kill()
        run.process.wait()
        wait_until_gone(processes)


@pytest.mark.ray
@pytest.mark.cluster
def test_a_lost_head_is_said_and_means_start_again(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 10, "seeds": (0, 1), "transfer": {"steps": 60, "delay_s": 0.05}}
    with command(tmp_path / "sweep", **changes) as run:
        run.wait_for(lambda: any(tmp_path.glob("sweep/records/trial-*")) and clocks(tmp_path / "sweep"))
        start = time.monotonic()
        os.kill(session_of_ray(run.pid)["gcs_server"], signal.SIGKILL)
        assert run.end(60) == ExitCode.START_AGAIN
        assert time.monotonic() - start < 45, "Ray itself would end the driver after a minute"
    assert "start the same command again" in " ".join(run.text.split())
    assert "Traceback" not in run.text
    assert (tmp_path / "sweep" / "report" / "report.html").exists() or "makes the report" in run.text
    resume(lab, tmp_path / "sweep", changes)
    assert len(lab.table(tmp_path / "sweep")) == 20 + 2


@pytest.mark.ray
@pytest.mark.cluster
def test_what_ray_says_of_a_lost_node_is_in_the_log_and_not_on_the_terminal(tmp_path: Path) -> None:
    with command(tmp_path / "sweep", trials=4, transfer=LONG) as run:
        run.wait_for(lambda: clocks(tmp_path / "sweep"))
        os.kill(session_of_ray(run.pid)["raylet"], signal.SIGKILL)
        assert run.end(60) == ExitCode.START_AGAIN
    said = (tmp_path / "sweep" / "logs" / "ray.log").read_text()
    assert "raylet" in said.lower()
    assert "raylet" not in run.text
    assert "state-dump" not in run.text
    assert "RayLost" not in run.text


@pytest.mark.usefixtures("own_cache")
@pytest.mark.cluster
@pytest.mark.ray
def test_a_worker_that_is_asked_to_end_keeps_its_work(lab: ModuleType, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"trials": 1, "seeds": (0,), "transfer": {"steps": 300, "delay_s": 0.05}}

    def kept() -> float:
        """Share of the work that the latest checkpoint has; before the first, as much as there can be."""
        saved = lab.events(tmp_path, "saved")
        return int(saved[-1].split()[-1]) / 300 if saved else 1.0

    with command(tmp_path / "sweep", **changes) as run:
        run.wait_for(lambda: any(progress(path) > kept() for path in clocks(tmp_path / "sweep")))
        worker = next(pid for name, pid in session_of_ray(run.pid).items() if name.startswith("ray::Resource"))
        os.kill(worker, signal.SIGTERM)
        assert run.end() == ExitCode.OK
    story = [line.split() for line in lab.events(tmp_path, "")]
    (place,) = (place for place, words in enumerate(story) if words[0] == "loaded")
    saved = [words[-1] for words in story[:place] if words[0] == "saved"]
    assert len(saved) >= 2
    assert story[place][-1] == saved[-1]
    assert lab.lost(tmp_path / "sweep") == [0.0]
    assert json.loads((tmp_path / "sweep" / "records" / "trial-0000-00.json").read_text())["identity"]["attempt"] == 1


@pytest.mark.cluster
@pytest.mark.ray
def test_a_lost_cluster_is_said_and_means_start_again(tmp_path: Path) -> None:
    from sweeps.executors.ray.connections import SILENT_S

    start = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--port=0", "--num-cpus=1", "--block"]
    place = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # paths of sockets are short
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": place}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    said = tmp_path / "head.txt"
    with said.open("w") as out:
        head = subprocess.Popen(
            [*start, "--include-dashboard=false"], stdout=out, stderr=out, env=environment, start_new_session=True
        )
    try:
        end = time.monotonic() + 150
        while (found := re.search("--address='(.+)'", said.read_text())) is None:
            assert head.poll() is None, said.read_text()
            assert time.monotonic() < end, said.read_text()
            time.sleep(0.2)
        options = {"environment": {"RAY_AUTH_MODE": "disabled"}, "trials": 2, "transfer": LONG}
        with command(tmp_path / "sweep", "--address", found.group(1), **options) as run:
            run.wait_for(lambda: clocks(tmp_path / "sweep"))
            os.killpg(head.pid, signal.SIGKILL)
            assert run.end(SILENT_S + 40) == ExitCode.START_AGAIN
        assert "start the same command again" in " ".join(run.text.split())
    finally:
        if head.poll() is None:
            os.killpg(head.pid, signal.SIGKILL)
        head.wait()
        shutil.rmtree(place, ignore_errors=True)


def test_ray_lost_is_a_sweep_error_of_its_own(lab: ModuleType, tmp_path: Path) -> None:
    """From Python: the executor's error comes out as it is, and the folder is free again."""

    class Losing:
        def execute(self, driver: Driver) -> None:
            driver.prepare()
            driver.started(driver.next())  # type: ignore[arg-type]
            raise RayLostError("gone")

    with pytest.raises(RayLostError, match="gone"):
        run_sweep(lab.make_spec(trials=2), tmp_path, Losing(), experiments=lab.FakeExperiments())
    assert not SweepFolder(tmp_path).status().driver_alive
