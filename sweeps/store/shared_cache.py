"""The cache that a user's sweeps share: which folder it is, what an older sweep folder adds to it, who uses it now."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acgkd import cache
from acgkd.errors import FolderError, NodeError, SweepError
from analysis.stores.copies import copy_of
from sweeps.store import cache_size
from sweeps.store.atomic import Lock
from sweeps.store.writable import require_writable

IN_USE = "in-use"
# A mark is a file before it is a lock.
_FRESH_S = 60.0


@contextmanager
def opened(sweep: Path, *, own_code: bool, one_machine: bool) -> Iterator[Path]:
    """The cache of a sweep, kept within its limit before and after, and marked as in use meanwhile.

    Args:
        sweep: the sweep folder, absolute; it need not exist.
        own_code: whether the teacher is code of the user's: names in the cache do not say what is in it.
        one_machine: whether all workers are on this machine, and see what it sees.

    Raises:
        ConfigError: ``$ACGKD_CACHE_LIMIT`` is no size.
        FolderError: ``$ACGKD_CACHE`` cannot be written.
    """
    if copy_of(sweep) is not None:  # of an object store: what machines make goes there
        yield sweep / "cache"
        return
    limit = cache_size.limit()
    root = place(sweep, own_code=own_code, one_machine=one_machine)
    if root == sweep / "cache":
        yield root
        return
    _adopt(sweep / "cache", root)
    cache_size.trim(root, limit, since=used_since(root))
    with _marked(root, sweep):
        yield root
    cache_size.trim(root, limit, since=used_since(root))


def place(sweep: Path, *, own_code: bool, one_machine: bool) -> Path:
    """The folder: ``$ACGKD_CACHE``, else the user's cache folder, else ``cache`` in the sweep folder.

    The sweep folder's is taken for teachers that are code of the user's; and, without ``$ACGKD_CACHE``, where workers
    are on other machines or the user's cache folder cannot be written.

    Raises:
        FolderError: ``$ACGKD_CACHE`` is named and cannot be written.
    """
    named, root = bool(os.environ.get("ACGKD_CACHE")), cache.folder().absolute()
    if own_code or not (named or one_machine):
        return sweep / "cache"
    try:
        require_writable(root, remedy="Set ACGKD_CACHE to a folder that is.")
    except FolderError:
        if named:
            raise
        return sweep / "cache"
    return root


def _adopt(own: Path, root: Path) -> None:
    """Adds what a sweep folder holds in a cache of its own; that stays as it is.

    A file is linked where it can be, so that it takes no room twice; nothing is lost where it cannot be added.
    """
    for kind in cache.KINDS:
        for path in sorted((own / kind).glob("*.pt")):
            target = root / kind / path.name
            if target.exists():
                continue
            with suppress(OSError):
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.link(path, target)
                except OSError:
                    cache.write_atomic(target, lambda part, path=path: shutil.copyfile(path, part))  # type: ignore[misc]


# ---- who uses it


def mark_of(root: Path, sweep: Path) -> Path:
    """The file that is locked while a sweep uses the cache."""
    return root / IN_USE / f"{hashlib.sha256(str(sweep).encode(errors='surrogateescape')).hexdigest()[:16]}.lock"


@contextmanager
def _marked(root: Path, sweep: Path) -> Iterator[None]:
    mark = Lock(mark_of(root, sweep))
    mark.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        mark.__enter__()
    except SweepError:  # another driver is at this sweep; its folder's own lock will refuse this one
        yield
        return
    try:
        yield
    finally:
        mark.path.unlink(missing_ok=True)
        mark.__exit__(None, None, None)


def require_visible(root: Path, sweep: Path) -> None:
    """Makes sure that this machine sees the cache that the driver does: else every node would train other teachers.

    Raises:
        NodeError: it does not.
    """
    if root != sweep / "cache" and not mark_of(root, sweep).is_file():
        raise NodeError(
            f"Every node must see the cache under the same path, but {os.uname().nodename} does not see the driver's "
            f"{root}. Set ACGKD_CACHE to a folder on a filesystem that all nodes share, or leave it out."
        )


def used_since(root: Path) -> float | None:
    """When the sweep began that has used the cache for longest, of those that use it now; None where none does.

    Marks of killed drivers are removed.
    """
    begun: list[float] = []
    for path in (root / IN_USE).glob("*.lock"):
        with suppress(FileNotFoundError):
            at = path.stat().st_mtime
            if Lock(path).held():
                begun.append(at)
            elif cache_size.age_s(at) > _FRESH_S:
                path.unlink()
    return min(begun, default=None)


def sweeps_at_work(root: Path) -> int:
    """How many sweeps use the cache now."""
    return sum(Lock(path).held() for path in (root / IN_USE).glob("*.lock"))
