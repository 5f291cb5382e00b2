"""The sweep folder: how it is read and written.

The files are the only truth: whatever a driver knows, it can rebuild by reading them.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from acgkd.errors import DamagedFileError, FolderError, NewerVersionError, StaleGenerationError, SweepError
from analysis.records import record_file, sweep_file, trial_file
from analysis.records.record import Outcome, Record
from analysis.records.sweep_file import SweepFile
from sweeps.store import starts
from sweeps.store.atomic import TEMPORARY, Lock, create, sync_folder, write
from sweeps.store.paths import SweepPaths
from sweeps.store.status import Status, status_of
from sweeps.store.storage_errors import folder_error, removed
from sweeps.store.trial import Trial, now


class SweepFolder(SweepPaths):
    """A sweep on disk.

    Args:
        path: the folder; it need not exist yet.
    """

    # ---- the sweep as a whole

    def make(self) -> None:
        """Makes the folders that every sweep has."""
        for name in ("trials", "records", "curves", "students", "starts", "work", "logs"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        self.cache.mkdir(parents=True, exist_ok=True)  # its own, or one that sweeps share

    def lock(self) -> Lock:
        """The lock that a driver holds."""
        return Lock(self.lock_file)

    @property
    def generation(self) -> int:
        """The number of the latest start; 0 before the first."""
        try:
            return int(self.generation_file.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except ValueError:
            return self._latest_start  # so a damaged counter can be made again

    @property
    def _latest_start(self) -> int:
        """The number of the latest start that has a file of its own."""
        return max((int(path.stem) for path in self.starts.glob("[0-9]*.json") if path.stem.isdecimal()), default=0)

    def begin_generation(self) -> int:
        """Counts the start; workers of earlier ones leave at their next commit."""
        generation = max(self.generation, self._latest_start) + 1  # the counter may have been removed
        write(self.generation_file, str(generation))
        sync_folder(self.path)  # no number is used twice, not even after a power cut
        return generation

    def check_generation(self, generation: int) -> None:
        """Lets the latest start pass.

        Raises:
            StaleGenerationError: there has been a later one.
            StorageError: the folder is not there any more, or not to be read.
        """
        try:
            latest = self.generation
        except OSError as error:
            raise folder_error(error, self.path) or error from error
        if latest != generation:
            gone = removed(self.path) if latest == 0 else None
            raise gone or StaleGenerationError(f"start {generation} of {self.path} was followed by start {latest}")

    def note_start(self, generation: int, facts: Mapping[str, object]) -> None:
        """Keeps what is known of a start; its ``seconds`` count towards the budget of hours."""
        starts.note(self.starts, generation, facts)

    def deaths_in_process(self, generation: int) -> list[str]:
        """The jobs at which the starts before `generation` died, which ran them in their own process: latest first."""
        return starts.deaths_in_process(self.starts, generation)

    def seconds_used(self, *, before: int | None = None) -> float:
        """Seconds that all starts took, or those before one; a start whose file is damaged adds none."""
        return starts.seconds_used(self.starts, before=before)

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
            return sweep_file.parse(self.sweep.read_bytes(), self.sweep)
        except FileNotFoundError:
            return None
        except NewerVersionError as error:
            raise FolderError(str(error)) from error
        except DamagedFileError as error:
            raise SweepError(f"{error} Restore it.") from error

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
        write(self.sweep, sweep.model_dump_json(indent=2) + "\n")

    # ---- trials and records

    def write_trial(self, trial: Trial) -> None:
        """Replaces the trial's file; the driver alone does."""
        path = self.trial_file(trial.number)
        path.parent.mkdir(exist_ok=True)  # with no parents: a folder that was removed is not made again
        write(path, trial.model_dump_json())

    def read_trials(self) -> list[Trial]:
        """All trials in order of number.

        Raises:
            SweepError: a file is damaged, or a number is missing.
            FolderError: a newer version wrote one.
        """
        trials = sorted(self.trials(), key=lambda trial: trial.number)
        for number, trial in enumerate(trials):
            if trial.number != number:
                raise SweepError(
                    f"Trials are numbered from 0 without gaps, but {self.trial_file(number)} is missing. Restore it."
                )
        return trials

    def trials(self) -> Iterator[Trial]:
        """The trials that there are, in no order.

        Raises:
            SweepError: a file is damaged.
            FolderError: a newer version wrote one.
        """
        for folder in self.trials_folder.iterdir() if self.trials_folder.is_dir() else ():
            path = folder / "trial.json"
            try:
                yield trial_file.parse(path.read_bytes(), path, Trial)
            except (FileNotFoundError, NotADirectoryError):
                continue  # a folder was made and its file was not: that trial never was
            except NewerVersionError as error:
                raise FolderError(str(error)) from error
            except DamagedFileError as error:
                raise SweepError(f"{error} Restore it.") from error

    def read_record(self, name: str, replicate: int) -> Record | None:
        """The record of one replicate, or None where there is none yet.

        Raises:
            SweepError: the file is damaged.
            FolderError: a newer version wrote it.
        """
        path = self.record_file(name, replicate)
        try:
            return record_file.parse(path.read_bytes(), path)
        except FileNotFoundError:
            return None
        except NewerVersionError as error:
            raise FolderError(str(error)) from error
        except DamagedFileError as error:
            raise SweepError(f"{error} Remove it to run it again.") from error

    def remove_records(self, name: str, outcome: Outcome) -> None:
        """Removes the records of a trial or control that have this outcome: those replicates run again.

        Raises:
            SweepError: a record is damaged.
        """
        for path in self.records.glob(f"{name}-[0-9]*.json"):
            index = path.stem.rpartition("-")[2]
            record = self.read_record(name, int(index)) if index.isdecimal() else None
            if record is not None and record.outcome == outcome:
                path.unlink(missing_ok=True)

    def commit_record(self, name: str, record: Record) -> bool:
        """Writes a record unless there is one: the first wins, whoever it was.

        Returns:
            Whether it was this one.
        """
        return create(self.record_file(name, record.identity.replicate), record.model_dump_json())

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
        """How far the sweep is; needs no driver and disturbs none.

        Raises:
            SweepError: a file is damaged.
            FolderError: this is no sweep folder, or a newer version wrote a file of it.
        """
        return status_of(self)


def last_lines(path: Path, most: int = 100_000) -> list[str]:
    """The lines of a log, of its last `most` characters; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")[-most:].splitlines()
    except OSError:
        return []
