"""Figures of runs over several data sets that no single run decides: interquartile mean, improvement, profiles.

Each takes the runs of a method as an array for each data set whose last axis is the seed, so that all resamples are
computed at once.

Source: Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", NeurIPS 2021.
"""

from collections.abc import Sequence

import numpy as np

from analysis.statistics.aggregates.bootstrap import Floats, Runs, picks, resampled, widenings
from analysis.statistics.intervals import CONFIDENCE

BAND_RESAMPLES = 500


def interquartile_mean(runs: Runs) -> Floats:
    """The mean of the middle half of all runs, every data set with equal weight however many runs it has.

    A run on a quartile enters with the part of its weight that lies inside. With equal numbers of runs whose sum is a
    multiple of four this is the mean without the lowest and the highest quarter.
    """
    values = np.concatenate([np.asarray(each) for each in runs], axis=-1)
    weights = np.concatenate([np.full(each.shape[-1], 1 / (len(runs) * each.shape[-1])) for each in runs])
    order = np.argsort(values, axis=-1)
    values, sorted_weights = np.take_along_axis(values, order, axis=-1), weights[order]
    ends = np.cumsum(sorted_weights, axis=-1)
    inside = np.clip(np.minimum(ends, 0.75) - np.maximum(ends - sorted_weights, 0.25), 0, None)
    return np.asarray((values * inside).sum(axis=-1) / inside.sum(axis=-1))


def probability_of_improvement(first: Runs, second: Runs) -> Floats:
    """How probably a run of the first scores higher than one of the second on the same data set, drawn at random.

    Per data set the share of pairs of runs in which the first is higher, half of those in which both are equal added
    (Mann and Whitney's U over the number of pairs); then the mean over data sets.
    """
    shares = []
    for one, other in zip(first, second, strict=True):
        difference = one[..., :, None] - other[..., None, :]
        shares.append(((difference > 0) + 0.5 * (difference == 0)).mean(axis=(-2, -1)))
    return np.asarray(np.mean(shares, axis=0))


def profile(runs: Runs, thresholds: Sequence[float] | Floats) -> Floats:
    """The performance profile: for each threshold the share of runs above it, the mean over data sets.

    Args:
        runs: of one method, ``[..., seeds]`` for each data set.
        thresholds: scores.

    Returns:
        ``[..., thresholds]``.
    """
    limits = np.asarray(thresholds, dtype=float)
    return np.asarray(np.mean([(each[..., None, :] > limits[:, None]).mean(axis=-1) for each in runs], axis=0))


def profile_band(
    runs: Runs, thresholds: Sequence[float] | Floats, ratios: Sequence[float] | None = None
) -> tuple[Floats, Floats]:
    """The ends of a profile's pointwise 95 % band, by the bootstrap of `estimate`.

    Where a threshold has hardly a run beyond it, few runs cannot say how few there are, and the band is too narrow.

    Args:
        runs: of one method, ``[seeds]`` for each data set, two at least.
        thresholds: scores.
        ratios: as `widenings` takes them.

    Returns:
        Lower and upper end, ``[thresholds]`` each.
    """
    counts = [values.shape[-1] for values in runs]
    many = profile(resampled(runs, picks(counts, BAND_RESAMPLES), widenings(counts, ratios)), thresholds)
    low, high = np.quantile(many, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2], axis=0)
    return np.asarray(low), np.asarray(high)
