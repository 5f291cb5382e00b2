"""Disturbances of a sweep at work: killed processes, torn and vanished files, a full disk, a read-only folder."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

# What may be torn or vanish without a result being lost: what can be made again, and what nobody needs.
FILES = (
    "records/trial-*.json",
    "records/control-*.json",
    "curves/*.json",
    "starts/*.json",
    "trials/*/*.ckpt",
    "trials/*/*.clock.json",
    "cache/teacher-*.json",
)


class Disturber:
    """Does one disturbance at a time to the sweep of one folder.

    Args:
        folder: of the sweep.
        chance: where randomness comes from.
    """

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self._chance = folder, chance
        self.done: Counter[str] = Counter()

    def kill_driver(self, driver: "subprocess.Popen[str]") -> bool:
        """SIGKILL of the driver."""
        if driver.poll() is not None:
            return False
        driver.kill()
        self.done["driver killed"] += 1
        return True

    def kill_worker(self) -> bool:
        """SIGKILL of one of the processes that work in the folder, which no in-process sweep has."""
        workers = self.workers()
        if not workers:
            return False
        with contextlib.suppress(psutil.Error):
            self._chance.choice(workers).kill()
            self.done["worker killed"] += 1
            return True
        return False

    def workers(self) -> list[psutil.Process]:
        """Ray's processes that work in the folder."""
        return list(_working_in(self.folder))

    def damage(self) -> bool:
        """A file is cut off, emptied, filled with something else, or gone."""
        files = [path for pattern in FILES for path in sorted(self.folder.glob(pattern))]
        if not files:
            return False
        path = self._chance.choice(files)
        how: dict[str, Callable[[Path], object]] = {
            "torn": lambda file: os.truncate(file, max(0, file.stat().st_size // 2)),
            "emptied": lambda file: os.truncate(file, 0),
            "overwritten": lambda file: file.write_bytes(b"\x00garbage" * 40),
            "removed": lambda file: file.unlink(),
        }
        name = self._chance.choice(sorted(how))
        try:
            how[name](path)
        except OSError:
            return False  # it has just gone by itself
        self.done[f"file {name}"] += 1
        return True

    def fill_disk(self, driver: "subprocess.Popen[str]") -> bool:
        """The driver, and whoever it starts, can write no file of any size; the caller starts it again."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            for process in (driver.pid, *(worker.pid for worker in _working_in(self.folder))):
                resource.prlimit(process, resource.RLIMIT_FSIZE, (64, 64))
            self.done["disk full"] += 1
            return True
        return False

    @contextlib.contextmanager
    def read_only(self) -> Iterator[bool]:
        """Nobody can write records, root neither where the filesystem knows the attribute."""
        places = [str(self.folder / "records"), str(self.folder / "trials")]
        root = os.geteuid() == 0
        if root and shutil.which("chattr") is None:
            yield False
            return
        if root:
            on, off = (["chattr", sign, *places] for sign in ("+i", "-i"))
        else:
            on, off = (["chmod", mode, *places] for mode in ("a-w", "u+w"))
        worked = subprocess.run(on, capture_output=True, check=False).returncode == 0
        try:
            yield worked
        finally:
            subprocess.run(off, capture_output=True, check=False)
            self.done["folder read-only"] += worked


def _working_in(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["name", "cmdline"]):
        with contextlib.suppress(psutil.Error):
            named = " ".join([process.info["name"] or "", *(process.info["cmdline"] or [])])
            if "ray::" in named and "Trainable" in named and process.cwd() == str(folder):
                yield process


def end_tree(driver: "subprocess.Popen[str]") -> None:
    """Ends whatever a driver that is gone has left, and waits for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
