"""Seconds of a start, and what is estimated from them."""

import time

import pytest

from sweeps.engine.stopwatch import Stopwatch


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the clock, to be set."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_the_estimate_goes_by_the_first_trial_and_not_by_what_came_before(now: list[float]) -> None:
    watch = Stopwatch(None)
    now[0] = 150.0
    assert watch.remaining_s(0, 10) is None
    watch.trial_begun()
    now[0] = 170.0
    watch.trial_begun()
    assert watch.elapsed_s == 70.0
    assert watch.remaining_s(0, 10) is None, "no trial has ended"
    assert watch.remaining_s(4, 6) == 30.0
    assert watch.remaining_s(4, None) is None


def test_the_budget_counts_earlier_starts_and_bounds_the_estimate(now: list[float]) -> None:
    watch = Stopwatch(3600.0, 3000.0)
    watch.trial_begun()
    now[0] = 200.0
    assert watch.used_s == 3100.0
    assert watch.remaining_s(0, None) == 500.0
    assert watch.remaining_s(1, 3) == 300.0
    assert watch.remaining_s(1, 9) == 500.0
    now[0] = 1000.0
    assert watch.remaining_s(1, 9) == 0.0
