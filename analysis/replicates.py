"""What replicates of one setting have in common: derived columns, outcomes in words, and the right interval."""

import math
from collections.abc import Sequence

import pandas as pd

from analysis.intervals import Interval, Share, recovered_share, t_interval
from analysis.record import OUTCOMES


def with_derived(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with two more columns: ``seconds`` (all stages of the method) and ``ratio`` (to the teacher's accuracy).

    A stage that was not measured leaves ``seconds`` missing rather than too small. A method has two stages or a joint
    one; one without synthesis (real data) has transfer alone.
    """
    joint, synthesis, transfer = rows["joint_s"], rows["synthesis_s"], rows["transfer_s"]
    without = synthesis.isna() & (rows["synthesis_steps"].fillna(0) == 0)
    two_stages = synthesis.where(~without, 0.0) + transfer
    seconds = two_stages.where(joint.isna(), joint + synthesis.fillna(0.0) + transfer.fillna(0.0))
    return rows.assign(seconds=seconds, ratio=rows["test_accuracy"] / rows["teacher_test_accuracy"])


def interval_of(rows: pd.DataFrame, column: str) -> Interval:
    """The interval of a column's mean over replicates, of those that have a value."""
    present = rows[rows[column].notna()]
    return spread(present[column].astype("float64").tolist(), present)


def spread(values: Sequence[float], rows: pd.DataFrame) -> Interval:
    """The interval of the mean of values, one per row: corrected where the seed varied the split.

    Where the split varied and the sizes of its parts are not known, the mean and the deviation are given, no interval.
    """
    test_size, train_size = resplit_sizes(rows)
    if splits_vary(rows) and test_size is None:
        plain = t_interval(values)
        return Interval(plain.mean, plain.sd, math.nan, math.nan, plain.n, True)
    return t_interval(values, test_size, train_size)


def share_of(rows: pd.DataFrame) -> Share:
    """The recovered share of completed replicates, or why it is blank."""
    test_size, train_size = resplit_sizes(rows)
    if splits_vary(rows) and test_size is None:
        return Share(math.nan, math.nan, math.nan, len(rows), "the sizes of the split's parts are not known")
    student, teacher, majority = (
        rows[name].astype("float64").tolist()
        for name in ("test_accuracy", "teacher_test_accuracy", "majority_accuracy")
    )
    return recovered_share(student, teacher, majority, test_size, train_size)


def resplit_sizes(rows: pd.DataFrame) -> tuple[float | None, float | None]:
    """Mean sizes of test and training part where the seed varied the split, else a pair of None."""
    if not splits_vary(rows):
        return None, None
    test_size, train_size = rows["test_size"].mean(), rows["train_size"].mean()
    if pd.isna(test_size) or pd.isna(train_size) or min(test_size, train_size) <= 0:
        return None, None
    return float(test_size), float(train_size)


def outcomes_in_words(outcomes: "pd.Series[str]") -> str:
    """``2 completed, 1 diverged``, in the order of `OUTCOMES`."""
    counts = outcomes.value_counts()
    return ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in OUTCOMES if name in counts.index)


def splits_vary(rows: pd.DataFrame) -> bool:
    """Whether the seed drew the split anew, so that test and training parts overlap between replicates."""
    return any("split" in str(vary).split(",") for vary in rows["vary"].dropna().unique())
