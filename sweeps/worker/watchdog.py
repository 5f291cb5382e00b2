"""A limit on one step, kept even where Python cannot, and stacks of a process that hung or crashed."""

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

from sweeps.faults.timeouts import StepTimeoutError

GRACE_S = 5.0


@contextmanager
def watched(limit_s: float, trace: Path) -> Iterator[None]:
    """Gives a block `limit_s` seconds.

    First a timer interrupts it, which is enough for a loop in Python. Where the hang is below Python, the process
    itself ends a little later and leaves its stacks in `trace`: who finds them knows that it did not just die.

    Args:
        limit_s: seconds, device time included.
        trace: file for the stacks; it exists afterwards only if the process ended so.

    Raises:
        StepTimeoutError: the block took longer, and could be interrupted.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise StepTimeoutError(f"no step ended within {limit_s:.4g} s")

    timed = threading.current_thread() is threading.main_thread()
    started = time.monotonic()
    with trace.open("w") as file:
        faulthandler.dump_traceback_later(limit_s + GRACE_S, exit=True, file=file)
        if timed:
            previous = signal.signal(signal.SIGALRM, interrupt)
            left, interval = signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            yield
        finally:
            if timed:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, previous)
                if left:  # somebody else's timer was running: it is started again
                    signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - started)), interval)
            faulthandler.cancel_dump_traceback_later()
    trace.unlink(missing_ok=True)


def note_crashes(trace: Path) -> TextIO:
    """Lets this process leave its stacks in `trace` if it crashes (a segmentation fault, an abort, a bus error).

    Returns:
        The file, for `forget_crashes`.
    """
    file = trace.open("w")
    faulthandler.enable(file)
    return file


def forget_crashes(file: TextIO, before: bool) -> None:
    """Ends what `note_crashes` began.

    Args:
        file: what it returned.
        before: whether stacks went to standard error before it.
    """
    faulthandler.disable()
    file.close()
    if before and sys.stderr is not None:
        with suppress(OSError, ValueError):  # standard error may be no file
            faulthandler.enable()


def left_trace(trace: Path) -> str | None:
    """The stacks that a process which hung or crashed left in `trace`, if one did."""
    try:
        return trace.read_text(errors="replace").strip() or None
    except FileNotFoundError:
        return None
