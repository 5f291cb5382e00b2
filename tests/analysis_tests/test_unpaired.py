"""Welch's interval of two groups of seeds, and what it says of too few."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.unpaired import unpaired

ONE, OTHER = [0.81, 0.84, 0.79], [0.70, 0.81, 0.77, 0.66, 0.74]


def rows(values: list[float], vary: str = "draws", outcomes: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "test_accuracy": pd.Series(values, dtype="float64"),
            "outcome": outcomes or ["completed"] * len(values),
            "vary": vary,
            "test_size": 30.0,
            "train_size": 60.0,
        }
    )


def test_it_is_welchs_interval_where_the_split_is_fixed() -> None:
    found = unpaired(rows(ONE), rows(OTHER), "test_accuracy")
    expected = stats.ttest_ind(ONE, OTHER, equal_var=False).confidence_interval(0.95)
    assert found.difference == pytest.approx(np.mean(ONE) - np.mean(OTHER))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    mirrored = unpaired(rows(OTHER), rows(ONE), "test_accuracy")
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))


def test_it_is_wider_where_the_seed_draws_the_split() -> None:
    plain = unpaired(rows(ONE), rows(OTHER), "test_accuracy")
    wide = unpaired(rows(ONE, "split,draws"), rows(OTHER, "split,draws"), "test_accuracy")
    assert wide.difference == plain.difference
    variances = [np.var(values, ddof=1) * (1 / len(values) + 0.5) for values in (ONE, OTHER)]
    freedom = sum(variances) ** 2 / sum(v**2 / (len(x) - 1) for v, x in zip(variances, (ONE, OTHER), strict=True))
    half = stats.t.ppf(0.975, freedom) * math.sqrt(sum(variances))
    assert (wide.low, wide.high) == pytest.approx((wide.difference - half, wide.difference + half))
    assert wide.high - wide.low > 1.5 * (plain.high - plain.low)


def test_it_covers_what_it_says() -> None:
    """Of groups with one mean and unlike spreads and sizes, 95 % of the intervals hold 0."""
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        pair = (generator.normal(0.8, 0.01, 4).tolist(), generator.normal(0.8, 0.05, 10).tolist())
        found = unpaired(rows(pair[0]), rows(pair[1]), "test_accuracy")
        held += found.low <= 0 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_what_did_not_complete_does_not_enter_and_one_seed_has_no_interval() -> None:
    failed = rows([*ONE, 0.1], outcomes=["completed"] * 3 + ["diverged"])
    assert unpaired(failed, rows(OTHER), "test_accuracy") == unpaired(rows(ONE), rows(OTHER), "test_accuracy")
    single = unpaired(rows([0.8]), rows(OTHER), "test_accuracy")
    assert single.difference == pytest.approx(0.8 - np.mean(OTHER))
    assert math.isnan(single.low)
    none = unpaired(rows([]), rows(OTHER), "test_accuracy")
    assert math.isnan(none.difference)
    equal = unpaired(rows([0.5, 0.5]), rows([0.25, 0.25]), "test_accuracy")
    assert (equal.difference, equal.low, equal.high) == (0.25, 0.25, 0.25)
