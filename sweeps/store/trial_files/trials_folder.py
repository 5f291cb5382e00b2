"""The files of trials: the driver writes them, and what a power cut takes of them is made again."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from acgkd.cache import sync
from acgkd.errors import FolderError, SweepError
from analysis.records import trial_file
from analysis.stores.copies import copy_of
from sweeps.store.atomic import write
from sweeps.store.sharing.fetched_files import FetchedFiles
from sweeps.store.storage_errors import reading
from sweeps.store.trial import Trial
from sweeps.store.trial_files.asked_log import AskedLog, is_behind, which


class TrialFiles(FetchedFiles):
    """Reads and writes `trials/*/trial.json`."""

    def write_trial(self, trial: Trial) -> None:
        """Replaces the trial's file, and waits until the disk has it; for changes that follow from no other file."""
        fresh = not self.trial_file(trial.number).parent.exists()
        self._place_trial(trial, durable=True)
        if fresh and copy_of(self.path) is None:
            sync(self.trials_folder)

    def note_trial(self, trial: Trial) -> None:
        """Replaces the trial's file; the driver alone does.

        The disk has what follows from nothing else: how the trial was asked for, and what early stopping decided. What
        a power cut takes of the rest follows from the records, or is an account of attempts.
        """
        if copy_of(self.path) is None:
            self._asked.keep(trial)
        self._place_trial(trial, durable=False)

    def _place_trial(self, trial: Trial, *, durable: bool) -> None:
        self.require_ours()
        path = self.trial_file(trial.number)
        if not path.parent.is_dir():
            path.parent.mkdir(exist_ok=True)  # with no parents: a folder that was removed is not made again
        write(path, trial.model_dump_json(), durable=durable)

    @cached_property
    def _asked(self) -> AskedLog:
        return AskedLog(self.asked_file)

    def restore_trials(self) -> str:
        """Makes again what a power cut took of trials' files; the folder is locked.

        Returns:
            That it was so, in a sentence; empty where nothing was missing, or only what a driver was about to write
            when it was killed.

        Raises:
            FolderError: a newer version wrote a file.
        """
        if copy_of(self.path) is not None:
            return ""
        made, log = [], self._asked.read()
        latest = next(reversed(log), None)
        for number, asked in log.items():
            damaged = False
            try:
                found = self._trial(self.trial_file(number))
            except FolderError:
                raise  # a newer version wrote it
            except SweepError:
                found, damaged = None, True
            if is_behind(found, asked):
                self._place_trial(asked, durable=False)
                made.append(number)
        if made == [latest] and not damaged:
            return ""
        return f"The files of {which(made)} were lost or damaged, and are made again." if made else ""

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

    def trials(self, damaged: list[str] | None = None) -> Iterator[Trial]:
        """The trials that there are, in no order.

        Args:
            damaged: gets a sentence for each damaged file, which is then left out.

        Raises:
            SweepError: a file is damaged, and `damaged` is not given.
            FolderError: a newer version wrote one.
        """
        for folder in self.trials_folder.iterdir() if self.trials_folder.is_dir() else ():
            try:
                trial = self._trial(folder / "trial.json")
            except FolderError:
                raise  # a newer version wrote it
            except SweepError as error:
                if damaged is None:
                    raise
                damaged.append(f"{error} Its trial is left out.")
                continue
            if trial is not None:  # else a folder was made and its file was not: that trial never was
                yield trial

    def _trial(self, path: Path) -> Trial | None:
        """What a trial's file holds; None where there is none."""
        way = "Restore it." if not self.asked_file.exists() else "The next start of the sweep makes it again."
        try:
            with reading(way):
                return trial_file.parse(path.read_bytes(), path, Trial)
        except (FileNotFoundError, NotADirectoryError):
            return None
