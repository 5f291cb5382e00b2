import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acgkd.errors import AnalysisError
from analysis.statistics.intervals import Interval, recovered_share, t_interval, t_p_value


def half_width(interval: Interval) -> float:
    return (interval.high - interval.low) / 2


accuracies = st.lists(st.floats(0, 1), min_size=2, max_size=12)


def test_the_plain_interval_is_students() -> None:
    from scipy import stats

    values = [0.81, 0.79, 0.86, 0.83]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    found = t_interval(values)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert not found.corrected


@pytest.mark.parametrize(("seeds", "widths"), [(10, 1.75), (5, 2.3), (3, 3.9)])
def test_the_corrected_interval_has_the_published_half_widths(seeds: int, widths: float) -> None:
    # Half-widths in standard deviations for 60/10/30 splits, measured to cover 95 % and more.
    values = list(np.random.default_rng(0).normal(size=seeds))
    found = t_interval(values, test_size=30, train_size=60)
    assert half_width(found) / found.sd == pytest.approx(widths, abs=0.06)


def test_the_corrected_interval_covers_where_the_plain_one_does_not() -> None:
    # Replicates of one data set share samples: errors correlated by test/(test + train) are Nadeau and Bengio's model.
    draw = np.random.default_rng(1)
    shared = 0.5 / 1.5
    hits = {True: 0, False: 0}
    for _ in range(800):
        common, own = draw.normal(), draw.normal(size=10)
        values = list(math.sqrt(shared) * common + math.sqrt(1 - shared) * own)
        for corrected in (True, False):
            found = t_interval(values, 30, 60) if corrected else t_interval(values)
            hits[corrected] += found.low <= 0 <= found.high
    assert hits[True] / 800 == pytest.approx(0.95, abs=0.03)
    assert hits[False] / 800 < 0.75


@given(accuracies, st.floats(0.05, 5))
def test_correction_widens_and_keeps_the_mean(values: list[float], ratio: float) -> None:
    plain, corrected = t_interval(values), t_interval(values, ratio, 1.0)
    assert corrected.mean == plain.mean
    assert half_width(corrected) >= half_width(plain)
    assert plain.low <= plain.mean <= plain.high


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert math.isnan(t_interval([0.8]).low)
    assert t_interval([0.8]).mean == 0.8
    assert math.isnan(t_interval([]).mean)


@pytest.mark.parametrize("sizes", [(10, None), (None, 10), (0, 10), (10, -1)])
def test_sizes_go_together_and_are_positive(sizes: tuple[float | None, float | None]) -> None:
    with pytest.raises(AnalysisError, match="size"):
        t_interval([0.1, 0.2], *sizes)


def test_missing_values_are_refused() -> None:
    with pytest.raises(AnalysisError, match="1 are missing"):
        t_interval([0.1, math.nan])


def test_p_value_agrees_with_scipy() -> None:
    from scipy import stats

    assert t_p_value(-2.1, 7) == pytest.approx(2 * stats.t.sf(2.1, 7))


def test_recovered_share_is_pooled_not_averaged() -> None:
    student, teacher, majority = [0.8, 0.7, 0.75], [0.9, 0.8, 0.85], [0.6, 0.6, 0.6]
    found = recovered_share(student, teacher, majority)
    assert found.value == pytest.approx((0.2 + 0.1 + 0.15) / (0.3 + 0.2 + 0.25))
    assert found.value != pytest.approx(np.mean([0.2 / 0.3, 0.1 / 0.2, 0.15 / 0.25]))
    assert found.low <= found.value <= found.high


def test_recovered_share_says_the_same_twice() -> None:
    arguments = ([0.8, 0.7, 0.75], [0.9, 0.82, 0.85], [0.6, 0.6, 0.6])
    assert recovered_share(*arguments) == recovered_share(*arguments)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.7, 0.9)), min_size=3, max_size=8))
def test_a_student_as_good_as_its_teacher_recovers_all(pairs: list[tuple[float, float]]) -> None:
    teacher = [value for _, value in pairs]
    found = recovered_share(teacher, teacher, [0.2] * len(teacher))
    if not found.reason:
        assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize(
    ("teacher", "majority", "reason"),
    [
        ([0.70, 0.60, 0.66], [0.66, 0.66, 0.66], "not clearly above 0"),
        ([0.50, 0.51, 0.52], [0.66, 0.66, 0.66], "not clearly above 0"),
        ([0.86], [0.66], "one seed"),
        ([math.nan, math.nan], [0.66, 0.66], "no seed"),
    ],
)
def test_recovered_share_is_blank_where_the_gap_may_be_nothing(
    teacher: list[float], majority: list[float], reason: str
) -> None:
    found = recovered_share([0.7] * len(teacher), teacher, majority)
    assert math.isnan(found.value)
    assert reason in found.reason


def test_resplits_can_blank_what_plain_seeds_would_show() -> None:
    student, teacher, majority = [0.75, 0.7, 0.8], [0.80, 0.72, 0.85], [0.6, 0.6, 0.65]
    assert not recovered_share(student, teacher, majority).reason
    assert recovered_share(student, teacher, majority, test_size=500, train_size=60).reason


@pytest.mark.parametrize("count", range(2, 12))
def test_few_values_have_the_mean_and_deviation_of_numpy_to_the_last_bit(count: int) -> None:
    draw = np.random.default_rng(count)
    for _ in range(200):
        values = draw.normal(size=count) * 10 ** draw.uniform(-3, 9)
        found = t_interval(values.tolist())
        assert (found.mean, found.sd) == (float(values.mean()), float(values.std(ddof=1)))
