"""Which exceptions mean that the sweep as a whole cannot continue, and not that a trial failed."""

import errno
from pathlib import Path

from acgkd.errors import StaleGenerationError, StorageError, SweepError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def storage_error(error: BaseException) -> StorageError | None:
    """The storage error that `error` amounts to, if it reports a full disk, quota or file size limit."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, StorageError):
            return seen
        if isinstance(seen, OSError) and seen.errno in FULL:
            return StorageError(
                f"The sweep folder must be writable, but {seen.strerror}: {seen.filename or 'a file in it'}. "
                "Everything finished so far is kept. Make room, then start the same command again."
            )
        seen = seen.__cause__ or seen.__context__
    return None


def sweep_error(error: BaseException, folder: Path) -> SweepError | None:
    """The error that stops the sweep in `folder`, if `error` amounts to one: then no trial is to blame."""
    if isinstance(error, StaleGenerationError):
        return SweepError(f"Another driver has taken {folder} over; this one leaves. ({error})")
    return storage_error(error) or (error if isinstance(error, SweepError) else None)
