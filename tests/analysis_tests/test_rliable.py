"""Aggregates over data sets, held to numbers that rliable 1.2.0 gave, the library of Agarwal et al. (NeurIPS 2021).

They were made once on Python 3.11.7 with `pip install rliable==1.2.0 "pandas<3"` (numpy 2.4.6, scipy 1.17.1, arch
7.2.0), of `ONE` and `OTHER` as `[runs, data sets]`, with `numpy.random.seed(0)` before the intervals:

    from rliable import library, metrics

    metrics.aggregate_iqm(ONE), metrics.aggregate_iqm(OTHER)
    metrics.probability_of_improvement(ONE, OTHER)
    iqm = lambda scores: numpy.array([metrics.aggregate_iqm(scores)])
    library.get_interval_estimates({"one": ONE, "other": OTHER}, iqm, reps=50_000)
    better = lambda x, y: numpy.array([metrics.probability_of_improvement(x, y)])
    library.get_interval_estimates({"both": (ONE, OTHER)}, better, reps=20_000)
    library.create_performance_profile({"one": ONE}, THRESHOLDS, reps=50_000)

Its bootstrap is the plain one: what `acgkd compare` shows is wider (`widenings`), and is held to its coverage.
"""

import numpy as np
import pytest

from analysis.statistics.aggregates.bootstrap import Estimate, Runs, estimate, picks, resampled
from analysis.statistics.aggregates.robust import interquartile_mean, probability_of_improvement, profile

# Runs by data set.
ONE: Runs = [
    np.array([0.62, 0.70, 0.66, 0.75, 0.59, 0.68]),
    np.array([0.71, 0.55, 0.60, 0.68, 0.64, 0.73]),
    np.array([0.66, 0.81, 0.74, 0.79, 0.70, 0.85]),
    np.array([0.58, 0.58, 0.49, 0.61, 0.52, 0.55]),
]
OTHER: Runs = [
    np.array([0.60, 0.64, 0.66, 0.61, 0.55, 0.70]),
    np.array([0.71, 0.58, 0.52, 0.66, 0.60, 0.57]),
    np.array([0.61, 0.72, 0.70, 0.79, 0.63, 0.68]),
    np.array([0.50, 0.55, 0.49, 0.47, 0.57, 0.51]),
]
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
COUNTS = [6] * 4
RESAMPLES = 20_000


def interval(found: Estimate) -> tuple[float, float]:
    return found.low, found.high


def test_interquartile_means_and_their_stratified_intervals_are_rliables() -> None:
    assert interquartile_mean(ONE) == pytest.approx(0.6541666666666667, abs=1e-12)
    assert interquartile_mean(OTHER) == pytest.approx(0.6066666666666667, abs=1e-12)
    for runs, ends in ((ONE, (0.62666667, 0.68416667)), (OTHER, (0.5825, 0.63666667))):
        plain = estimate(interquartile_mean, [runs], corrected=False, resamples=RESAMPLES)
        assert interval(plain) == pytest.approx(ends, abs=0.001), "resamples differ by their random numbers alone"


def test_the_probability_of_improvement_is_rliables() -> None:
    assert probability_of_improvement(ONE, OTHER) == pytest.approx(0.736111111111111, abs=1e-12)
    # rliable draws both methods apart; ours share seeds, so that `estimate` draws the same seeds for both.
    apart = [resampled(runs, picks(COUNTS, RESAMPLES, seed)) for seed, runs in enumerate((ONE, OTHER))]
    ends = np.quantile(probability_of_improvement(*apart), [0.025, 0.975])
    assert ends == pytest.approx([0.58333333, 0.87152778], abs=0.005)


def test_performance_profiles_and_their_bands_are_rliables() -> None:
    shares = [23 / 24, 20 / 24, 16 / 24, 13 / 24, 7 / 24, 3 / 24, 2 / 24]
    assert profile(ONE, THRESHOLDS) == pytest.approx(shares, abs=1e-12)
    band = np.quantile(profile(resampled(ONE, picks(COUNTS, RESAMPLES)), THRESHOLDS), [0.025, 0.975], axis=0)
    low = [0.875, 0.70833333, 0.54166667, 0.41666667, 0.16666667, 0.04166667, 0.0]
    high = [1.0, 0.95833333, 0.79166667, 0.66666667, 0.45833333, 0.20833333, 0.16666667]
    off = np.abs(band - np.array([low, high]))
    assert off.max() < 1.01 / 24, "shares are steps of 1/24, and a quantile that is nearly between two falls to either"
    assert (off < 1e-6).sum() >= 13
