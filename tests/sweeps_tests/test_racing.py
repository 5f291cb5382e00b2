"""Replicates as rungs: the test, its error rate, and what it needs to see."""

import math

import numpy as np
import pytest

from sweeps.engine.trials.early_stopping import EarlyStopping
from sweeps.engine.trials.halving import Halving
from sweeps.engine.trials.racing import Racing, by_seed

SEEDS = 4


def sweep(draw: np.random.Generator, trials: int, spread: float, noise: float = 0.3) -> dict[int, np.ndarray]:
    """Completed trials: a divergence that differs by trial, seed and chance, and a cost that a trial fixes."""
    quality = draw.normal(0, spread, (trials, 1)) + draw.normal(0, 0.5, (1, SEEDS))
    found = np.exp(quality + draw.normal(0, noise, (trials, SEEDS)))
    cost = draw.uniform(1, 2, (trials, 1)).repeat(SEEDS, 1)
    return {number: np.stack([found[number], cost[number]], axis=1) for number in range(trials)}


def stopped(racing: Racing, trial: np.ndarray, rivals: dict[int, np.ndarray]) -> bool:
    return any(racing.lost(trial[:done], rivals) for done in range(1, SEEDS))


def test_the_error_rate_is_the_one_asked_for() -> None:
    """A trial as good as all others, and dearer, so that any of them may beat it: the front is where luck was."""
    draw, sweeps, error = np.random.default_rng(0), 1500, 0.2
    wrong = 0
    for _ in range(sweeps):
        rivals = sweep(draw, 13, spread=0.0)
        trial = rivals.pop(12)
        trial[:, 1] = 3.0
        wrong += stopped(Racing(error, (1, 1)), trial, rivals)
    assert wrong / sweeps <= error + 3 * math.sqrt(error * (1 - error) / sweeps)
    assert wrong / sweeps >= error / 10  # and it is no test that never rejects


def test_a_trial_of_more_noise_than_the_others_is_stopped_more_often_than_asked_for() -> None:
    """What the rule supposes, and what it costs where it does not hold."""
    draw, sweeps, error = np.random.default_rng(0), 400, 0.2
    wrong = 0
    for _ in range(sweeps):
        seeds = draw.normal(0, 0.5, SEEDS)
        own, others = np.exp(seeds + draw.normal(0, 0.9, SEEDS)), np.exp(seeds + draw.normal(0, 0.3, (12, SEEDS)))
        rivals = {number: np.stack([row, np.ones(SEEDS)], axis=1) for number, row in enumerate(others)}
        wrong += stopped(Racing(error, (1, 1)), np.stack([own, np.full(SEEDS, 3.0)], axis=1), rivals)
    assert 1.5 * error < wrong / sweeps < 2.5 * error


def test_a_clearly_worse_trial_is_stopped_after_one_seed() -> None:
    draw = np.random.default_rng(1)
    caught = 0
    for _ in range(200):
        rivals = sweep(draw, 12, spread=0.0)
        worse = sweep(draw, 1, spread=0.0)[0]
        worse[:, 0] *= math.exp(2)
        worse[:, 1] = 3.0
        caught += Racing(0.1, (1, 1)).lost(worse[:1], rivals) is not None
    assert caught > 120


def test_what_is_cheaper_than_all_is_never_stopped() -> None:
    draw = np.random.default_rng(2)
    for _ in range(100):
        rivals = sweep(draw, 8, spread=1.0)
        trial = sweep(draw, 1, spread=0.0)[0] * [1000.0, 1.0]
        trial[:, 1] = 0.5
        assert not stopped(Racing(0.5, (1, 1)), trial, rivals)


def test_few_rivals_or_all_seeds_decide_nothing() -> None:
    draw = np.random.default_rng(3)
    rivals, worse = sweep(draw, 12, spread=0.0), np.full((SEEDS, 2), 100.0)
    racing = Racing(0.1, (1, 1))
    assert racing.lost(worse[:2], rivals) is not None
    assert racing.lost(worse[:2], {}) is None
    assert racing.lost(worse[:2], {0: rivals[0]}) is None
    assert racing.lost(worse, rivals) is None


def test_equal_cost_and_worse_quality_has_lost_and_an_equal_trial_has_not() -> None:
    draw = np.random.default_rng(4)
    rivals = {number: np.stack([row[:, 0], np.ones(SEEDS)], axis=1) for number, row in sweep(draw, 12, 0.0).items()}
    racing = Racing(0.1, (1, 1))
    assert racing.lost(rivals[0][:2] * [100.0, 1.0], rivals) is not None
    assert racing.lost(rivals[0][:2], {5: rivals[0], **{n: r * [10.0, 1] for n, r in rivals.items()}}) is None


def test_seeds_are_read_off_the_means() -> None:
    found = by_seed([(1.0, 10.0), (2.0, 10.0), (4.0, 11.0)], (1, -1))
    assert found is not None
    assert found.tolist() == [[1.0, -10.0], [3.0, -10.0], [8.0, -13.0]]
    assert by_seed([(1.0, None)], (1, -1)) is None
    assert by_seed([(1.0, math.inf)], (1, -1)) is None


def test_early_stopping_races_at_whole_replicates_and_ranks_inside() -> None:
    directions = ("minimize", "minimize")
    rule = EarlyStopping(SEEDS, Halving(3, directions, (None, None)), Racing(0.1, (1, 1)))
    draw = np.random.default_rng(5)
    for number, row in sweep(draw, 10, spread=0.1).items():
        means = np.cumsum(row, axis=0) / np.arange(1, SEEDS + 1)[:, None]
        rungs = {"0.5": tuple(row[0]), **{str(done): tuple(means[done - 1]) for done in range(1, SEEDS)}}
        rule.note(number, rungs, tuple(means[-1]))
    assert not rule.decide(99, "0.5", (50.0, 3.0)).promoted
    assert rule.decide(99, "0.5", (50.0, 3.0)).reason == "place 11 of 11, of which 4 continue"
    lost = rule.decide(99, "1", (50.0, 3.0))
    assert not lost.promoted
    assert lost.reason.startswith("worse than trial ")
    assert "on 1 of 4 seeds (t test, p = " in lost.reason
    assert rule.decide(99, "1", (50.0, 0.5)).promoted
    rule.note(99, {"1": (50.0, 3.0)}, None)
    assert not rule.decide(99, "2", (50.0, 3.0)).promoted
    assert rule.decide(98, "2", (50.0, 3.0)).promoted  # nothing is known of its first seed
    assert rule.decide(99, "1", (None, 3.0)).promoted


@pytest.mark.parametrize("racing", [None, Racing(0.1, (1, 1))])
def test_nothing_is_stopped_where_nothing_was_seen(racing: Racing | None) -> None:
    rule = EarlyStopping(3, Halving(3, ("minimize", "minimize"), (None, None)), racing)
    assert rule.decide(0, "0.5", (1.0, 1.0)).promoted
    assert rule.decide(0, "1", (1.0, 1.0)).promoted
    assert EarlyStopping(3).decide(0, "2", (1.0, 1.0)).promoted
