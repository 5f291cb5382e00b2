"""What Ray says goes to a log in the sweep folder, not to the terminal; what we say still goes there."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

STDERR = 2


@contextlib.contextmanager
def ray_log(path: Path) -> Iterator[None]:
    """Sends standard error as libraries in C++ see it to the end of a file.

    Python's streams keep writing where they did: those that stand on descriptor 2 are moved to a copy of it, whoever
    holds them. Tracebacks and displays are on the terminal as before.

    Args:
        path: the file, in a folder that exists.
    """
    streams = _streams()
    _flush(streams)
    terminal = os.dup(STDERR)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    for raw in streams.values():
        _move(raw, terminal)
    os.dup2(log, STDERR)
    os.close(log)
    try:
        yield
    finally:
        _flush(streams)
        os.dup2(terminal, STDERR)
        for raw in streams.values():
            _move(raw, STDERR)
        os.close(terminal)


@contextlib.contextmanager
def messages_to(path: Path) -> Iterator[None]:
    """Sends what Ray logs and prints from Python to the same file; Ray has been imported before."""
    import ray

    logger, tune = logging.getLogger("ray"), logging.getLogger("ray.tune")
    before = logger.handlers[:], logger.level, logger.propagate, tune.level
    with path.open("a") as file:
        logger.handlers, logger.propagate = [logging.StreamHandler(file)], False
        logger.setLevel(logging.WARNING)
        tune.setLevel(logging.CRITICAL)  # trials that end badly are outcomes and no errors of Ray's
        # A node that is lost is reported by the last twenty lines of its log, printed by a thread of Ray's.
        worker = ray._private.worker
        printing = worker.print_to_stdstream
        worker.print_to_stdstream = lambda data, *_, **__: _print(data, file)
        try:
            yield
        finally:
            worker.print_to_stdstream = printing
            logger.handlers, logger.propagate = before[0], before[2]
            logger.setLevel(before[1])
            tune.setLevel(before[3])


def _print(data: Mapping[str, Iterable[str]], file: IO[str]) -> None:
    with contextlib.suppress(OSError, ValueError):  # Ray's thread may be later than the end of the sweep
        print(*data.get("lines", ()), sep="\n", file=file, flush=True)


def _streams() -> dict[io.TextIOWrapper, io.FileIO]:
    """The text streams that write to descriptor 2, and what stands on it below each."""
    # Rich puts a stand-in before the stream while it draws.
    known = [sys.stderr, sys.__stderr__, getattr(sys.stderr, "rich_proxied_file", None)]
    raws = {stream: _raw(stream) for stream in known if isinstance(stream, io.TextIOWrapper)}
    return {stream: raw for stream, raw in raws.items() if raw is not None}


def _flush(streams: Iterable[io.TextIOWrapper]) -> None:
    for stream in streams:
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _move(raw: io.FileIO, descriptor: int) -> None:
    """Lets a `FileIO` write to another descriptor: it may be set up again where it stands."""
    io.FileIO.__init__(raw, descriptor, "w", closefd=False)


def _raw(stream: io.TextIOWrapper) -> io.FileIO | None:
    """What stands on descriptor 2 below a stream, if anything does."""
    try:
        buffer: object = stream.buffer
        raw = getattr(buffer, "raw", buffer)  # with PYTHONUNBUFFERED there is nothing between
        return raw if isinstance(raw, io.FileIO) and raw.fileno() == STDERR else None
    except ValueError:  # closed
        return None
