"""Families of tests: p-values corrected for how many there are, and two methods compared over data sets."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.intervals import CONFIDENCE, Interval, t_quantile


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the probability of one false rejection or more stays below the level.

    Args:
        p_values: of one family; NaN stands for a test that could not be made and is no part of it.

    Returns:
        Corrected p-values in the same order.

    Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statist. 6 (1979).
    """
    known = sorted((value, index) for index, value in enumerate(p_values) if not math.isnan(value))
    found, largest = [math.nan] * len(p_values), 0.0
    for step, (value, index) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - step) * value))
        found[index] = largest
    return found


@dataclass(frozen=True)
class SetMean:
    """A mean on one data set.

    Args:
        value: the mean.
        variance: of the mean, widened for re-splits; NaN where it is not known.
        freedom: degrees of freedom of the variance.
    """

    value: float
    variance: float
    freedom: int

    @classmethod
    def of(cls, interval: Interval, confidence: float = CONFIDENCE) -> "SetMean":
        """From an interval of Student's t: its half-width says the variance."""
        if interval.n < 2 or math.isnan(interval.low):
            return cls(interval.mean, math.nan, 0)
        error = (interval.high - interval.low) / 2 / t_quantile(interval.n - 1, confidence)
        return cls(interval.mean, error**2, interval.n - 1)


def mean_over_sets(means: Sequence[SetMean], confidence: float = CONFIDENCE) -> Interval:
    """The mean of means on given data sets, each with equal weight; its interval is over seeds, not over other sets.

    Returns:
        The mean; `sd` is the deviation between data sets, `n` their number. No interval where a variance is not known.

    Source: Satterthwaite, "An Approximate Distribution of Estimates of Variance Components", Biometrics 2 (1946).
    """
    values, count = [item.value for item in means], len(means)
    mean = float(np.mean(values)) if values else math.nan
    sd = float(np.std(values, ddof=1)) if count > 1 else math.nan
    total = sum(item.variance for item in means) / count**2 if count else math.nan
    if math.isnan(total):
        return Interval(mean, sd, math.nan, math.nan, count, False)
    if total == 0:
        return Interval(mean, sd, mean, mean, count, False)
    parts = sum((item.variance / count**2) ** 2 / item.freedom for item in means)
    half = t_quantile(total**2 / parts, confidence) * math.sqrt(total)
    return Interval(mean, sd, mean - half, mean + half, count, False)


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test of differences on data sets.

    Args:
        p_value: two-sided; NaN where there is nothing to test.
        wins: sets with a difference above 0.
        ties: sets with none.
        losses: sets with one below 0.
    """

    p_value: float
    wins: int
    ties: int
    losses: int


def signed_rank(differences: Sequence[float]) -> SignedRank:
    """Tests whether differences are as often and as far above 0 as below; exact where none is 0 or equal to another.

    Source: Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1 (1945).
    """
    from scipy.stats import wilcoxon

    values = np.asarray(differences, dtype=float).round(12)
    wins, losses = int((values > 0).sum()), int((values < 0).sum())
    p_value = math.nan
    if wins + losses:
        rest = values[values != 0]
        exact = len(set(np.abs(rest).tolist())) == len(rest)
        with warnings.catch_warnings():  # earlier versions warn of few values
            warnings.simplefilter("ignore", UserWarning)
            p_value = float(wilcoxon(rest, method="exact" if exact else "approx").pvalue)
    return SignedRank(p_value, wins, len(values) - wins - losses, losses)
