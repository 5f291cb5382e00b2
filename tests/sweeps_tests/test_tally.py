"""Counts and the best trial, kept up to date, are those that a look at all trials finds."""

import math
import random
import time

import pytest

from sweeps.engine.trials.tally import Tally
from sweeps.store.budgets import begun, work
from sweeps.store.trial import Attempt, State, Trial

STATES: tuple[State, ...] = ("waiting", "running", "completed", "pruned", "failed")


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_it_is_what_a_look_at_all_trials_finds(direction: str) -> None:
    chance, trials = random.Random(0), dict[int, Trial]()
    tally = Tally(trials, direction)
    for _ in range(600):
        number, state = chance.randrange(40), chance.choice(STATES)
        values = (float(chance.randrange(8)), 0.0) if state == "completed" else None
        taken = [(chance.randrange(3), chance.choice([None, 0.1, 1e16])) for _ in range(chance.randrange(4))]
        attempts = tuple(
            Attempt(replicate=replicate, attempt=0, generation=0, started_at="", multiply_adds=done)
            for replicate, done in taken
        )
        before = trials.get(number)
        trials[number] = Trial(number=number, state=state, values=values, attempts=attempts)
        tally.replaced(before, trials[number])
        fresh = Tally(trials, direction)
        assert (tally.counts(), tally.final, tally.best) == (fresh.counts(), fresh.final, fresh.best)
        assert tally.taken.multiply_adds == math.fsum(map(work, trials.values()))
        assert tally.taken.replicates == sum(map(begun, trials.values()))
    assert sum(tally.counts().values()) == tally.taken.trials == len(trials)
    complete = [trial for trial in trials.values() if trial.values]
    first = [(trial.values or (0.0,))[0] for trial in complete]
    assert tally.best is not None
    assert (tally.best.values or (0.0,))[0] == (min(first) if direction == "minimize" else max(first))


def test_a_change_costs_the_same_at_any_length() -> None:
    def cost(count: int) -> float:
        trials = {number: Trial(number=number, state="completed", values=(1.0 + number,)) for number in range(count)}
        tally, change = Tally(trials, "minimize"), Trial(number=count, state="running")
        begun = time.process_time()
        for _ in range(300):
            tally.replaced(None, change)
            tally.counts()
        return time.process_time() - begun

    assert cost(20_000) < 20 * cost(20)
