"""Sets ended trials back so that they run again: after a fix, by the user."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from acgkd.errors import FolderError, SweepError
from analysis.records.record import Outcome, Record
from sweeps.engine.trials import trial_states
from sweeps.store.folder import SweepFolder
from sweeps.store.sharing.shared_files import remove
from sweeps.store.trial import INFEASIBLE, Trial

UNSUCCESSFUL: frozenset[Outcome] = INFEASIBLE | {"failed"}


@dataclass
class Retried:
    """What was set back.

    Args:
        trials: numbers.
        controls: labels, each with the index of its seed.
    """

    trials: list[int] = field(default_factory=list)
    controls: list[tuple[str, int]] = field(default_factory=list)


def retry(folder: SweepFolder, outcomes: Collection[Outcome], numbers: Collection[int] = ()) -> Retried:
    """Removes records of certain outcomes; what they belong to runs again at the next start.

    What was tried stays in the trials' attempts. Trials that completed or were pruned stay as they are.

    Args:
        folder: of the sweep; no driver may work on it.
        outcomes: of the records; all but completed, pruned ones are possible.
        numbers: of the trials, controls then left alone; all trials and controls if left out.

    Raises:
        SweepError: a driver works on the folder, or a file of it is damaged.
        FolderError: a number is not one of the sweep's.
    """
    with folder.lock():
        folder.restore_trials()
        trials = folder.read_trials()
        unknown = sorted(set(numbers) - {trial.number for trial in trials})
        if unknown:
            raise FolderError(
                f"{folder.shown} has {len(trials)} trials, numbered from 0, but not number {unknown[0]}. "
                "`acgkd status` shows what failed."
            )
        found = Retried()
        for trial in trials:
            if (not numbers or trial.number in numbers) and _set_back(folder, trial, outcomes):
                found.trials.append(trial.number)
        if not numbers:
            found.controls += _controls(folder, outcomes)
        folder.sync_entries()
        for number in found.trials:
            folder.note(f"trial {number}: set back by the user")
        return found


def _set_back(folder: SweepFolder, trial: Trial, outcomes: Collection[Outcome]) -> bool:
    if trial.state not in ("failed", "infeasible"):
        return False
    name = folder.trial_name(trial.number)
    again = [index for index, record in _records(folder, name) if record.outcome in outcomes]
    for index in again:
        # Before the trial's file: a trial whose record is gone is set back at the next start anyhow.
        remove(folder.record_file(name, index))
    if again:
        folder.write_trial(trial_states.retried(trial))
    return bool(again)


def _controls(folder: SweepFolder, outcomes: Collection[Outcome]) -> Iterable[tuple[str, int]]:
    for path in sorted(folder.records.glob("control-*.json")):
        name, _, index = path.stem.rpartition("-")
        record = _record(folder, name, index)
        if record is not None and record.outcome in outcomes:
            remove(path)
            yield record.identity.label, int(index)


def _records(folder: SweepFolder, name: str) -> Iterable[tuple[int, Record]]:
    for path in sorted(folder.records.glob(f"{name}-[0-9]*.json")):
        index = path.stem.rpartition("-")[2]
        record = _record(folder, name, index)
        if record is not None:
            yield int(index), record


def _record(folder: SweepFolder, name: str, index: str) -> Record | None:
    """A record; None where it is damaged, since the next start makes it again, or where the file is none of ours."""
    try:
        return folder.read_record(name, int(index)) if index.isdecimal() else None
    except FolderError:
        raise  # a newer version wrote it
    except SweepError:
        return None
