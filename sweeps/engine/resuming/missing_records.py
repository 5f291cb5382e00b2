"""Records of ended trials that are gone or damaged: what they belong to runs again, and the start says so."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from acgkd.errors import FolderError, SweepError
from analysis.records.record import Record
from sweeps.engine.trials import trial_states
from sweeps.store.folder import SweepFolder
from sweeps.store.sharing.shared_files import move, names
from sweeps.store.trial import PASSING, Trial

_AGAIN = "it is made again"


@dataclass(frozen=True)
class Revived:
    """What a start finds of ended trials.

    Args:
        trials: as they are now; those that run again wait.
        lines: one for each record that is made again.
        teachers: replicates whose teacher lost its row.
    """

    trials: list[Trial]
    lines: list[str]
    teachers: set[int]


def revive(folder: SweepFolder, trials: list[Trial]) -> Revived:
    """Sets trials back whose records are gone or damaged, and puts damaged records of anything aside.

    Args:
        folder: of the sweep, locked.
        trials: as their files say.
    """
    there = {path.name for path in folder.records.glob("[!.]*.json")}
    damaged = {name for name in there if _is_damaged(folder, folder.records / name)}
    for name in damaged:
        _put_aside(folder, folder.records / name)
    final = _not_run_again(folder, trials)
    lines = [f"{folder.records / name} is damaged: {final.get(name, _AGAIN)}." for name in sorted(damaged)]
    kept = []
    for trial in trials:
        files = [folder.record_file(folder.trial_name(trial.number), index) for index in _ended_replicates(trial)]
        gone = [file for file in files if file.name not in there - damaged]
        if gone and trial.final and trial.state != "pruned":
            lines += [f"{file} is gone: trial {trial.number} runs it again." for file in gone if file.name not in there]
            trial = trial_states.retried(trial)
            folder.write_trial(trial)
        elif trial.state == "pruned":
            lines += [f"{file} is gone: {final.get(file.name, _AGAIN)}." for file in gone if file.name not in there]
        kept.append(trial)
    lines += _controls_without_record(folder, there)
    teachers = {int(name[8:-5]) for name in damaged if re.fullmatch(r"teacher-\d+\.json", name)}
    first = folder.record_file("teacher", 0).name
    # The first replicate always has a teacher, which came before the first attempt at it.
    if first not in there and any(trial.at(0) for trial in trials):
        teachers.add(0)
        lines.append(f"{folder.records / first} is gone: it is made again.")
    for line in lines:
        folder.note(line)
    return Revived(kept, lines, teachers)


def _controls_without_record(folder: SweepFolder, there: set[str]) -> list[str]:
    """Controls that have run, as their curves say, and have no record any more."""
    ran = [name for name in names(folder.curves) if re.fullmatch(r"control-.+-\d+\.json", name)]
    return [f"{folder.records / name} is gone: {_AGAIN}." for name in sorted(set(ran) - there)]


def _not_run_again(folder: SweepFolder, trials: list[Trial]) -> dict[str, str]:
    """Records that nothing makes again, with the reason: of a pruned trial's replicates before the last one."""
    return {
        folder.record_file(folder.trial_name(trial.number), index).name: f"trial {trial.number} was pruned and is not "
        "run again"
        for trial in trials
        if trial.state == "pruned"
        for index in _ended_replicates(trial)
        if index != trial.attempts[-1].replicate
    }


def _ended_replicates(trial: Trial) -> list[int]:
    """Replicates that have come to an end of their own, so that there has to be a record."""
    last = {attempt.replicate: attempt.outcome for attempt in trial.attempts}
    return sorted(index for index, outcome in last.items() if outcome is not None and outcome not in PASSING)


def _is_damaged(folder: SweepFolder, path: Path) -> bool:
    name, _, replicate = path.stem.rpartition("-")
    if not replicate.isdecimal():
        return False  # no record of ours
    try:
        record = folder.read_record(name, int(replicate))
    except FolderError:
        raise  # a newer version wrote it: nothing is wrong with it
    except SweepError:
        return True
    if record is not None and _file_of(folder, record) != path.name:
        return True  # another replicate's
    if record is None or record.outcome != "completed":
        return False
    # What left the finite numbers would have diverged, so it is not what was written.
    return not all(value is None or math.isfinite(value) for value in record.objectives.values())


def _file_of(folder: SweepFolder, record: Record) -> str:
    who = record.identity
    names = {"teacher": "teacher", "control": folder.control_name(who.label)}
    name = names.get(who.kind) or folder.trial_name(who.trial or 0)
    return folder.record_file(name, who.replicate).name


def _put_aside(folder: SweepFolder, path: Path) -> None:
    """Keeps the damaged file for whoever wants to look at it, where nobody takes it for a record."""
    folder.logs.mkdir(exist_ok=True)
    move(path, folder.logs / f"damaged-{path.name}")
