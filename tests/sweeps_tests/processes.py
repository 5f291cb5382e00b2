"""Commands that a test starts, signals and waits for; none outlives it."""

import ctypes
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeps.store.atomic import read_json

HERE = Path(__file__).parent
DEAD = ("Z", "X")


class Command:
    """`acgkd run` on the fake experiments, in a session of its own, as a batch system or a shell starts it.

    Args:
        folder: of the sweep; what the command prints goes to files beside it.
        arguments: of `acgkd run`.
        changes: of the spec.
        environment: beside that of the test.
        before: called in the process before the command begins.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        before: Callable[[], None] | None = None,
        **changes: Any,
    ) -> None:
        found = os.pathsep.join([str(HERE), str(HERE.parents[1])])
        self.folder, self.printed = folder, folder.with_name(f"{folder.name}.txt")
        line = [sys.executable, str(HERE / "drive_cli.py"), json.dumps(changes), "--out", str(folder), *arguments]
        # A shell that runs these tests in the background lets its children ignore Ctrl-C.
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)
        with self.printed.open("ab") as out:
            self.process = subprocess.Popen(
                line,
                env={**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1", **(environment or {})},
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=before,
            )
        signal.signal(signal.SIGINT, heard)
        self.pid = self.process.pid

    @property
    def text(self) -> str:
        """All that it has printed."""
        return self.printed.read_text()

    def wait_for(self, condition: Callable[[], object], limit_s: float = 200) -> None:
        """Waits until a condition holds; the command has to be running until then."""
        end = time.monotonic() + limit_s
        while not condition():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.02)

    def signal_group(self, number: int) -> None:
        """To the process group, as a terminal or a batch system does."""
        os.killpg(self.pid, number)

    def end(self, limit_s: float = 200) -> int:
        """Waits for the end.

        Returns:
            The exit code.
        """
        return self.process.wait(timeout=limit_s)


@contextmanager
def command(folder: Path, *arguments: str, **options: Any) -> Iterator[Command]:
    """A command that is killed at the end of a block, if it is still there."""
    made = Command(folder, *arguments, **options)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()


@contextmanager
def no_override() -> Iterator[None]:
    """Takes the right to pass over permissions from the superuser's thread for a block; others do not have it."""
    if os.geteuid() != 0:
        yield
        return
    system = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", 0x20080522, 0)  # third version of the call; this thread
    held = ctypes.create_string_buffer(24)  # effective, permitted, inheritable: low halves, then high ones
    assert system.capget(header, held) == 0
    effective, *rest = struct.unpack("=6I", held.raw)
    assert system.capset(header, struct.pack("=6I", effective & ~0b110, *rest)) == 0
    try:
        yield
    finally:
        assert system.capset(header, held.raw) == 0


def progress(clock: Path) -> float:
    """Of a replicate at work, by its clock; 0 where it has just ended."""
    return float((read_json(clock) or {}).get("progress", 0.0))


def session_of_ray(driver: int) -> dict[str, int]:
    """The processes of the Ray that a driver has started: name to number."""
    supervisors = [pid for pid, (_, parent, session, _) in table().items() if parent == driver and session == pid]
    return {name: pid for pid, (name, _, session, _) in table().items() if session in supervisors}


def alive(numbers: "list[int]") -> list[int]:
    """Those processes that have not ended."""
    there = table()
    return [number for number in numbers if number in there and there[number][3] not in DEAD]


def wait_until_gone(numbers: "list[int]", limit_s: float = 60) -> None:
    """Waits until those processes have ended: one that was killed is still there until the system gets to it."""
    end = time.monotonic() + limit_s
    while left := alive(numbers):
        assert time.monotonic() < end, {number: table().get(number) for number in left}
        time.sleep(0.1)


def table() -> dict[int, tuple[str, int, int, str]]:
    """Name, parent, session and state of every process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        state, parent, _, session, *_ = rest.split()
        found[int(path.parent.name)] = (name, int(parent), int(session), state)
    return found
