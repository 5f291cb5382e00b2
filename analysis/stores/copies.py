"""Which copies of sweeps on object stores this process has, and where a place that a user names is on this machine."""

import atexit
import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path

from acgkd.errors import StorageError
from acgkd.files.addresses import address_of
from analysis.stores.object_store import ObjectStore
from analysis.stores.working_copy import WorkingCopy

_HELD = ".held"
# A copy is a folder before it is held.
_FRESH_S = 60.0

_copies: dict[Path, WorkingCopy] = {}
_mutex = threading.RLock()


def working_copy(address: str) -> WorkingCopy:
    """The copy of this process; empty when it is asked for first.

    Raises:
        FolderError: the store cannot hold a sweep.
    """
    with _mutex:
        for copy in _copies.values():
            if copy.address == address:
                return copy
        return _registered(WorkingCopy(ObjectStore(address), _fresh_root(address)))


def attached(address: str, root: Path) -> WorkingCopy:
    """The copy that another process of this machine has, where it is here; else one of our own.

    Raises:
        FolderError: the store cannot hold a sweep.
    """
    with _mutex:
        if root in _copies:
            return _copies[root]
        if not (root.parent / _HELD).is_file():
            return working_copy(address)
        return _registered(WorkingCopy(ObjectStore(address), root))


def copy_of(path: Path) -> WorkingCopy | None:
    """The copy in which a file lies; None for a file that is nobody's copy."""
    if not _copies:
        return None
    for parent in (path, *path.parents):
        if parent in _copies:
            return _copies[parent]
    return None


def here(place: Path | str) -> Path:
    """A folder of this machine with the newest small files of a place: of an address its copy, else the place itself.

    Raises:
        FolderError: the store cannot hold a sweep.
        StorageError: it cannot be read.
    """
    address = address_of(place)
    if address is None:
        copy = copy_of(Path(place))
        if copy is not None:
            copy.refresh()
        return Path(place)
    copy = working_copy(address)
    copy.refresh()
    return copy.root


def keep(path: Path) -> None:
    """Copies a file or folder to the store, if it lies in a copy.

    Raises:
        StorageError: it cannot be written.
    """
    copy = copy_of(path)
    if copy is not None:
        copy.push(path)


def shown(text: str) -> str:
    """Text with the addresses of copies in place of their folders."""
    for root, copy in list(_copies.items()):
        text = text.replace(str(root), copy.address)
    return text


def _registered(copy: WorkingCopy) -> WorkingCopy:
    _copies[copy.root] = copy
    return copy


def _place() -> Path:
    place = Path(os.path.realpath(tempfile.gettempdir())) / f"acgkd-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise StorageError(f"The folder {place} must be ours, but is another user's. Set TMPDIR to another place.")
    return place


def _fresh_root(address: str) -> Path:
    """A new folder that ends as the address does; those that dead processes have left are removed."""
    place = _place()
    for old in place.glob("copy-*"):
        if not _is_held(old):
            shutil.rmtree(old, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix="copy-", dir=place))
    handle = os.open(made / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)  # until this process ends
    os.pwrite(handle, f"{socket.gethostname()} {os.getpid()}".encode(), 0)
    owner = os.getpid()

    def clear() -> None:
        if os.getpid() == owner:
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(clear)
    root = made / (address.rpartition("/")[2] or "sweep")
    root.mkdir()
    return root


def _is_held(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        handle = os.open(folder / _HELD, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            host, _, pid = os.pread(handle, 1000, 0).decode().partition(" ")
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        # Locks may do nothing where the temporary folder is.
        return host != socket.gethostname() or not pid.isdecimal() or os.path.exists(f"/proc/{pid}")
    # Between being made and being held: left alone, unless it is old.
    with contextlib.suppress(OSError):
        return time.time() - folder.stat().st_mtime < _FRESH_S
    return True
