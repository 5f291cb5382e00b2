"""Every error that this project raises on purpose, in one tree.

A message states the law, the facts and the way out: `` `0 < pace <= 1` must hold, but got 1.4. ``

* `AcgkdError`
    * `ConfigError` (a `ValueError`): a setting breaks a law
        * `SpecError`: a spec breaks laws; it holds all of them
    * `UnknownNameError` (a `LookupError`): a name is not in its catalogue
    * `DataError`: a data set is missing or damaged
    * `CheckpointError`: a file of weights cannot be used
    * `TeacherError` (a `TypeError`): a module does not satisfy the teacher protocol
    * `DivergedError` (an `ArithmeticError`): a loss or a weight left the finite numbers
    * `AnalysisError`: records, frames or reports are not what they should be
        * `RecordError` (a `ValueError`): a record or file of a sweep cannot be read
            * `NewerVersionError`: a newer version wrote it
            * `DamagedFileError`: it is damaged
        * `FrameError`, `PairingError` (`ValueError`)
        * `SourceError`, `UnknownReportError` (`LookupError`)
        * `NothingToShowError`: there is nothing to draw
        * `MissingFolderError` (a `FileNotFoundError`)
    * `SweepError`: a sweep cannot start or continue
        * `ForeignPackageError`: a package of ours is somebody else's
        * `FolderError`: the folder or storage cannot be used
            * `FolderInUseError`: another driver works on it
        * `StorageError`: the sweep folder cannot be written
        * `RepeatedFailureError`: jobs failed one after the other in the same way
        * `NodeError`: a machine of a cluster cannot do a sweep's work
            * `OtherCodeError`: it runs other code than the driver
        * `RayLostError`: Ray ended before the sweep did

What goes wrong with one trial is an outcome in its record, not an error.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class AcgkdError(Exception):
    """Root of all errors that this project raises on purpose."""


class ConfigError(AcgkdError, ValueError):
    """A setting breaks a law; the message names the law, the value and the way out."""


class UnknownNameError(AcgkdError, LookupError):
    """A name is not in its catalogue; the message holds the nearest known one."""


class DataError(AcgkdError):
    """A data set is missing, damaged or not what it should be."""


class CheckpointError(AcgkdError):
    """A file of weights cannot be used: torn, of another kind, or unsafe to open."""


class TeacherError(AcgkdError, TypeError):
    """A module does not satisfy the teacher protocol."""


class DivergedError(AcgkdError, ArithmeticError):
    """A loss or a weight left the finite numbers."""


class AnalysisError(AcgkdError):
    """Records, frames or reports are not what they should be."""


class RecordError(AnalysisError, ValueError):
    """Records cannot be read as what they should be, for instance because a newer version wrote them."""


class NewerVersionError(RecordError):
    """A newer version wrote the file; the message says which one would be needed."""


class DamagedFileError(RecordError):
    """A file does not hold what it should.

    Args:
        where: its path.
        what: what it should hold: ``trial``.
        reason: what is wrong with it, as the end of a sentence that begins with `it`: ``is not JSON``.
    """

    def __init__(self, where: object, what: str, reason: str) -> None:
        self.where, self.what, self.reason = str(where), what, reason
        super().__init__(self.where, what, reason)

    def __str__(self) -> str:
        return f"{self.where} must hold a {self.what}, but is damaged: it {self.reason}."


class FrameError(AnalysisError, ValueError):
    """A frame breaks a law of its columns; the message names the columns."""


class PairingError(AnalysisError, ValueError):
    """Two groups of rows cannot be paired; the message says which seeds stand in the way."""


class SourceError(AnalysisError, LookupError):
    """A frame does not hold the sweep or the run that was asked for; the message lists those that it holds."""


class NothingToShowError(AnalysisError):
    """There is nothing from which a figure or a table could be made; the message says what is missing."""


class UnknownReportError(AnalysisError, LookupError):
    """No report has that name; the message holds the nearest known one."""


class MissingFolderError(AnalysisError, FileNotFoundError):
    """A path is not a sweep folder; the message says what was looked for."""


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
    """A spec breaks laws; all of them are reported at once.

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
    """A sweep cannot start or continue; the message says what to do, and what was finished stays finished."""


class ForeignPackageError(SweepError):
    """One of our package names leads to code that is not ours."""


class FolderError(SweepError):
    """The folder or the storage that was named is not one that this sweep can use; nothing was started."""


class FolderInUseError(FolderError):
    """Another driver works on the folder; nothing was started, and the message says who it is."""


class StorageError(SweepError):
    """The sweep folder cannot be written: the sweep stops, no trial is blamed."""


class RepeatedFailureError(SweepError):
    """Jobs failed one after the other in the same way, so the sweep stopped; the message says how to continue."""


class NodeError(SweepError):
    """A machine of a cluster cannot do a sweep's work: no folder, other code, no device. Other machines may."""


class OtherCodeError(NodeError):
    """A node runs other code than the driver, and gets no work: its results would not compare with the others.

    Args:
        host: the node.
        theirs: what it runs, in words: ``acgkd 0.1.0 (code 0123456789abcdef)``.
        ours: what the driver runs.
    """

    def __init__(self, host: str, theirs: str, ours: str) -> None:
        self.host, self.theirs, self.ours = host, theirs, ours
        super().__init__(host, theirs, ours)

    def __str__(self) -> str:
        return (
            f"Every node must run the driver's code, but {self.host} has {self.theirs} and the driver has {self.ours}. "
            "Put the driver's there; after an upgrade on all nodes start the same command again."
        )


class RayLostError(SweepError):
    """Ray ended before the sweep did: no trial is blamed, and the same command resumes."""


class WorkerSpentError(Exception):
    """A process ran out of memory or lost its device; what it did is written, and another one continues the job."""


class StaleGenerationError(Exception):
    """A later start has taken the sweep folder over; this process leaves without writing anything more."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Says ``Did you mean 'x'? `` for the nearest known name, upper or lower case, or nothing."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    match = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return f"Did you mean '{by_lower[match[0]]}'? " if match else ""


def place_of(error: BaseException) -> tuple[str, str]:
    """Where an error was raised, as its worker has noted: host, and the executor's name for the node; else empty."""
    host, node = getattr(error, "_acgkd_place", ("", ""))
    return host, node
