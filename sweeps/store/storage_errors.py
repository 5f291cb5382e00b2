"""Which exceptions mean that the sweep as a whole cannot continue, and not that a trial failed."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acgkd.errors import (
    DamagedFileError,
    FolderError,
    NewerVersionError,
    StaleGenerationError,
    StorageError,
    SweepError,
)
from analysis.stores.copies import shown

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
GONE = frozenset({errno.ENOENT, errno.ENOTDIR})
KEPT = "Everything finished so far is kept."
# `torch.save` writes in C++ and keeps no error number: a write cut short shows as a wrong position in the archive.
_TORCH_CUT = re.compile(r"unexpected pos \d+ vs \d+|PytorchStreamWriter failed|file write failed|basic_ios::clear")
_TORCH_OPEN = re.compile(
    r"open file failed with strerror: (No space.*|Disk quota.*|Permission.*|.*not permitted|Read-o.*)"
)


def storage_error(error: BaseException) -> StorageError | None:
    """The storage error that `error` amounts to, if it reports a full disk, quota or file size limit."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, StorageError):
            return seen
        if isinstance(seen, OSError) and seen.errno in FULL:
            return _full(f"{seen.strerror}: {seen.filename or 'a file in it'}")
        if isinstance(seen, RuntimeError) and _TORCH_CUT.search(str(seen)):
            return _full("a file of weights was cut short: the disk, the quota or the largest file size is reached")
        if isinstance(seen, RuntimeError) and (refused := _TORCH_OPEN.search(str(seen))):
            return _refused(f"{refused[1]}: a file of weights")
        seen = seen.__cause__ or seen.__context__
    return None


def folder_error(error: BaseException, folder: Path) -> StorageError | None:
    """As `storage_error`; also where the system refuses a file of the sweep folder, or where that is gone.

    Args:
        error: what was raised; its causes are looked at too.
        folder: the sweep folder, as it is named in the paths of its files.
    """
    known = storage_error(error)
    seen: BaseException | None = error
    while known is None and seen is not None:
        if isinstance(seen, OSError) and _inside(seen, folder):
            if seen.errno in REFUSED:
                known = _refused(f"{seen.strerror}: {seen.filename}")
            elif seen.errno in GONE:
                known = removed(folder)
        seen = seen.__cause__ or seen.__context__
    return known


def removed(folder: Path) -> StorageError | None:
    """The error of a sweep folder that is not there any more; None if it is."""
    if (folder / "sweep.json").exists():
        return None
    return StorageError(
        f"The sweep folder must stay where it is while the sweep runs, but {folder} was removed or moved. Nothing of "
        "it was made again. Put it back, or start the same command again for a new one."
    )


def sweep_error(error: BaseException, folder: Path) -> SweepError | None:
    """The error that stops the sweep in `folder`, if `error` amounts to one: then no trial is to blame."""
    if isinstance(error, StaleGenerationError):
        return SweepError(f"Another driver has taken {shown(str(folder))} over; this one leaves. ({error})")
    return folder_error(error, folder) or (error if isinstance(error, SweepError) else None)


def _inside(error: OSError, folder: Path) -> bool:
    names = [name for name in (error.filename, error.filename2) if isinstance(name, str | Path)]
    return any(Path(name).is_relative_to(folder) for name in names)


def _full(facts: str) -> StorageError:
    return StorageError(
        f"The sweep folder must be writable, but {facts}. {KEPT} Make room, then start the same command again."
    )


def _refused(facts: str) -> StorageError:
    return StorageError(
        f"The sweep folder must be readable and writable, but {facts}. {KEPT} Give yourself access to it, then start "
        "the same command again."
    )


@contextmanager
def reading(way_out: str) -> Iterator[None]:
    """Reading a file that carries a version: what cannot be read is an error of the folder, with what to do.

    Args:
        way_out: a sentence, for a file that is damaged.

    Raises:
        FolderError: a newer version wrote it.
        SweepError: it is damaged.
    """
    try:
        yield
    except NewerVersionError as error:
        raise FolderError(str(error)) from error
    except DamagedFileError as error:
        raise SweepError(f"{error} {way_out}") from error
