"""Which students of trials stay on the disk: all, those of the front, or those of the chosen trial.

What is to stay follows from the files alone, so a removal that was interrupted is finished by the next one. Students
of controls, and of trials that have not ended, always stay.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Literal

from acgkd.errors import SweepError
from analysis.records.sweep_file import Direction
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial

Keep = Literal["all", "front", "chosen"]
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
    for path in folder.students.glob("trial-*.pt"):
        found = _STUDENT.fullmatch(path.name)
        if found is not None and int(found[1]) in trials:
            there.setdefault(int(found[1]), []).append(path.name)
    ended = [trials[number] for number in sorted(there) if trials[number].final]
    staying = kept(keep, directions, folder, ended)
    for trial in ended:
        for name in () if trial.number in staying else there[trial.number]:
            with suppress(OSError):  # it is tried again when the next trial has ended
                (folder.students / name).unlink()


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
        trial.number: tuple(sign * value for sign, value in zip(signs_of(directions), trial.values, strict=True))
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


def signs_of(directions: Sequence[Direction]) -> list[float]:
    """What turns each objective into one to minimise."""
    return [1.0 if direction == "minimize" else -1.0 for direction in directions]


def _multiply_adds(folder: SweepFolder, number: int) -> float:
    """The mean over its records; infinite where it is not known."""
    name, found = folder.trial_name(number), []
    replicate = 0
    while folder.record_file(name, replicate).exists():
        with suppress(SweepError):
            record = folder.read_record(name, replicate)
            found.append(None if record is None else record.cost.multiply_adds)
        replicate += 1
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known and len(known) == replicate else math.inf
