"""`acgkd stop` and `Sweep.stop`: a driver in another process is asked by a file, and ends as at the first Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import SweepError
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.atomic import read_json
from sweeps.store.folder import SweepFolder
from sweeps.store.stop_request import StopRequest
from sweeps.sweep import Sweep

HERE = Path(__file__).parent


@contextmanager
def driver(folder: Path, executor: str = "inprocess", **changes: Any) -> Iterator[subprocess.Popen[str]]:
    """A driver in a process of its own, killed at the end if it still works."""
    command = [sys.executable, str(HERE / "drive.py"), executor, str(folder), json.dumps(changes)]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(holds: Callable[[], bool], limit_s: float = 200.0) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    shown = capsys.readouterr()
    return " ".join((shown.out + shown.err).split())


# Half a minute each: the first must not be done before its driver is asked to stop, however slow the machine.
SLOW: dict[str, Any] = {"trials": 3, "seeds": [0], "transfer": {"steps": 300, "delay_s": 0.1}}


@pytest.mark.parametrize("executor", ["inprocess", pytest.param("ray", marks=pytest.mark.cluster)])
def test_a_driver_stops_keeps_its_work_and_resumes(
    lab: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    executor: str,
) -> None:
    if executor == "inprocess":
        soon = {"sweeps.worker.replicate_runner.SLICE_S": 0.5, "sweeps.worker.replicate_runner.CHECKPOINT_S": 0.5}
        monkeypatch.setenv("FAKE_SECONDS", json.dumps(soon))
    with driver(tmp_path, executor, **SLOW) as process:
        until(lambda: bool(lab.events(tmp_path, "saved")))
        assert main(["stop", str(tmp_path)]) == 0
        shown = said(capsys)
        assert f"Asked the driver (process {process.pid} on" in shown
        assert "It has stopped." in shown
        assert process.wait(60) == 130
    assert not (tmp_path / "stop").exists()
    assert "stopped by `acgkd stop`" in (tmp_path / "logs" / "driver.log").read_text()
    # Of several workers any may be the first that has a checkpoint.
    attempts = [attempt for trial in lab.trials(tmp_path) for attempt in trial["attempts"]]
    assert {(attempt["outcome"], attempt["cause"]) for attempt in attempts} == {("interrupted", None)}
    summary = run_sweep(lab.make_spec(**SLOW), tmp_path, InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert not summary.interrupted
    assert lab.events(tmp_path, "loaded")  # from its checkpoint
    assert summary.counts == {"completed": 3}


@pytest.mark.cluster
def test_of_a_teacher_nothing_is_kept_so_it_is_broken_off(lab: ModuleType, tmp_path: Path) -> None:
    with driver(tmp_path, **{**SLOW, "transfer": {"teacher_s": 600}}) as process:
        until(lambda: (read_json(tmp_path / "starts" / "0001.json") or {}).get("job") == "teacher-00")
        assert Sweep(tmp_path).stop(60)
        assert process.wait(60) == 130


def test_with_no_driver_there_is_nothing_to_stop(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_sweep(lab.make_spec(trials=1), tmp_path, InProcess(), experiments=lab.FakeExperiments())
    assert main(["stop", str(tmp_path)]) == 1
    assert "no driver works on" in said(capsys)
    with pytest.raises(SweepError, match="no driver works on"):
        Sweep(tmp_path).stop()
    assert not (tmp_path / "stop").exists()
    assert main(["stop", str(tmp_path / "elsewhere")]) == 2


@pytest.mark.cluster
def test_a_request_to_a_driver_that_dies_stops_no_later_start(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with driver(tmp_path, **SLOW) as process:
        until(lambda: bool(lab.trials(tmp_path)))
        process.send_signal(signal.SIGSTOP)  # a driver that hangs
        assert main(["stop", str(tmp_path), "--wait", "0.3"]) == 1
        assert "It still works" in said(capsys)
        assert main(["stop", str(tmp_path), "--wait", "0"]) == 0
        assert StopRequest(SweepFolder(tmp_path)).generation == 1
        killer = threading.Timer(0.5, process.kill)
        killer.start()
        assert Sweep(tmp_path).stop(60)
        killer.join()
        assert not (tmp_path / "stop").exists()
    StopRequest(SweepFolder(tmp_path)).make(1)  # as if nobody had been there to remove it
    summary = run_sweep(lab.make_spec(**SLOW), tmp_path, InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert (summary.interrupted, summary.counts) == (False, {"completed": 3})
    assert not (tmp_path / "stop").exists()


def test_a_driver_that_has_just_begun_is_stopped_too(lab: ModuleType, tmp_path: Path) -> None:
    run_sweep(lab.make_spec(trials=1), tmp_path, InProcess(), experiments=lab.FakeExperiments())
    files = SweepFolder(tmp_path)
    asked: list[bool] = []
    with files.lock():  # a driver that has not counted its start yet
        waiting = threading.Thread(target=lambda: asked.append(Sweep(tmp_path).stop(20)))
        waiting.start()
        until(lambda: StopRequest(files).generation == 1)
        assert files.begin_generation() == 2
        StopRequest(files).remove()
        until(lambda: StopRequest(files).generation == 2)
    waiting.join(20)
    assert asked == [True]
    assert not (tmp_path / "stop").exists()
