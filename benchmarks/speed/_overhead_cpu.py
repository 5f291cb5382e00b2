"""Seconds of processors that a command and everything it starts use (Linux)."""

import contextlib
import ctypes
import os

import psutil  # type: ignore[import-untyped]

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
        self._old, self._seconds = set(_below_this_one()), dict[psutil.Process, float]()

    def look(self) -> float:
        """Seconds so far, user and system."""
        self._seconds |= {process: used for process, used in _below_this_one().items() if process not in self._old}
        return sum(self._seconds.values())


def _below_this_one() -> dict[psutil.Process, float]:
    found = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            found[process] = times.user + times.system
    return found
