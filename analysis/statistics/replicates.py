"""What replicates of one setting have in common: derived columns, outcomes in words, and the right interval."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.formatting import known, number
from analysis.records.record import OUTCOMES
from analysis.statistics.intervals import Interval, Share, recovered_share, t_interval

SHARE_PARTS = ("test_accuracy", "teacher_test_accuracy", "majority_accuracy")
"""What a recovered share is of: student, teacher and majority class."""


def with_derived(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with two more columns: ``seconds`` (all stages of the method) and ``ratio`` (to the teacher's accuracy).

    A stage that was not measured leaves ``seconds`` missing rather than too small. A method has two stages or a joint
    one; one without synthesis (real data) has transfer alone. Rows that have both columns stay as they are.
    """
    if {"seconds", "ratio"} <= set(rows.columns):
        return rows
    joint, synthesis, transfer = rows["joint_s"], rows["synthesis_s"], rows["transfer_s"]
    without = synthesis.isna() & (rows["synthesis_steps"].fillna(0) == 0)
    two_stages = synthesis.where(~without, 0.0) + transfer
    seconds = two_stages.where(joint.isna(), joint + synthesis.fillna(0.0) + transfer.fillna(0.0))
    return rows.assign(seconds=seconds, ratio=rows["test_accuracy"] / rows["teacher_test_accuracy"])


@dataclass(frozen=True)
class Split:
    """What the split does to the spread of replicates.

    Args:
        varies: whether the seed drew the split anew, so that test and training parts overlap between replicates.
        test_size: mean size of the test part; None where it does not matter or is not known.
        train_size: mean size of the training part, likewise.
    """

    varies: bool
    test_size: float | None = None
    train_size: float | None = None

    @property
    def shared(self) -> float:
        """The test part over the training part, by which variances grow; 0 where the split stayed, or is not known."""
        return 0.0 if self.test_size is None or self.train_size is None else self.test_size / self.train_size

    @property
    def unknown(self) -> bool:
        """Whether an interval would need sizes that were not recorded."""
        return self.varies and self.test_size is None


def split_of(vary: Iterable[object], test_sizes: Iterable[object], train_sizes: Iterable[object]) -> Split:
    """The split of some replicates, from their columns ``vary``, ``test_size`` and ``train_size``."""
    if not any("split" in str(item).split(",") for item in set(vary)):
        return Split(varies=False)
    test = [number(size) for size in test_sizes if known(size)]
    train = [number(size) for size in train_sizes if known(size)]
    if not test or not train or min(*test, *train) <= 0:
        return Split(varies=True)
    return Split(True, sum(test) / len(test), sum(train) / len(train))


def split_of_rows(rows: pd.DataFrame) -> Split:
    """The split of rows of a frame."""
    return split_of(rows["vary"], rows["test_size"], rows["train_size"])


def spread(values: Sequence[float], split: Split) -> Interval:
    """The interval of the mean of one value per replicate: corrected where the split varied.

    Where the split varied and the sizes of its parts are not known, the mean and the deviation are given, no interval.
    """
    if split.unknown:
        plain = t_interval(values)
        return Interval(plain.mean, plain.sd, math.nan, math.nan, plain.n, True)
    return t_interval(values, split.test_size, split.train_size)


def interval_of(rows: pd.DataFrame, column: str) -> Interval:
    """The interval of a column's mean over rows, of those that have a value."""
    present = rows[rows[column].notna()]
    return spread(present[column].astype("float64").tolist(), split_of_rows(present))


def share_of(student: Sequence[float], teacher: Sequence[float], majority: Sequence[float], split: Split) -> Share:
    """The recovered share of completed replicates, or why it is blank."""
    if split.unknown:
        return Share(math.nan, math.nan, math.nan, len(student), "the sizes of the split's parts are not known")
    return recovered_share(student, teacher, majority, split.test_size, split.train_size)


def share_of_rows(rows: pd.DataFrame) -> Share:
    """The recovered share of completed replicates, by their columns, or why it is blank."""
    student, teacher, majority = (rows[name].astype("float64").tolist() for name in SHARE_PARTS)
    return share_of(student, teacher, majority, split_of_rows(rows))


def outcomes_in_words(outcomes: Iterable[str]) -> str:
    """``2 completed, 1 diverged``, in the order of `OUTCOMES`."""
    counts = Counter(outcomes)
    return ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in OUTCOMES if counts[name])
