"""The sweep folder: how it is read and written.

The files are the only truth: whatever a driver knows, it can rebuild by reading them.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from acgkd.cache import sync
from acgkd.errors import FolderError
from analysis.records import record_file, sweep_file
from analysis.records.record import Outcome, Record
from analysis.records.sweep_file import SweepFile
from analysis.stores.copies import copy_of
from sweeps.store import starts
from sweeps.store.atomic import TEMPORARY, create, write
from sweeps.store.progress.status import Status, status_of
from sweeps.store.sharing.shared_files import remove
from sweeps.store.storage_errors import reading
from sweeps.store.trial import now
from sweeps.store.trial_files.trials_folder import TrialFiles


class SweepFolder(TrialFiles):
    """A sweep on disk, or the copy of one on an object store (`analysis.stores.working_copy`).

    Args:
        path: the folder; it need not exist yet.
    """

    # ---- the sweep as a whole

    def note_start(self, generation: int, facts: Mapping[str, object]) -> None:
        """Keeps what is known of a start; its ``seconds`` count towards the budget of hours."""
        starts.note(self.starts, generation, facts)

    def deaths_in_process(self, generation: int) -> list[str]:
        """The jobs at which the starts before `generation` died, which ran them in their own process: latest first."""
        return starts.deaths_in_process(self.starts, generation)

    def seconds_used(self, *, before: int | None = None) -> float:
        """Seconds that all starts took, or those before one; a start whose file is damaged adds none."""
        return starts.seconds_used(starts.read(self.starts), before=before)

    def remove_temporaries(self) -> None:
        """Clears away what interrupted writers left; nobody ever reads it."""
        for folder in (self.path, self.records, self.curves, self.students, self.samples, self.starts, self.queue):
            for path in folder.glob(f".*{TEMPORARY}"):
                path.unlink(missing_ok=True)

    def read_sweep(self) -> SweepFile | None:
        """What the folder says that it is of, or None where it says nothing yet.

        Raises:
            SweepError: the file is damaged.
            FolderError: a newer version wrote it.
        """
        try:
            with reading("Restore it."):
                return sweep_file.parse(self.sweep.read_bytes(), self.sweep)
        except FileNotFoundError:
            return None

    @property
    def space_changed(self) -> bool:
        """Whether trials may have been suggested from another space than today's."""
        sweep = self.read_sweep()
        return sweep is not None and sweep.space_changed

    def require_sweep(self) -> SweepFile:
        """As `read_sweep`, where there must be one.

        Raises:
            SweepError: the file is damaged.
            FolderError: there is none, or a newer version wrote it.
        """
        sweep = self.read_sweep()
        if sweep is None:
            raise FolderError(f"A sweep folder holds `sweep.json`, but {self.path} does not. Is the path right?")
        return sweep

    def write_sweep(self, sweep: SweepFile) -> None:
        """Replaces the folder's account of itself."""
        self.require_ours()
        write(self.sweep, sweep.model_dump_json(indent=2) + "\n")

    # ---- records

    def read_record(self, name: str, replicate: int) -> Record | None:
        """The record of one replicate, or None where there is none yet.

        Raises:
            SweepError: the file is damaged.
            FolderError: a newer version wrote it.
        """
        path = self.record_file(name, replicate)
        if not self.has_record(name, replicate):
            return None
        try:
            with reading("Remove it to run it again."):
                return record_file.parse(path.read_bytes(), path)
        except FileNotFoundError:
            return None

    def remove_records(self, name: str, outcome: Outcome) -> None:
        """Removes the records of a trial or control that have this outcome: those replicates run again.

        Raises:
            SweepError: a record is damaged.
        """
        for path in self.records.glob(f"{name}-[0-9]*.json"):
            index = path.stem.rpartition("-")[2]
            record = self.read_record(name, int(index)) if index.isdecimal() else None
            if record is not None and record.outcome == outcome:
                remove(path)
        self.sync_entries()

    def commit_record(self, name: str, record: Record, *, entry: bool = True) -> bool:
        """Writes a record unless there is one: the first wins, whoever it was.

        Args:
            name: what its file begins with.
            record: the record.
            entry: wait until the disk has its entry in the folder, too; else `sync_entries` does.

        Returns:
            Whether it was this one.
        """
        self.keep_cache()  # who sees the record finds what it was made with
        return create(self.record_file(name, record.identity.replicate), record.model_dump_json(), entry=entry)

    def sync_entries(self) -> None:
        """Waits until the disk has what was made in, or removed from, the folders of records and students."""
        if copy_of(self.path) is None:
            for folder in (self.students, self.records):
                sync(folder)

    # ---- what happened

    def keep_trace(self, name: str, replicate: int, attempt: int, trace: str) -> None:
        """Keeps the traceback or stacks of a failed attempt, if there are any."""
        if trace:
            self.logs.mkdir(exist_ok=True)
            write(self.failure_log(name, replicate, attempt), f"{trace.rstrip()}\n", durable=False)

    def note(self, line: str) -> None:
        """Adds a line to the log of what happened to the sweep, `logs/driver.log`; never an error."""
        with suppress(OSError):
            self.logs.mkdir(exist_ok=True)
            with self.driver_log.open("a", encoding="utf-8") as file:
                file.write(f"{now()}  {line}\n")

    # ---- status

    def status(self) -> Status:
        """How far the sweep is; needs no driver and disturbs none. Damaged files of trials are named.

        Raises:
            SweepError: `sweep.json` is damaged.
            FolderError: this is no sweep folder, or a newer version wrote a file of it.
        """
        return status_of(self)


def last_lines(path: Path, most: int = 100_000) -> list[str]:
    """The lines of a log, of its last `most` characters; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")[-most:].splitlines()
    except OSError:
        return []
