"""Files that many processes want and one makes: locks, atomic writes, and the user's cache folder."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def folder() -> Path:
    """Where unpacked and processed data live: ``$ACGKD_CACHE``, or the user's cache folder of this system."""
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


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Lets `write` fill a file beside `path`, puts it on the disk, and gives it its name in one move.

    A reader sees the old file or the new one, never a part; a crash or a full disk leaves the old one. The file's own
    folder is made if need be, and none above it: what somebody removed while we worked is not made again.
    """
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(part)
        descriptor = os.open(part, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, path)
    finally:
        remove(part)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Puts a rename on the disk where the system lets a folder be opened (it does not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove(path: Path) -> None:
    """Removes a file or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
