"""Folders that Ray Tune writes to: nothing of drivers that were killed stays in the folder for temporary files."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sweeps.executors.ray import snapshots

HOLDS_ONE = """
import time
from sweeps.executors.ray.snapshots import scratch
with scratch() as folder:
    (folder / "tuner.pkl").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_what_a_killed_driver_left_is_removed_and_what_is_in_use_or_new_stays(temporary: Path) -> None:
    new = temporary / f"{snapshots.PREFIX}new"
    new.mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLDS_ONE], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            theirs = Path(other.stdout.readline().strip())
            _age(theirs)
            with snapshots.scratch() as folder:
                assert set(temporary.iterdir()) == {folder, theirs, new}
        finally:
            other.kill()
    assert (theirs / "tuner.pkl").exists()
    _age(theirs)
    with snapshots.scratch() as folder:
        assert set(temporary.iterdir()) == {folder, new}
    assert list(temporary.iterdir()) == [new]


def _age(folder: Path) -> None:
    then = time.time() - 2 * snapshots.YOUNG_S
    os.utime(folder, (then, then))
