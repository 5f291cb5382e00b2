"""A sweep on an object store in bad hours: killed drivers and workers, two drivers at once, a store that is away."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from processes import session_of_ray
from s3_server import S3

from acgkd.errors import StorageError
from analysis.stores import object_store
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
HERE = Path(__file__).parent
CHANGES: dict[str, Any] = {
    "trials": 5,
    "seeds": (0, 1),
    "controls": ["random_graphs"],
    "sampler": {"lag": 2},
    "transfer": {"steps": 40, "delay_s": 0.03, "save_s": 0.05},
}


@pytest.fixture
def undisturbed(lab: ModuleType, tmp_path: Path) -> list[Any]:
    """The table of the sweep in a folder, which nobody has disturbed."""
    run_sweep(lab.make_spec(**CHANGES), tmp_path / "alone", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    found: list[Any] = lab.table(tmp_path / "alone")
    return found


STARTED: list["subprocess.Popen[str]"] = []


@pytest.fixture(autouse=True)
def none_is_left() -> Iterator[None]:
    yield
    while STARTED:
        with STARTED.pop() as process:
            process.kill()


def drive(executor: str, place: str) -> "subprocess.Popen[str]":
    found = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    process = subprocess.Popen(
        [sys.executable, str(HERE / "drive.py"), executor, place, json.dumps(CHANGES)],
        env={**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    STARTED.append(process)
    return process


def ended(process: "subprocess.Popen[str]") -> str:
    said = process.communicate(timeout=240)[0]
    assert process.returncode == 0, said
    return said


def wait_for_objects(s3: S3, address: str, part: str, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 250
    while not any(part in name for name in s3.names(address)):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.1)


def check(s3: S3, address: str, undisturbed: list[Any], lab: ModuleType, tmp_path: Path) -> Path:
    there = s3.download(address, tmp_path / "there")
    assert lab.table(there) == undisturbed
    states = [trial["state"] for trial in lab.trials(there)]
    assert states == ["completed"] * 5
    return there


def test_a_driver_that_is_killed_again_and_again_loses_nothing(
    s3: S3, address: str, undisturbed: list[Any], lab: ModuleType, tmp_path: Path
) -> None:
    draw = random.Random(int(os.environ.get("FAULT_SEED", "7")))
    killed = 0
    for _ in range(6):
        process = drive("inprocess", address)
        before = len(s3.names(address))
        while process.poll() is None and len(s3.names(address)) <= before:
            time.sleep(0.05)
        time.sleep(draw.uniform(0.0, 3.0))
        if process.poll() is None:
            process.kill()
            killed += 1
        process.communicate()
    assert killed >= 3
    ended(drive("inprocess", address))
    there = check(s3, address, undisturbed, lab, tmp_path)
    numbers = [int(path.stem) for path in sorted((there / "leases").iterdir())]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.ray
def test_on_ray_a_driver_and_workers_are_killed(
    s3: S3, address: str, undisturbed: list[Any], lab: ModuleType, tmp_path: Path
) -> None:
    process = drive("ray", address)
    wait_for_objects(s3, address, ".clock.json", process)
    there = session_of_ray(process.pid)
    workers = [pid for name, pid in there.items() if name.startswith("ray::Resource")]
    assert workers, sorted(there)
    os.kill(workers[0], signal.SIGKILL)
    wait_for_objects(s3, address, "records/trial-", process)
    process.kill()
    process.communicate()
    ended(drive("ray", address))
    check(s3, address, undisturbed, lab, tmp_path)


def test_of_two_drivers_at_once_one_is_refused(
    s3: S3, address: str, undisturbed: list[Any], lab: ModuleType, tmp_path: Path
) -> None:
    first, second = drive("inprocess", address), drive("inprocess", address)
    said = [process.communicate(timeout=240)[0] for process in (first, second)]
    codes = sorted(process.returncode for process in (first, second))
    assert codes == [0, 1], said
    assert sum("One driver at a time may work on" in text for text in said) == 1
    check(s3, address, undisturbed, lab, tmp_path)


def test_a_store_that_is_away_for_ten_seconds_costs_nothing(
    s3: S3, address: str, undisturbed: list[Any], lab: ModuleType, tmp_path: Path
) -> None:
    process = drive("inprocess", address)
    wait_for_objects(s3, address, "records/trial-", process)
    s3.stop()
    time.sleep(10)
    assert process.poll() is None
    s3.start()
    ended(process)
    there = check(s3, address, undisturbed, lab, tmp_path)
    attempts = [attempt for trial in lab.trials(there) for attempt in trial["attempts"]]
    assert {attempt["outcome"] for attempt in attempts} == {"completed"}


def test_a_store_that_stays_away_stops_the_sweep_and_blames_no_trial(
    s3: S3, address: str, undisturbed: list[Any], lab: ModuleType, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(object_store, "PATIENCE_S", 3.0)
    gone: list[bool] = []

    def watch(shown: Any) -> None:
        if shown.counts.get("completed") and not gone:
            gone.append(True)
            threading.Thread(target=s3.stop).start()

    def go(watch: Any = None) -> Any:
        spec = lab.make_spec(**CHANGES)
        return run_sweep(spec, address, InProcess(), experiments=lab.FakeExperiments(), watch=watch)

    with pytest.raises(StorageError, match=r"The object store must answer, but s3://.* has not for"):
        go(watch)
    s3.start()
    assert go().counts == {"completed": 5}
    there = check(s3, address, undisturbed, lab, tmp_path)
    causes = {attempt["cause"] for trial in lab.trials(there) for attempt in trial["attempts"]}
    assert causes <= {None}


def test_asked_to_end_while_the_store_is_away_a_command_ends_in_time(s3: S3, address: str) -> None:
    found = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    process = subprocess.Popen(
        [sys.executable, str(HERE / "drive_cli.py"), json.dumps(CHANGES), "--out", address, "--in-process"],
        env={**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    STARTED.append(process)
    wait_for_objects(s3, address, "records/trial-", process)
    s3.stop()
    try:
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=25)[0]  # batch systems kill half a minute after their signal
    finally:
        s3.start()
    assert process.returncode == 130, said
    assert "the same command resumes" in said
