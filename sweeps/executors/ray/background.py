"""Work in a thread of its own, so that the main thread stays free: for signals, and to leave when Ray hangs."""

import ctypes
import threading
import time
from collections.abc import Callable

AGAIN_S = 0.2
_LEFT_BEHIND: list["Background"] = []


def still_leaving() -> bool:
    """Whether some work that was broken off is not over yet: a Ray that has ended keeps it waiting."""
    _LEFT_BEHIND[:] = [work for work in _LEFT_BEHIND if not work.wait(0)]
    return bool(_LEFT_BEHIND)


def wait_for_broken_off(seconds: float) -> bool:
    """Waits so long at most until all work that was broken off is over.

    Returns:
        Whether it is.
    """
    end = time.monotonic() + seconds
    while still_leaving() and time.monotonic() < end:
        _LEFT_BEHIND[0].wait(min(AGAIN_S, seconds))
    return not still_leaving()


class Background:
    """Runs a function once, in a thread that does not keep the process alive.

    Args:
        work: the function.

    Attributes:
        leaving: the function sets it where it has only to tidy up: then nothing is raised in it any more.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self.leaving = threading.Event()
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ray-tune", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits a while.

        Returns:
            Whether the function has ended.
        """
        return self._over.wait(seconds)

    def result(self) -> None:
        """Raises what the function raised."""
        if self._error is not None:
            raise self._error

    def break_off(self, seconds: float) -> bool:
        """Raises KeyboardInterrupt in the thread, at its next line of Python, until it leaves; waits so long at most.

        Returns:
            Whether the function has ended, or never began.
        """
        end = time.monotonic() + seconds
        while self._thread.is_alive() and not self._over.is_set() and time.monotonic() < end:
            if not self.leaving.is_set():
                identity = ctypes.c_ulong(self._thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(KeyboardInterrupt))
            self._over.wait(AGAIN_S)
        over = self._over.is_set() or not self._thread.is_alive()
        if not over:
            _LEFT_BEHIND.append(self)
        return over

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error
        finally:
            self._over.set()
