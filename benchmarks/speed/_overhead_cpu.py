"""Seconds of processors that a command and everything it starts use (Linux)."""

import contextlib
import ctypes
import math
import os
from pathlib import Path

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


def adopt_orphans() -> None:
    """Makes this process the parent of whatever its descendants leave behind, so that it stays below this one."""
    with contextlib.suppress(OSError, AttributeError):  # elsewhere than on Linux
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def bury_orphans() -> None:
    """Lets go of adopted processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


class Tree:
    """What the processes below this one use, those that were there before left out.

    A process that ends takes its figures along, and Ray's are not counted by their parent either: what was seen last
    stands for it, so `look` must be called often.
    """

    def __init__(self) -> None:
        self._old = set(_below_this_one())
        self._ticks: dict[tuple[int, int], int] = {}

    def look(self) -> float:
        """Seconds so far, user and system; NaN where there is no /proc."""
        found = _below_this_one()
        self._ticks |= {process: ticks for process, ticks in found.items() if process not in self._old}
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK") if Path("/proc/self/stat").exists() else math.nan


def _below_this_one() -> dict[tuple[int, int], int]:
    """Number and start of every process below this one, and the ticks that it has used."""
    fields: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc(5), from the fourth field on; the name in the second may hold anything.
            fields[int(path.parent.name)] = list(map(int, path.read_text().rpartition(")")[2].split()[1:20]))
    below: dict[int, list[int]] = {}
    for pid, (parent, *_) in fields.items():
        below.setdefault(parent, []).append(pid)
    found, waiting = {}, [os.getpid()]
    while waiting:
        for pid in below.get(waiting.pop(), []):
            found[pid, fields[pid][18]] = fields[pid][10] + fields[pid][11]
            waiting.append(pid)
    return found
