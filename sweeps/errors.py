"""What can go wrong with a spec or a sweep as a whole. What goes wrong with one trial is an outcome, not an error."""

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from acgkd.errors import AcgkdError, ConfigError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a spec.

    Args:
        path: where, as a slash path: ``budget/trials``; empty for the file as a whole.
        message: the law, the facts, the way out.
        line: line of the file, counted from 1; None where the value came from the command line or from nowhere.
    """

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SpecError(ConfigError):
    """A spec breaks laws; all of them are told at once.

    Args:
        source: the file, as the user named it.
        faults: what is wrong, in the order of the file.
    """

    def __init__(self, source: str, faults: Iterable[Fault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        super().__init__(source, self.faults)

    def __str__(self) -> str:
        count = len(self.faults)
        lines = [f"{self.source}: {count} fault{'' if count == 1 else 's'}"]
        for fault in self.faults:
            place = f"{self.source}:{fault.line}: " if fault.line else ""
            lines.append(f"  {place}{fault}")
        return "\n".join(lines)


class SweepError(AcgkdError):
    """A sweep cannot start or go on; the message says what to do, and what was finished stays finished."""


class ForeignPackageError(SweepError):
    """One of our package names leads to code that is not ours."""


class FolderError(SweepError):
    """The folder or the storage that was named is not one that this sweep can use; nothing was started."""


class StorageError(SweepError):
    """The sweep folder cannot be written: the sweep stops, no trial is blamed."""


class StaleEpochError(Exception):
    """A later start has taken the sweep folder over; this process leaves without writing anything more."""


def storage_error(error: BaseException) -> StorageError | None:
    """The storage error that `error` amounts to, if it tells of a full disk, quota or file size limit."""
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
    """The error by which the sweep in `folder` cannot go on, if `error` amounts to one: then no trial is to blame."""
    if isinstance(error, StaleEpochError):
        return SweepError(f"Another driver has taken {folder} over; this one leaves. ({error})")
    return storage_error(error) or (error if isinstance(error, SweepError) else None)
