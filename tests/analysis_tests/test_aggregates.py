"""Aggregates over data sets, held to numbers worked out by hand and to brute force written anew here."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.aggregates.bootstrap import estimate, picks, resampled, widenings
from analysis.statistics.aggregates.families import SetMean, holm, mean_over_sets, signed_rank
from analysis.statistics.aggregates.ranks import friedman_p, nemenyi, ranks
from analysis.statistics.aggregates.robust import (
    interquartile_mean,
    probability_of_improvement,
    profile,
)
from analysis.statistics.aggregates.sensitivity import sensitivity
from analysis.statistics.intervals import t_interval
from tests.analysis_tests.simulated import mean_of_means

DRAW = np.random.default_rng(7)
RUNS = [DRAW.normal(0.7, 0.1, 6), DRAW.normal(0.5, 0.2, 6)]
OTHERS = [DRAW.normal(0.6, 0.1, 6), DRAW.normal(0.5, 0.1, 6)]


def test_the_interquartile_mean_drops_the_outer_quarters() -> None:
    # By hand: of 1 to 8, the middle half is 3, 4, 5, 6.
    assert interquartile_mean([np.array([1.0, 8.0, 3.0, 5.0]), np.array([2.0, 4.0, 6.0, 7.0])]) == pytest.approx(4.5)
    assert interquartile_mean(RUNS) == pytest.approx(stats.trim_mean(np.concatenate(RUNS), 0.25))


def test_unequal_numbers_of_runs_weigh_data_sets_alike() -> None:
    few, many = np.array([0.1, 0.9]), np.array([0.2, 0.4, 0.6, 0.8, 0.85, 0.95])
    # Brute force: every run repeated until both sets have as many.
    repeated = np.concatenate([np.repeat(few, 6), np.repeat(many, 2)])
    assert interquartile_mean([few, many]) == pytest.approx(stats.trim_mean(repeated, 0.25))


def test_the_probability_of_improvement_counts_pairs() -> None:
    # By hand: of 2 x 2 pairs, 0.8 beats both, 0.5 equals one and loses to one: (2 + 0.5) / 4.
    assert probability_of_improvement([np.array([0.8, 0.5])], [np.array([0.5, 0.6])]) == pytest.approx(0.625)
    shares = []
    for one, other in zip(RUNS, OTHERS, strict=True):
        won = [1.0 if x > y else 0.5 if x == y else 0.0 for x, y in itertools.product(one, other)]
        shares.append(sum(won) / len(won))
    found = probability_of_improvement(RUNS, OTHERS)
    assert found == pytest.approx(np.mean(shares))
    assert found == pytest.approx(1 - probability_of_improvement(OTHERS, RUNS))


def test_a_profile_is_the_share_of_runs_above() -> None:
    found = profile([np.array([0.2, 0.8]), np.array([0.4, 0.6])], [0.1, 0.5, 0.7, 0.8])
    assert found.tolist() == [1.0, 0.5, 0.25, 0.0]


def test_the_plain_bootstrap_is_a_loop_over_resamples() -> None:
    counts = [6, 6]
    chosen = picks(counts, 50)
    looped = []
    for resample in range(50):
        taken = [runs[which[resample]] for runs, which in zip(RUNS, chosen, strict=True)]
        looped.append(stats.trim_mean(np.concatenate(taken), 0.25))
    assert interquartile_mean(resampled(RUNS, chosen)) == pytest.approx(looped)
    plain = estimate(interquartile_mean, [RUNS], corrected=False, resamples=50)
    assert (plain.low, plain.high) == pytest.approx(tuple(np.quantile(looped, [0.025, 0.975])))


def test_one_data_set_has_the_width_of_the_corrected_t_interval() -> None:
    values = np.random.default_rng(3).normal(size=10)
    exact = t_interval(values.tolist(), 30, 60)
    found = estimate(mean_of_means, [[values]], ratios=[0.5], resamples=20_000)
    assert found.high - found.low == pytest.approx(exact.high - exact.low, rel=0.03)
    assert widenings([10], [0.0])[0] < widenings([10], [0.5])[0]


def test_holm_by_hand() -> None:
    # Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2 (no less than before), 0.2 x 1.
    assert holm([0.03, 0.01, 0.2, 0.02, math.nan])[:4] == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert math.isnan(holm([math.nan])[0])


def test_average_ranks_by_hand() -> None:
    found = ranks([[0.9, 0.8, 0.7, 0.9, 0.8], [0.8, 0.8, 0.6, 0.7, 0.7], [0.1, 0.2, 0.3, 0.1, 0.2]])
    assert found.average == pytest.approx((1.1, 1.9, 3.0))
    # Demšar's table 5: the 5 % value for three methods is 2.343.
    assert found.critical_difference == pytest.approx(2.343 * math.sqrt(3 * 4 / (6 * 5)), abs=1e-3)
    assert found.groups == ((0, 1), (1, 2))


def test_friedmans_test_agrees_with_scipy() -> None:
    scores = np.random.default_rng(5).normal(size=(4, 9)) + np.arange(4)[:, None] * 0.4
    per_set = stats.rankdata(-scores, axis=0)
    chi_square = stats.friedmanchisquare(*scores).statistic
    f = 8 * chi_square / (9 * 3 - chi_square)
    assert friedman_p(per_set) == pytest.approx(stats.f.sf(f, 3, 24))
    assert friedman_p(np.full((3, 5), 2.0)) == 1
    assert nemenyi(2, 10) == pytest.approx(1.960 * math.sqrt(2 * 3 / 60), abs=1e-3)


def test_the_mean_over_sets_of_one_set_is_its_own_interval() -> None:
    one = t_interval([0.8, 0.7, 0.75, 0.9], 30, 60)
    found = mean_over_sets([SetMean.of(one)])
    assert (found.low, found.high) == pytest.approx((one.low, one.high))
    assert math.isnan(mean_over_sets([SetMean.of(one), SetMean.of(t_interval([0.5]))]).low)


def test_the_signed_rank_test_is_exact() -> None:
    found = signed_rank([0.1, 0.2, 0.3, 0.15, 0.05])
    assert (found.p_value, found.wins) == (0.0625, 5)
    assert signed_rank([0.1, -0.2, 0.0]).ties == 1
    assert math.isnan(signed_rank([0.0, 0.0]).p_value)


def test_sensitivity_by_hand() -> None:
    found = sensitivity([0.9, 0.885, 0.5])
    assert (found.settings, found.worst, found.best) == (3, 0.5, 0.9)
    assert found.near == pytest.approx(2 / 3)
    assert found.mean == pytest.approx(2.285 / 3)
