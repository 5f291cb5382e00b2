"""Bands of performance profiles cover as often as they say, but where hardly a run lies beyond the threshold."""

import math

import numpy as np
import pytest

from analysis.statistics.aggregates.bootstrap import picks, resampled
from analysis.statistics.aggregates.robust import profile, profile_band
from tests.analysis_tests.simulated import TEST, TRAIN, resplit_noise

SETS, TRIALS = 4, 120
LIMITS = (-1.5, -0.5, 0.0, 0.5, 1.5)
TRUTH = np.array([0.5 * math.erfc(limit / math.sqrt(2)) for limit in LIMITS])


def slack(share: float) -> float:
    """3.3 standard errors of a share of the trials: one in a thousand is further off by chance."""
    return 3.3 * math.sqrt(share * (1 - share) / TRIALS)


@pytest.mark.parametrize("seeds", [3, 10, 30])
@pytest.mark.parametrize("resplit", [True, False])
def test_bands_cover_but_for_their_tails(seeds: int, resplit: bool) -> None:
    draw = np.random.default_rng(30 + seeds)
    covered, plain = np.zeros(len(LIMITS)), np.zeros(len(LIMITS))
    for _ in range(TRIALS):
        runs = [resplit_noise(draw, seeds) if resplit else draw.normal(size=seeds) for _ in range(SETS)]
        low, high = profile_band(runs, LIMITS, [TEST / TRAIN] * SETS if resplit else None)
        covered += ((low <= TRUTH) & (high >= TRUTH)) / TRIALS
        many = profile(resampled(runs, picks([seeds] * SETS, 200)), LIMITS)
        low, high = np.quantile(many, [0.025, 0.975], axis=0)
        plain += ((low <= TRUTH) & (high >= TRUTH)) / TRIALS
    assert covered[1:4].min() >= 0.95 - slack(0.95), covered
    tails = 0.8 if seeds == 3 and not resplit else 0.9
    assert covered.min() >= tails - slack(tails), covered
    assert plain[1:4].min() < 0.95 - slack(0.95) or not resplit, "over re-splits the plain bootstrap does not cover"
