"""Seconds of processors that a command and all processes it leaves behind have used so far (Linux)."""

import contextlib
import ctypes
import math
import os
from pathlib import Path

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


def adopt_orphans() -> None:
    """Makes this process the parent of whatever its descendants leave behind, as Ray does with its workers.

    They stay in our tree then, and so does what they used when they end: until we ask, they are kept as zombies.
    """
    with contextlib.suppress(OSError, AttributeError):  # elsewhere than on Linux
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def bury_orphans() -> None:
    """Lets go of adopted processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def descendants() -> set[int]:
    """The processes below this one, those that have ended and were not asked for included."""
    below: dict[int, list[int]] = {}
    for pid, fields in _processes().items():
        below.setdefault(int(fields[1]), []).append(pid)
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        children = below.get(waiting.pop(), [])
        found.update(children)
        waiting += children
    return found


def cpu_seconds(without: set[int]) -> float:
    """User and system time of all processes below this one; NaN where there is no /proc.

    Args:
        without: processes that do not count.
    """
    processes = _processes()
    if not processes:
        return math.nan
    # Fields 14 to 17 of proc(5): its own, and that of children it has waited for.
    ticks = sum(sum(map(int, processes[pid][11:15])) for pid in (descendants() - without) & processes.keys())
    return ticks / os.sysconf("SC_CLK_TCK")


def _processes() -> dict[int, list[str]]:
    """The fields of /proc/[pid]/stat from the third on, which come after a name that may hold anything."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
    return found
