"""Standard output and error that never raise: their reader may leave, be full or be closed; the work continues."""

import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from sweeps.display.characters import ERRORS

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Descriptor(io.FileIO):
    """A file descriptor whose writes always succeed; what went wrong first is kept.

    Args:
        number: of the descriptor; it is not closed with this object.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self.lost: OSError | None = None

    def write(self, data: "ReadableBuffer") -> int:
        """Writes, or forgets what cannot be written.

        Returns:
            The number of bytes that are dealt with.
        """
        while self.lost is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.lost = error
            else:
                if written is not None:
                    return written
                select.select([], [self.fileno()], [])  # somebody made it non-blocking, and it is full
        return memoryview(data).nbytes


@dataclass
class Streams:
    """The streams of this process while a command runs.

    Args:
        made: the descriptors that stand behind them, by number; none where something else took the streams' place.
    """

    made: dict[int, Descriptor] = field(default_factory=dict)

    def lost(self) -> OSError | None:
        """Why results did not reach standard output; None if they did, or if their reader left of its own accord."""
        with contextlib.suppress(ValueError):
            sys.stdout.flush()
        error = self.made[1].lost if 1 in self.made else None
        return None if error is None or error.errno == errno.EPIPE else error


@contextmanager
def safe_streams() -> Iterator[Streams]:
    """Puts streams that never raise in place of `sys.stdout` and `sys.stderr` for a block.

    Streams that a test or a notebook has put there stay. Descriptors 0 to 2 that are closed are opened on the null
    device: the next file that is opened would get their number, and with it whatever libraries and child processes
    write to standard output.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    streams = Streams()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _safe(1, before[0], streams)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _safe(2, before[1], streams)
    try:
        yield streams
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ValueError):
                stream.flush()
        sys.stdout, sys.stderr = before


def _open_closed() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            else:
                os.set_inheritable(number, True)


def _safe(number: int, stream: TextIO | None, streams: Streams) -> TextIO:
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    descriptor = streams.made[number] = Descriptor(number)
    return io.TextIOWrapper(
        io.BufferedWriter(descriptor),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors=ERRORS,
        line_buffering=number == 2 or getattr(stream, "line_buffering", False),
    )
