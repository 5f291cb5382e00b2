"""The difference of two groups of rows that share no seed: Welch's interval, corrected for random re-splits."""

import math
from dataclasses import dataclass

import pandas as pd

from analysis.statistics.intervals import CONFIDENCE, Interval, t_quantile
from analysis.statistics.replicates import interval_of, split_of_rows


@dataclass(frozen=True)
class Unpaired:
    """The difference ``first - second`` of two means.

    Args:
        first: the one mean.
        second: the other.
        difference: of the means; NaN where one is missing.
        low: lower end of the 95 % interval; NaN where no interval can be given.
        high: upper end.
    """

    first: Interval
    second: Interval
    difference: float
    low: float
    high: float


def unpaired(first: pd.DataFrame, second: pd.DataFrame, column: str, confidence: float = CONFIDENCE) -> Unpaired:
    """Compares a column's means over the completed rows of two groups.

    The variance of each mean is that of its own interval: widened by ``test_size / train_size`` where the seed drew the
    split anew, because its values then share most of their training samples. That the two groups share them too would
    make the interval narrower and is not used.

    Args:
        first: rows of a frame.
        second: rows of a frame, of other seeds.
        column: of numbers.
        confidence: between 0 and 1.

    Source: Welch, "The generalization of Student's problem when several different population variances are involved",
        Biometrika 34 (1947); Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52 (2003).
    """
    groups = [rows[(rows["outcome"] == "completed") & rows[column].notna()] for rows in (first, second)]
    one, other = (interval_of(rows, column) for rows in groups)
    difference = one.mean - other.mean
    variances = []
    for rows, interval in zip(groups, (one, other), strict=True):
        split = split_of_rows(rows)
        if interval.n < 2 or split.unknown:
            return Unpaired(one, other, difference, math.nan, math.nan)
        ratio = 0.0 if split.test_size is None or split.train_size is None else split.test_size / split.train_size
        variances.append(interval.sd**2 * (1 / interval.n + ratio))
    total = sum(variances)
    if total == 0:
        return Unpaired(one, other, difference, difference, difference)
    shares = sum(variance**2 / (item.n - 1) for variance, item in zip(variances, (one, other), strict=True))
    half = t_quantile(total**2 / shares, confidence) * math.sqrt(total)
    return Unpaired(one, other, difference, difference - half, difference + half)
