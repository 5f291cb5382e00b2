"""Progress in a pipe or a log file: one line every ten seconds and at every change of phase."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import IO

from sweeps.display.characters import showable
from sweeps.display.wording import plain_line
from sweeps.engine.snapshot import Snapshot

LINE_EVERY_S = 10.0


class PlainProgress:
    """Plain lines.

    Args:
        title: what is running.
        stream: a text stream; one that can no longer be written is left alone. None shows nothing.
        now: the clock in seconds, for tests.
    """

    def __init__(self, title: str, stream: IO[str] | None, now: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._stream = stream
        self._now = now
        self._last_line = float("-inf")
        self._last_phase = ""
        self._noticed = 0

    def __enter__(self) -> "PlainProgress":
        self._line(f"{self._title}: starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def watch(self, snapshot: Snapshot) -> None:
        """Prints a snapshot, unless the last line is not ten seconds old and the phase is the same; and what is new."""
        new, self._noticed = snapshot.notices[self._noticed :], max(self._noticed, len(snapshot.notices))
        for line in new:
            self._line(line)
        phase = snapshot.phase
        if phase != self._last_phase or self._now() - self._last_line >= LINE_EVERY_S:
            self._last_phase = phase
            self._last_line = self._now()
            self._line(plain_line(snapshot))

    def _line(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(showable(text, getattr(self._stream, "encoding", None) or "utf-8") + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # its reader left, the disk is full, it was closed: the sweep continues
            self._stream = None
