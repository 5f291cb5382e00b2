"""Files that many processes want and one makes: locks, atomic writes, and the user's cache folder."""

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

from acgkd.errors import CheckpointError

Content = TypeVar("Content")

# What runs keep for each other, each a folder of files that are named by what made them.
KINDS = ("teachers", "pools", "synthesis", "verdicts")
_ATTEMPTS = 3
_log = logging.getLogger(__name__)
_synced: ContextVar[bool] = ContextVar("_synced", default=True)


def folder() -> Path:
    """Where data, teachers and the like are kept: ``$ACGKD_CACHE``, or the user's cache folder of this system."""
    named = os.environ.get("ACGKD_CACHE")
    if named:
        return Path(os.path.expanduser(named))
    import platformdirs

    return Path(platformdirs.user_cache_dir("acgkd", appauthor=False))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock that belongs to `path`, waiting as long as it takes.

    The lock is a file beside `path`. The system lets go of it when its holder dies, however it dies.
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):
        yield


def once(path: Path, make: Callable[[Path], None]) -> None:
    """Makes a file or a folder exactly once, whoever asks and however many at the same time.

    It appears under its name only when it is whole. What a killed maker left behind is cleared away by the next.

    Args:
        path: what shall exist; where it does, nothing happens.
        make: writes it to the path that it is given, in the same folder.
    """
    if path.exists():
        return
    with locked(path):
        if path.exists():
            return
        for leftover in path.parent.glob(f".{path.name}.*.part"):
            remove(leftover)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            make(part)
            os.replace(part, path)
        finally:
            remove(part)


def kept(path: Path, make: Callable[[Path], None], read: Callable[[Path], Content]) -> Content:
    """What a file of the cache holds: made where it is missing, made again where it is damaged, and marked as used.

    Args:
        path: the file.
        make: writes it, as for `once`.
        read: reads it; raises CheckpointError where it is damaged.

    Raises:
        CheckpointError: what was just made cannot be read either.
        OSError: the file cannot be read, and that says nothing about what is in it.
    """
    for attempt in range(_ATTEMPTS):
        once(path, make)
        seen = version(path)
        try:
            content = read(path)
        except CheckpointError as error:
            if attempt == _ATTEMPTS - 1:
                raise
            discard(path, seen, error)
        else:
            mark_used(path)
            return content
    raise AssertionError("the last attempt returns or raises")


def discard(path: Path, seen: object, error: CheckpointError) -> None:
    """Removes a damaged file, unless another process has replaced it since it was looked at; says so in the log.

    Args:
        path: the file.
        seen: its `version` before it was read.
        error: what is wrong with it.

    Raises:
        OSError: it cannot be read at all: a fault of the disk or the machine, and the file may be whole.
    """
    with locked(path):
        if seen is None or version(path) != seen:
            return
        with path.open("rb") as stream:
            while stream.read(1 << 20):
                pass
        _log.warning("A file of the cache is damaged and is made again: %s", error)
        remove(path)


def version(path: Path) -> object:
    """Differs for a file and another that has taken its name; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def mark_used(path: Path) -> None:
    """Notes the time of this use as the file's access time: what was not used for longest is removed first."""
    with suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


@contextmanager
def unsynced() -> Iterator[None]:
    """Inside, `write_atomic` does not wait for the disk: for whoever moves the file on, and syncs it then."""
    before = _synced.set(False)
    try:
        yield
    finally:
        _synced.reset(before)


def sync(path: Path) -> None:
    """Waits until the disk has what is in a file, or the entries of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Lets `write` fill a file beside `path`, puts it on the disk, and gives it its name in one move.

    A reader sees the old file or the new one, never a part; a crash or a full disk leaves the old one. The file's own
    folder is made if need be, and none above it: what somebody removed while we worked is not made again.
    """
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(part)
        if _synced.get():
            sync(part)
        os.replace(part, path)
    finally:
        remove(part)
    if _synced.get():
        with suppress(OSError):  # a system may not let a folder be opened: Windows does not
            sync(path.parent)


def remove(path: Path) -> None:
    """Removes a file or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
