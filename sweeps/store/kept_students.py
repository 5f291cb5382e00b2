"""Which students of trials stay on the disk: all, those of the front, or those of the chosen trial.

What is to stay follows from the files alone, so a removal that was interrupted is finished by the next one. Students
of controls, and of trials that have not ended, always stay.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Literal

from acgkd.errors import StorageError, SweepError
from analysis.records.sweep_file import Direction
from sweeps.store.folder import SweepFolder
from sweeps.store.sharing.shared_files import names, remove
from sweeps.store.trial import Trial
from sweeps.store.trial_files.asked_log import which

Keep = Literal["all", "front", "chosen"]
_REMOVED = "removed-students.txt"
_STUDENT = re.compile(r"trial-(\d+)-\d+\.pt")


def tidy(keep: Keep, directions: Sequence[Direction], folder: SweepFolder, trials: Mapping[int, Trial]) -> None:
    """Removes the students of ended trials that are not to be kept.

    A trial that is not on the front never comes to it again, so those that have students still are compared with each
    other alone: however many trials there are, this takes no time.

    Args:
        keep: which stay.
        directions: of the objectives.
        folder: of the sweep.
        trials: all that there are, by number, as their files say.
    """
    if keep == "all":
        return
    there: dict[int, list[str]] = {}
    for name in names(folder.students):
        found = _STUDENT.fullmatch(name)
        if found is not None and int(found[1]) in trials:
            there.setdefault(int(found[1]), []).append(name)
    ended = [trials[number] for number in sorted(there) if trials[number].final]
    staying = kept(keep, directions, folder, ended)
    leaving = [trial for trial in ended if trial.number not in staying]
    _note_removed(folder, [trial.number for trial in leaving])
    for trial in leaving:
        for name in there[trial.number]:
            with suppress(OSError, StorageError):  # it is tried again when the next trial has ended
                remove(folder.students / name)


def _note_removed(folder: SweepFolder, numbers: Sequence[int]) -> None:
    """Keeps whose students were removed on purpose: should more be kept one day, nobody is to miss them."""
    if numbers:
        with suppress(OSError):
            folder.logs.mkdir(exist_ok=True)
            with (folder.logs / _REMOVED).open("a", encoding="utf-8") as file:
                file.write("".join(f"{number}\n" for number in numbers))


def _removed(folder: SweepFolder) -> set[int]:
    try:
        return {int(line) for line in (folder.logs / _REMOVED).read_text(encoding="utf-8").split() if line.isdecimal()}
    except (OSError, ValueError):
        return set()


def missing(keep: Keep, directions: Sequence[Direction], folder: SweepFolder, trials: Mapping[int, Trial]) -> list[str]:
    """Says which students should be there and are not, as somebody has removed them.

    Of a folder without any, as records that were unpacked make it, nothing is missed.

    Args:
        keep: which stay.
        directions: of the objectives.
        folder: of the sweep.
        trials: all that there are, by number, as their files say.

    Returns:
        One sentence; nothing where all are there.
    """
    removed = _removed(folder)
    there, ended = set(names(folder.students)), [trial for trial in trials.values() if trial.state == "completed"]
    staying = {trial.number for trial in ended} if keep == "all" else kept(keep, directions, folder, ended)
    gone = [
        trial.number
        for trial in ended
        if trial.number in staying - removed
        and any(
            folder.student_file(folder.trial_name(trial.number), replicate).name not in there
            for replicate in range(trial.replicates or 0)
        )
    ]
    if not gone or not there:
        return []
    sweep = folder.read_sweep()
    trust = " --trust-code" if sweep is not None and sweep.runs_code else ""
    again = f"`acgkd reproduce {folder.shown} --trial {gone[0]} --out DIR{trust}`"
    return [f"Students of {which(gone)} are gone from {folder.students}; the results stand. {again} makes them again."]


def kept(keep: Keep, directions: Sequence[Direction], folder: SweepFolder, trials: Iterable[Trial]) -> set[int]:
    """Numbers of the trials whose students stay.

    As in the report, the chosen trial is best by the first objective, the earlier of two that are equal; the front is
    that of the objectives, or of the only one and multiply-adds.

    Args:
        keep: which stay.
        directions: of the objectives.
        folder: of the sweep; its records say the multiply-adds.
        trials: that are compared.
    """
    complete = {
        trial.number: trial.losses(directions)
        for trial in trials
        if trial.state == "completed" and trial.values is not None
    }
    if not complete:
        return set()
    chosen = min(complete, key=lambda number: (complete[number][0], number))
    if keep == "chosen":
        return {chosen}
    import numpy as np

    from analysis.statistics.front import front

    if len(directions) == 1:
        complete = {number: (*point, _multiply_adds(folder, number)) for number, point in complete.items()}
    points = np.array(list(complete.values()))
    marks = front(points, ["minimize"] * points.shape[1])
    return {chosen} | {number for number, marked in zip(complete, marks, strict=True) if marked}


def _multiply_adds(folder: SweepFolder, number: int) -> float:
    """The mean over its records; infinite where it is not known."""
    name, found = folder.trial_name(number), []
    replicate = 0
    while folder.has_record(name, replicate):
        with suppress(SweepError):
            record = folder.read_record(name, replicate)
            found.append(None if record is None else record.cost.multiply_adds)
        replicate += 1
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known and len(known) == replicate else math.inf
