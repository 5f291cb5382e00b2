import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.engine.trials.halving import Halving, crowding, dominates, fronts

numbers = st.floats(-5, 5).map(lambda value: round(value, 1))


def points(width: int) -> st.SearchStrategy[dict[int, tuple[float, ...]]]:
    return st.lists(st.tuples(*[numbers] * width), min_size=1, max_size=14).map(lambda rows: dict(enumerate(rows)))


def slow_fronts(losses: dict[int, tuple[float, ...]]) -> list[list[int]]:
    left, found = dict(losses), []
    while left:
        front = [n for n in left if not any(dominates(left[m], left[n]) for m in left)]
        found.append(sorted(front))
        for number in front:
            del left[number]
    return found


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 3).flatmap(points))
def test_fronts_are_those_of_the_plain_twin(losses: dict[int, tuple[float, ...]]) -> None:
    assert fronts(losses) == slow_fronts(losses)


def test_fronts_of_ten_thousand_trials_are_quick() -> None:
    losses = {n: ((n * 7919) % 10007 / 10007, (n * 104729) % 10009 / 10009) for n in range(10_000)}
    assert sum(map(len, fronts(losses))) == 10_000


def test_crowding_of_a_line() -> None:
    found = crowding({0: (0.0, 3.0), 1: (1.0, 2.0), 2: (2.0, 1.0), 3: (3.0, 0.0)})
    assert found == {0: math.inf, 3: math.inf, 1: pytest.approx(4 / 3), 2: pytest.approx(4 / 3)}


def one(reduction: int = 3, floor: float | None = None) -> Halving:
    return Halving(reduction, ("maximize",), (floor,))


def test_one_objective_ranks_by_value_and_then_by_age() -> None:
    assert one().rank({0: (0.5,), 1: (0.9,), 2: (0.5,), 3: (0.1,)}) == [1, 0, 2, 3]


def test_the_first_to_come_continues_and_a_third_of_all_later() -> None:
    seen: dict[int, tuple[float | None, ...]] = {}
    promoted = []
    for number, value in enumerate([0.1, 0.05, 0.2, 0.15, 0.3, 0.01]):
        promoted.append(one().promotes(number, (value,), seen))
        seen[number] = (value,)
    assert promoted == [True, False, True, True, True, False]


def test_a_trial_below_the_floor_is_last_however_cheap() -> None:
    rule = Halving(3, ("maximize", "minimize"), (0.6, None))
    assert rule.rank({0: (0.5, 1.0), 1: (0.61, 900.0), 2: (0.9, 1000.0)}) == [2, 1, 0]


def test_the_ends_of_a_front_go_by_the_first_objective() -> None:
    rule = Halving(2, ("minimize", "minimize"), (None, None))
    assert rule.rank({0: (0.97, 38.9), 1: (0.01, 39.9)}) == [1, 0]
    assert rule.promotes(1, (0.01, 39.9), {0: (0.97, 38.9)})


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_missing_is_last(value: float | None) -> None:
    assert one().rank({0: (value,), 1: (0.0,)}) == [1, 0]


@settings(max_examples=100, deadline=None)
@given(points(2), st.integers(2, 4))
def test_about_one_in_so_many_continues(losses: dict[int, tuple[float, ...]], reduction: int) -> None:
    rule = Halving(reduction, ("minimize", "minimize"), (None, None))
    ranked = rule.rank(losses)
    assert sorted(ranked) == sorted(losses)
    going = {n for n in losses if rule.promotes(n, losses[n], {m: v for m, v in losses.items() if m != n})}
    best = set(ranked[: math.ceil(len(losses) / reduction)])
    assert best <= going
    if len(losses) >= reduction**2:
        assert going == best
    for n in going - best:  # among few nothing unbeaten is stopped
        assert not any(dominates(losses[m], losses[n]) or losses[m] == losses[n] for m in losses if m != n)


@settings(max_examples=100, deadline=None)
@given(points(2))
def test_no_trial_is_ranked_before_one_that_dominates_it(losses: dict[int, tuple[float, ...]]) -> None:
    ranked = Halving(3, ("minimize", "minimize"), (None, None)).rank(losses)
    for index, number in enumerate(ranked):
        assert not any(dominates(losses[later], losses[number]) for later in ranked[index + 1 :])


def test_while_a_rung_has_few_entries_nothing_unbeaten_is_stopped() -> None:
    rule = Halving(2, ("maximize", "minimize"), (0.5, None))
    accurate = (0.9, 50.0)
    assert rule.promotes(1, (0.8, 10.0), {0: accurate})  # five times cheaper
    assert rule.promotes(2, (0.7, 5.0), {0: accurate, 1: (0.8, 10.0)})
    assert not rule.promotes(2, (0.85, 60.0), {0: accurate, 1: (0.8, 10.0)})  # dominated
    assert not rule.promotes(2, (0.4, 1.0), {0: accurate, 1: (0.8, 10.0)})  # below the floor, however cheap
    # With reduction² entries half of the front is enough, the lonely ones first.
    seen = {0: accurate, 1: (0.8, 10.0), 2: (0.7, 5.0), 3: (0.6, 1.0)}
    assert not rule.promotes(4, (0.79, 9.5), seen)
