"""How many seeds would decide a difference: against the interval itself, and where no number of them would."""

import math

import numpy as np
import pytest

from analysis.statistics.intervals import t_interval
from analysis.statistics.paired import decided_by, seeds_to_decide


def values(mean: float, sd: float, count: int) -> list[float]:
    """So many values of exactly this mean and sample standard deviation."""
    raw = np.arange(count, dtype=float)
    return list(mean + sd * (raw - raw.mean()) / raw.std(ddof=1))


@pytest.mark.parametrize(("mean", "sd", "sizes"), [(0.02, 0.05, None), (-0.3, 0.4, None), (0.06, 0.04, (30, 60))])
def test_the_interval_leaves_0_out_with_so_many_and_with_one_less_it_does_not(
    mean: float, sd: float, sizes: tuple[int, int] | None
) -> None:
    test, train = (None, None) if sizes is None else sizes
    found = seeds_to_decide(mean, sd, 0.0 if sizes is None else sizes[0] / sizes[1])
    assert found >= 3
    enough = t_interval(values(mean, sd, int(found)), test, train)
    short = t_interval(values(mean, sd, int(found) - 1), test, train)
    assert enough.low > 0 or enough.high < 0
    assert short.low <= 0 <= short.high


def test_no_number_decides_what_re_splits_share() -> None:
    """With a test part half as large as the training part the interval never falls below 1.39 deviations."""
    assert math.isinf(seeds_to_decide(1.38, 1.0, 0.5))
    assert 100 < seeds_to_decide(1.39, 1.0, 0.5) < math.inf
    assert math.isinf(seeds_to_decide(0.0, 0.1))
    assert seeds_to_decide(0.1, 0.0) == 2
    assert math.isnan(seeds_to_decide(math.nan, 0.1))


def test_only_what_is_not_decided_has_a_number() -> None:
    assert decided_by(31.0, -0.1, 0.2) == "31"
    assert decided_by(1234.0, -0.1, 0.2) == "1,234"
    assert decided_by(math.inf, -0.1, 0.2) == "no number"
    assert decided_by(2.0, 0.1, 0.2) == decided_by(2.0, -0.2, -0.1) == decided_by(math.nan, math.nan, math.nan) == ""
