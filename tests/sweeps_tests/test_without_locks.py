"""A folder on a network filesystem whose locks do nothing: exclusive creation, rename and numbers are left."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.folder import SweepFolder

HERE = Path(__file__).parent
CHANGES: dict[str, Any] = {"trials": 5, "transfer": {"steps": 40, "delay_s": 0.03, "save_s": 0.05}}


def drive(folder: Path, changes: dict[str, Any] = CHANGES) -> "subprocess.Popen[str]":
    found = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    return subprocess.Popen(
        [sys.executable, str(HERE / "drive.py"), "inprocess", str(folder), json.dumps(changes)],
        env={**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1", "FAKE_NO_LOCKS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(found: Any, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 200
    while not found():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.cluster
def test_of_two_drivers_the_earlier_one_leaves_and_no_record_is_lost_or_double(lab: ModuleType, tmp_path: Path) -> None:
    changes = {**CHANGES, "trials": 12}  # so many that the first is at work when the second has done its imports
    first = drive(tmp_path / "both", changes)
    wait_for(lambda: any((tmp_path / "both" / "records").glob("trial-*.json")), first)
    second = drive(tmp_path / "both", changes)
    said = first.communicate(timeout=240)[0]
    assert first.returncode == 1, said
    assert "Another driver has taken" in said
    said = second.communicate(timeout=240)[0]
    assert second.returncode == 0, said
    run_sweep(lab.make_spec(**changes), tmp_path / "one", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert lab.table(tmp_path / "both") == lab.table(tmp_path / "one")
    assert [trial["state"] for trial in lab.trials(tmp_path / "both")] == ["completed"] * 12
    assert sorted(path.name for path in (tmp_path / "both" / "starts").iterdir()) == ["0001.json", "0002.json"]


@pytest.mark.cluster
def test_of_two_drivers_at_the_same_instant_one_is_left(lab: ModuleType, tmp_path: Path) -> None:
    """Both may pass all that comes before their start is counted; then one number is not theirs."""
    both = [drive(tmp_path / "both") for _ in range(2)]
    said = [process.communicate(timeout=240)[0] for process in both]
    if not any(process.returncode == 0 for process in both):
        again = drive(tmp_path / "both")
        said.append(again.communicate(timeout=240)[0])
        assert again.returncode == 0, said
    run_sweep(lab.make_spec(**CHANGES), tmp_path / "one", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    assert lab.table(tmp_path / "both") == lab.table(tmp_path / "one"), said


def test_no_number_of_a_start_is_used_twice(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    folder.make()
    numbers: list[int] = []
    both = [threading.Thread(target=lambda: numbers.append(SweepFolder(tmp_path).begin_generation())) for _ in range(8)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(numbers) == list(range(1, 9))
