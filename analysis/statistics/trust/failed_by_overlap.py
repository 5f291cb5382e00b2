"""How many students fail at which overlap with their teacher on a reference pool, which needs no data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from acgkd.agreement.worth import RISKS
from analysis.statistics.aggregates.bootstrap import Estimate
from analysis.statistics.intervals import share_interval
from analysis.statistics.trust.agreement_prediction import CONTROL, GROUP, STUDENT, UPPER, Pool, judged, scored, truth
from analysis.statistics.trust.outcome_bounds import below_bound
from analysis.statistics.trust.telling_apart import auc

TEACHER = [name for name in GROUP if name != "student"]
"""What makes a teacher: its students of all kinds share it."""


@dataclass(frozen=True)
class Band:
    """Students whose overlap lies in one band.

    Args:
        lower: the least overlap.
        failed: how many had less than the bound of their teacher's accuracy.
        students: of how many.
        by_dataset: the same two of each data set.
    """

    lower: float
    failed: int
    students: int
    by_dataset: dict[str, tuple[int, int]]

    @property
    def share(self) -> str:
        """Failed of all, with Wilson's interval, which takes students for independent; a dash where there are none."""
        if not self.students:
            return "–"
        low, high = share_interval(self.failed, self.students)
        return f"{self.failed} of {self.students}: {self.failed / self.students:.2f} ({low:.2f} to {high:.2f})"


def failed_by_overlap(rows: pd.DataFrame, parts: Sequence[str], norm: bool) -> tuple[list[Band], Estimate]:
    """Of the students of data-free methods, how many failed in each band, and how well overlap tells them from others.

    Args:
        rows: one for each student and part of a pool, as the study of agreement keeps them.
        parts: of the pool that judges.
        norm: of teachers with BatchNorm layers, or of those without.

    Returns:
        the bands of `RISKS`; and the chance that a failed student has a lower overlap than another, with an interval
        for which teachers are drawn anew.
    """
    rows = scored(rows[(rows["norm"] == norm) & ~rows["method"].isin((CONTROL, UPPER))])
    overlap, accuracy = judged(rows, Pool(tuple(parts), measure="overlap")), truth(rows, "accuracy")
    known = rows.drop_duplicates(STUDENT).set_index(STUDENT)["teacher_accuracy"]
    students = pd.DataFrame({"overlap": overlap, "accuracy": accuracy, "teacher_accuracy": known}).rename_axis(STUDENT)
    accuracies = students[["accuracy", "teacher_accuracy"]].to_numpy(float)
    students["failed"] = [bool(below_bound(own, teacher)) for own, teacher in accuracies]
    lowers = [lower for lower, _, _ in RISKS]
    uppers = [np.inf, *lowers[:-1]]
    bands = [_band(students, lower, upper) for lower, upper in zip(lowers, uppers, strict=True)]
    units = list(students.index.to_frame()[TEACHER].itertuples(index=False, name=None))
    return bands, auc(students["overlap"].to_numpy(float), students["failed"].to_numpy(bool), units=units)


def _band(students: pd.DataFrame, lower: float, upper: float) -> Band:
    inside = students[(students["overlap"] >= lower) & (students["overlap"] < upper)]
    each = {str(name): group["failed"] for name, group in inside.groupby(level="dataset")}
    counts = {name: (int(failed.sum()), len(failed)) for name, failed in each.items()}
    return Band(lower, int(inside["failed"].sum()), len(inside), counts)
