"""Shares and areas under the ROC curve with their intervals."""

import numpy as np
import pytest

from analysis.statistics.intervals import share_interval
from analysis.statistics.trust.telling_apart import auc


def test_the_area_counts_pairs_that_are_in_order() -> None:
    scores, bad = np.array([0.1, 0.4, 0.4, 0.8]), np.array([True, True, False, False])
    found = auc(scores, bad)
    assert found.value == pytest.approx(3.5 / 4), "of four pairs three are in order, and one is a tie"
    assert 0 <= found.low < found.value <= found.high <= 1
    assert auc(-scores, bad).value == pytest.approx(0.5 / 4)
    assert np.isnan(auc(scores, np.ones(4, dtype=bool)).value)


def test_the_interval_of_a_quantity_that_says_nothing_holds_a_half() -> None:
    draw = np.random.default_rng(0)
    found = auc(draw.normal(size=80), draw.random(80) < 0.3)
    assert found.low < 0.5 < found.high


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert share_interval(149, 1000) == pytest.approx((0.1283, 0.1724), abs=1e-4)
    low, high = share_interval(0, 10)
    assert low == pytest.approx(0, abs=1e-12)
    assert high == pytest.approx(0.2775, abs=1e-4)


def test_runs_of_one_unit_are_drawn_together_so_that_copies_narrow_nothing() -> None:
    draw = np.random.default_rng(1)
    scores, bad = draw.normal(size=12), draw.random(12) < 0.5
    once = auc(scores, bad)
    copied = auc(np.repeat(scores, 5), np.repeat(bad, 5), units=np.repeat(np.arange(12), 5).tolist())
    assert (copied.value, copied.low, copied.high) == pytest.approx((once.value, once.low, once.high))
    alone = auc(np.repeat(scores, 5), np.repeat(bad, 5))
    assert alone.high - alone.low < once.high - once.low
