"""Intervals that cover what they say: the corrected resampled t, and the recovered share's bootstrap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from acgkd.errors import AnalysisError

CONFIDENCE = 0.95
RESAMPLES = 10_000
BOOTSTRAP_SEED = 20_250_401  # fixed, so that a report made twice says the same


@dataclass(frozen=True)
class Interval:
    """A mean with its spread.

    Args:
        mean: of the values; NaN for none.
        sd: sample standard deviation; NaN below two values.
        low: lower end of the interval; NaN where no interval can be given.
        high: upper end.
        n: number of values.
        corrected: whether the variance was widened for random re-splits.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int
    corrected: bool


@dataclass(frozen=True)
class Share:
    """A pooled recovered share; `value` is NaN where `reason` says why it is blank."""

    value: float
    low: float
    high: float
    n: int
    reason: str = ""


def t_interval(
    values: Sequence[float],
    test_size: float | None = None,
    train_size: float | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Student's t interval of a mean, corrected for random re-splits where the sizes of the parts are given.

    Accuracies of random re-splits of one data set share most of their training samples, so they are correlated and
    the plain interval is far too narrow: over ten 60/30 splits it covers 72 % where it says 95 %. The correction
    multiplies the sample variance by ``1/J + test_size/train_size`` in place of ``1/J``.

    Args:
        values: one per replicate; none may be missing.
        test_size: samples in the test part, when the split differed between values.
        train_size: samples in the training part; given together with `test_size`.
        confidence: between 0 and 1.

    Raises:
        AnalysisError: one size without the other, or a missing value.

    Source: Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52 (2003), section 3.
    """
    if (test_size is None) != (train_size is None):
        raise AnalysisError(f"`test_size` and `train_size` go together, but got {test_size=}, {train_size=}.")
    if test_size is not None and train_size is not None and (test_size <= 0 or train_size <= 0):
        raise AnalysisError(f"Both sizes must be positive, but got {test_size=}, {train_size=}.")
    sample = [math.nan if value is None else float(value) for value in values]
    if missing := sum(map(math.isnan, sample)):
        raise AnalysisError(f"An interval needs values that are all there, but {missing} are missing.")
    n = len(sample)
    corrected = test_size is not None
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, math.nan, 0, corrected)
    if n == 1:
        return Interval(sample[0], math.nan, math.nan, math.nan, 1, corrected)
    mean, sd = _moments(sample)
    factor = 1 / n + (test_size / train_size if test_size is not None and train_size is not None else 0.0)
    half = t_quantile(n - 1, confidence) * sd * math.sqrt(factor)
    return Interval(mean, sd, mean - half, mean + half, n, corrected)


def _moments(sample: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation of two values or more.

    A report asks for a hundred thousand of them, of three or five seeds each: numpy would take ten times as long.
    """
    n = len(sample)
    if n > 7:  # from there on numpy adds in another order
        array = np.asarray(sample)
        return float(array.mean()), float(array.std(ddof=1))
    mean = _sum(sample) / n
    return mean, math.sqrt(_sum([(value - mean) * (value - mean) for value in sample]) / (n - 1))


def _sum(values: Sequence[float]) -> float:
    """Rounded as numpy rounds it."""
    total = 0.0
    for value in values:
        total += value
    return total


@lru_cache(maxsize=256)
def t_quantile(freedom: float, confidence: float) -> float:
    """How many standard errors a two-sided t interval reaches to either side of its mean.

    Args:
        freedom: degrees of freedom; Welch's are no whole number.
        confidence: between 0 and 1.
    """
    from scipy.special import stdtrit  # scipy.stats would cost most of a second to import

    return float(stdtrit(freedom, 0.5 + confidence / 2))


def t_p_value(statistic: float, freedom: int) -> float:
    """Two-sided p-value of a t statistic."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(statistic)))


def recovered_share(
    student: Sequence[float],
    teacher: Sequence[float],
    majority: Sequence[float],
    test_size: float | None = None,
    train_size: float | None = None,
    confidence: float = CONFIDENCE,
) -> Share:
    """How much of what the teacher knows beyond the majority class its student got, pooled over seeds.

    ``sum(student - majority) / sum(teacher - majority)``, with a percentile bootstrap over seeds. It is blank unless
    the gap's own interval (the t interval of ``teacher - majority``, corrected for re-splits where the sizes are
    given) lies above 0: a ratio to a gap that may be nothing says nothing.

    Args:
        student: test accuracy per seed.
        teacher: test accuracy per seed, in the same order.
        majority: test accuracy of the training split's majority class per seed.
        test_size: as in `t_interval`.
        train_size: as in `t_interval`.
        confidence: of both intervals.
    """
    gain = np.asarray(student, dtype=float) - np.asarray(majority, dtype=float)
    gap = np.asarray(teacher, dtype=float) - np.asarray(majority, dtype=float)
    known = ~(np.isnan(gain) | np.isnan(gap))
    gain, gap = gain[known], gap[known]
    n = len(gap)
    if n == 0:
        return _blank(0, "no seed has student, teacher and majority accuracy")
    if n == 1:
        return _blank(1, "one seed: the gap between teacher and majority class has no interval")
    interval = t_interval(gap.tolist(), test_size, train_size, confidence)
    if not interval.low > 0:
        return _blank(
            n,
            f"the gap between teacher and majority class is {interval.mean:.3f}, "
            f"95 % interval {interval.low:.3f} to {interval.high:.3f}: not clearly above 0",
        )
    picks = _resamples(n)
    gaps = gap[picks].sum(axis=1)
    shares = (gain[picks].sum(axis=1)[gaps > 0]) / gaps[gaps > 0]
    low, high = np.quantile(shares, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Share(float(gain.sum() / gap.sum()), float(low), float(high), n)


@lru_cache(maxsize=4)
def _resamples(n: int) -> NDArray[np.int64]:
    """Which seeds each resample takes; trials of one sweep share them."""
    picks = np.random.default_rng(BOOTSTRAP_SEED).integers(0, n, size=(RESAMPLES, n))
    picks.setflags(write=False)
    return picks


def _blank(n: int, reason: str) -> Share:
    return Share(math.nan, math.nan, math.nan, n, reason)


def share_interval(hits: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a share, `hits` of `count`, which is at least 1."""
    from scipy.stats import binomtest

    found = binomtest(hits, count).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def rank_interval(correlation: float, count: int) -> tuple[float, float]:
    """A 95 % interval of Spearman's correlation over `count` pairs; all that is possible for fewer than four.

    Source: Bonett and Wright (2000), "Sample size requirements for estimating Pearson,
        Kendall and Spearman correlations".
    """
    if count < 4 or abs(correlation) >= 1:
        return (-1.0, 1.0) if count < 4 else (correlation, correlation)
    reach = 1.96 * math.sqrt((1 + correlation**2 / 2) / (count - 3))
    centre = math.atanh(correlation)
    return math.tanh(centre - reach), math.tanh(centre + reach)
