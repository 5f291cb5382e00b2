"""Files that are never half there: written whole or not at all, created once or not at all, locked or refused.

All of it holds for the copy of a sweep on an object store too: what is written here is written there first.
"""

import fcntl
import io
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from acgkd.cache import sync
from acgkd.errors import FolderInUseError, StorageError, SweepError
from analysis.stores.copies import copy_of
from sweeps.store.batch_job import batch_job
from sweeps.store.storage_errors import storage_error

TEMPORARY = ".tmp"


def temporary(path: Path) -> Path:
    """A name beside `path` that no other process uses; readers ignore it."""
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}{TEMPORARY}")


def write(path: Path, content: str | bytes, *, durable: bool = True, there: bool = True) -> None:
    """Replaces `path` by `content`; whoever reads sees the old file or the new one, never a part.

    After a power cut, too, there is one of the two, if `durable`.

    Args:
        path: in a folder that exists.
        content: all of it; text is written as UTF-8.
        durable: wait until the disk has it.
        there: whether the object store gets it now, if the folder is the copy of one.

    Raises:
        StorageError: the disk, the quota or the largest file size is reached.
    """
    _place(path, content, durable=durable, replace=True, there=there)


def create(path: Path, text: str, *, entry: bool = True) -> bool:
    """Writes `path` unless it exists already.

    Args:
        path: in a folder that exists.
        text: all of it.
        entry: wait until the disk has its entry in the folder; what it holds is there in any case.

    Returns:
        Whether this call made it: of several processes, one gets True.

    Raises:
        StorageError: the disk, the quota or the largest file size is reached.
    """
    return _place(path, text, durable=True, replace=False, entry=entry)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Replaces `path` by NumPy arrays by name, as `numpy.load` reads them; as `write` does.

    Raises:
        StorageError: the disk, the quota or the largest file size is reached.
    """
    import numpy as np

    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    write(path, packed.getvalue(), durable=False)


def _place(
    path: Path, content: str | bytes, *, durable: bool, replace: bool, there: bool = True, entry: bool = True
) -> bool:
    copy = copy_of(path) if there else None
    if copy is not None:
        packed = content.encode() if isinstance(content, str) else content
        if not replace:
            return copy.create(path, packed)
        copy.write(path, packed)
        return True
    part = temporary(path)
    fresh = durable and entry and not path.exists()
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if replace:
            os.replace(part, path)
        elif not _link(part, path):
            return False
        if fresh:
            sync(path.parent)
        return True
    except OSError as error:
        full = storage_error(error)
        if full is None:
            raise
        raise StorageError(str(full)) from error
    finally:
        part.unlink(missing_ok=True)


def _link(part: Path, path: Path) -> bool:
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    return True


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from `path`, or None where there is no such file.

    Raises:
        SweepError: the file is there and damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise SweepError(f"{path} must hold a JSON object, but is damaged ({error}). Restore or remove it.") from error
    if not isinstance(value, dict):
        raise SweepError(f"{path} must hold a JSON object, but holds {type(value).__name__}. Restore or remove it.")
    return value


def holder_here() -> str:
    """This process, as others read of it."""
    job = batch_job()
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"process {os.getpid()} on {socket.gethostname()}{'' if job is None else f', {job}'}, since {since}"


def one_driver(folder: str, holder: str) -> FolderInUseError:
    """The refusal of a folder on which a driver works."""
    return FolderInUseError(
        f"One driver at a time may work on {folder}, but another one does ({holder or 'unknown'}). Wait for it, or "
        "stop it with `acgkd stop`."
    )


class Lock:
    """One driver to a folder. The system drops the lock when the process ends, however it ends.

    The file handle is not inheritable, so no worker that a driver starts can keep its lock alive.

    Args:
        path: the lock file; its text names the holder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def __enter__(self) -> "Lock":
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        for patience in (0.05, 0.2, 0.5, None):  # `held` takes the lock for an instant: wait that out
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if patience is None:
                    os.close(handle)
                    raise self._refusal() from None
                time.sleep(patience)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{holder_here()}\n".encode(), 0)
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def holder(self) -> str:
        """Who holds the lock, or held it last; empty where nobody has."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def require_free(self) -> None:
        """Refuses a folder on which a driver works; costs nothing, so it can come before all imports.

        Raises:
            FolderInUseError: some process holds the lock now.
        """
        if self.held():
            raise self._refusal()

    def _refusal(self) -> FolderInUseError:
        for _ in range(10):  # it has the lock a moment before it has written who it is
            if self.holder():
                break
            time.sleep(0.05)
        return one_driver(str(self.path.parent), self.holder())

    def held(self) -> bool:
        """Whether some process holds the lock now."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False
