"""`asked.jsonl`: what a power cut may not take of the trials: how each was asked for, and what early stopping decided.

A line costs one sync. A trial's own file would cost three: its own, its folder's and that of `trials/`. So those files
are left to the system to write; what a power cut takes of them is made again from here and from the records.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from acgkd.cache import sync
from acgkd.errors import DamagedFileError, StorageError
from analysis.records import trial_file
from sweeps.store.storage_errors import reading, storage_error
from sweeps.store.trial import Trial


class AskedLog:
    """The file, to which one driver at a time adds lines.

    Args:
        path: the file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rungs: dict[int, frozenset[str]] | None = None

    def read(self) -> dict[int, Trial]:
        """The latest line of each trial, by number, in the order of those lines; what cannot be read is passed over.

        Raises:
            FolderError: a newer version wrote it.
        """
        found: dict[int, Trial] = {}
        with suppress(FileNotFoundError), reading("Restore it."):
            for line in self.path.read_bytes().split(b"\n"):
                with suppress(DamagedFileError):
                    trial = trial_file.parse(line, self.path, Trial)
                    found.pop(trial.number, None)
                    found[trial.number] = trial
        return found

    def keep(self, trial: Trial) -> None:
        """Writes a trial down if it is new here or has passed another rung; the disk has it when this returns.

        Raises:
            StorageError: the disk, the quota or the largest file size is reached.
        """
        if self._rungs is None:
            self._rungs = {number: frozenset(item.rungs) for number, item in self.read().items()}
            self._cut_torn_line()
        if trial.number in self._rungs and trial.rungs.keys() <= self._rungs[trial.number]:
            return
        self._add(f"{trial.model_dump_json()}\n".encode())
        self._rungs[trial.number] = frozenset(trial.rungs)

    def _add(self, line: bytes) -> None:
        fresh = not self.path.exists()
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(handle).st_size
            try:
                while line:  # of a disk that is about to be full a part is taken, and then none
                    line = line[os.write(handle, line) :]
                os.fsync(handle)
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(handle, size)
                full = storage_error(error)
                if full is None:
                    raise
                raise StorageError(str(full)) from error
        finally:
            os.close(handle)
        if fresh:
            sync(self.path.parent)

    def _cut_torn_line(self) -> None:
        """Cuts off what a killed driver has left of a line."""
        with suppress(FileNotFoundError), self.path.open("rb+") as file:
            text = file.read()
            end = text.rfind(b"\n") + 1
            if end < len(text):
                file.truncate(end)


def is_behind(found: Trial | None, asked: Trial) -> bool:
    """Whether a trial's file is older than its latest line here, or not there.

    Args:
        found: what the file holds; None where it cannot be read.
        asked: what the line holds.
    """
    return found is None or not asked.rungs.keys() <= found.rungs.keys()


def which(numbers: Iterable[int]) -> str:
    """`trial 3`, or `4 trials, trial 3 the first of them,`."""
    found = sorted(numbers)
    return f"trial {found[0]}" if len(found) == 1 else f"{len(found)} trials, trial {found[0]} the first of them,"
