"""What `acgkd run` costs where nothing is left to do: on a finished sweep whose files were copied to any number."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._lib.pages import ROOT
from sweeps.cli import finished

SPEC = ROOT / "tests" / "cases" / "tiny.yaml"
SMALL = ("--in-process", "--set", "budget/trials=1", "--set", "replicates/seeds=[0]", "--set", "controls=[]")
ROUNDS = 3


def start_on_finished(records: int) -> dict[str, float]:
    """The best of some starts on a sweep of so many records.

    Returns:
        ``cpu_s`` and ``wall_s`` of the command, and ``torch``: whether it imports torch.

    Raises:
        RuntimeError: it does not know that the sweep has ended.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "sweep"
        _run(folder)
        _grow(folder, records)
        rounds = [_timed(folder) for _ in range(ROUNDS)]
        torch = "torch" in _run(folder, "-X", "importtime").stderr
    return {"cpu_s": min(cpu for cpu, _ in rounds), "wall_s": min(wall for _, wall in rounds), "torch": torch}


def _run(folder: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *flags, "-m", "acgkd", "run", str(SPEC), *SMALL, "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"`acgkd run` must end with 0, but ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def _grow(folder: Path, records: int) -> None:
    """The files of its one trial so many times; its index is written anew, as at the end of such a sweep."""
    for number in range(1, records):
        for path in [*(folder / "records").glob("trial-0000-*"), *(folder / "students").glob("trial-0000-*")]:
            shutil.copy(path, path.with_name(path.name.replace("-0000-", f"-{number:04d}-", 1)))
        trial = folder / "trials" / f"{number:04d}"
        trial.mkdir()
        shutil.copy(folder / "trials" / "0000" / "trial.json", trial)
    index = json.loads((folder / finished.NAME).read_bytes())
    finished.keep(folder, index["identity"], index["content"])


def _timed(folder: Path) -> tuple[float, float]:
    began, before = time.perf_counter(), os.times()
    said = _run(folder).stdout
    wall, after = time.perf_counter() - began, os.times()
    if "Nothing is left to do" not in said:
        raise RuntimeError(f"A finished sweep must be known as such, but `acgkd run` said: {said[-500:]}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, wall
