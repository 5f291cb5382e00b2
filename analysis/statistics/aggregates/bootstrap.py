"""The stratified bootstrap: runs are drawn anew within each data set, for all methods by the same seeds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import BOOTSTRAP_SEED, CONFIDENCE, t_quantile

Floats: TypeAlias = NDArray[np.float64]
Runs: TypeAlias = Sequence[Floats]
"""Scores of one method: for each data set an array, ``[seeds]``; of resamples, ``[resamples, seeds]``."""

RESAMPLES = 2_000


@dataclass(frozen=True)
class Estimate:
    """A figure with its bootstrap interval; both ends are NaN where some data set has one run only."""

    value: float
    low: float
    high: float


def widenings(counts: Sequence[int], ratios: Sequence[float] | None = None, confidence: float = CONFIDENCE) -> Floats:
    """How much further each data set's resampled mean must lie from its mean than the bootstrap puts it.

    Drawn from n runs, a mean varies by ``s**2 (n - 1) / n**2``; the variance of a mean is ``s**2 / n``, and with random
    re-splits ``s**2 (1 / n + test / train)``, because runs share training samples. The number of runs being small, the
    quantile is Student's, with the degrees of freedom of all data sets together.

    Args:
        counts: runs in each data set, each at least 2.
        ratios: test over training size in each data set whose seeds drew the split; 0 where they did not.
        confidence: of the interval that is asked for.

    Source: Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52 (2003), section 3.
    """
    shares = [0.0] * len(counts) if ratios is None else ratios
    freedom = sum(counts) - len(counts)
    heavier = t_quantile(freedom, confidence) / NormalDist().inv_cdf(0.5 + confidence / 2)
    return np.array([heavier * math.sqrt(n / (n - 1) * (1 + n * r)) for n, r in zip(counts, shares, strict=True)])


def picks(counts: Sequence[int], resamples: int = RESAMPLES, seed: int = BOOTSTRAP_SEED) -> list[NDArray[np.int64]]:
    """Which runs each resample takes of each data set: ``[resamples, seeds]`` each, equal for equal arguments."""
    draw = np.random.default_rng(seed)
    return [draw.integers(0, count, size=(resamples, count)) for count in counts]


def resampled(
    runs: Runs, chosen: Sequence[NDArray[np.int64]], widening: Sequence[float] | Floats | None = None
) -> Runs:
    """The runs of every resample, ``[resamples, seeds]`` for each data set.

    Where a data set has a widening above 1, all runs of a resample are moved alike, until their mean lies as many times
    further from the data set's mean.
    """
    found = []
    for index, (values, which) in enumerate(zip(runs, chosen, strict=True)):
        drawn = values[which]
        if widening is not None:
            drawn = drawn + (widening[index] - 1) * (drawn.mean(axis=1, keepdims=True) - values.mean())
        found.append(drawn)
    return found


def estimate(
    figure: Callable[..., Floats],
    methods: Sequence[Runs],
    *,
    ratios: Sequence[float] | None = None,
    corrected: bool = True,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """A figure of one or several methods with its percentile interval.

    Args:
        figure: from the runs of each method, ``[..., seeds]`` by data set, to values ``[...]``.
        methods: runs of each, with equal seeds in each data set.
        ratios: as `widenings` takes them.
        corrected: whether to widen; without it this is the plain stratified percentile bootstrap.
        resamples: how many.
        confidence: between 0 and 1.
    """
    value = float(figure(*methods))
    counts = [len(values) for values in methods[0]]
    if not counts or min(counts) < 2:
        return Estimate(value, math.nan, math.nan)
    wider = widenings(counts, ratios, confidence) if corrected else None
    chosen = picks(counts, resamples)
    spread = figure(*(resampled(runs, chosen, wider) for runs in methods))
    low, high = np.quantile(spread, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(value, float(low), float(high))
