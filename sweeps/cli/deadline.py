"""A command that was asked to end does so in time, whatever hangs: batch systems kill soon after they ask."""

import contextlib
import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from types import TracebackType

from acgkd.exit_codes import ExitCode
from sweeps.executors.signals import SIGNALS

LIMIT_S = 13.0
INTERRUPTED = "Interrupted. What was done is kept; the same command resumes."


@dataclass
class Deadline:
    """Counts from the first signal. A context manager; on the main thread it hears signals that Python cannot handle.

    Args:
        message: what is said where the time is over, to standard error.
        limit_s: how long the command may still take.
    """

    message: str
    limit_s: float = LIMIT_S
    _over: threading.Event = field(default_factory=threading.Event)
    _begun: threading.Event = field(default_factory=threading.Event)
    _code: ExitCode = ExitCode.INTERRUPTED

    def __enter__(self) -> "Deadline":
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._before: int | None = None
        if threading.current_thread() is threading.main_thread():
            # The system's own handler writes there, even while the main thread is busy below Python.
            self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name="deadline", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
        os.close(self._writer)  # the listener reads an end, and closes its own

    def begin(self, code: ExitCode, message: str = "") -> None:
        """Counts from now, unless it does so already.

        Args:
            code: the exit code where the time is over.
            message: what is said then, in place of the one that was given first.
        """
        if not self._begun.is_set():
            self._code, self.message = code, message or self.message
            self._begun.set()
            threading.Thread(target=self._count, name="deadline", daemon=True).start()

    def _listen(self) -> None:
        while heard := os.read(self._reader, 64):
            if any(number in heard for number in SIGNALS):
                self.begin(ExitCode.INTERRUPTED)
        os.close(self._reader)

    def _count(self) -> None:
        if not self._over.wait(self.limit_s):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # a live table hides it
                os.write(sys.stderr.fileno(), f"{cursor}\n{self.message}\n".encode())
            os._exit(self._code)
