"""What a sweep amounts to so far, kept up to date trial by trial: a look at it costs the same at any length."""

from collections import Counter
from collections.abc import Mapping

from analysis.records.sweep_file import Direction, loss_signs
from sweeps.store.budgets import Taken
from sweeps.store.trial import FINAL, Trial


class Tally:
    """Trials by state, the best of those that have completed, and what all have taken of the budget.

    Args:
        trials: by number; changed by whoever calls `replaced` after each change.
        direction: of the first objective, by which a trial is best; the earlier of two that are equal.
    """

    def __init__(self, trials: Mapping[int, Trial], direction: Direction) -> None:
        self._trials, (self._sign,) = trials, loss_signs([direction])
        self._states: Counter[str] = Counter(trial.state for trial in trials.values())
        self._best = self._found()
        self.taken = Taken(trials.values())

    def replaced(self, before: Trial | None, after: Trial) -> None:
        """Takes in a change of one trial.

        Args:
            before: as it was; None where it is new.
            after: as it is now.
        """
        self.taken.replaced(before, after)
        if before is not None:
            self._states[before.state] -= 1
        self._states[after.state] += 1
        if self._best is not None and self._best.number == after.number:
            self._best = self._found()
        elif after.values and (self._best is None or self._key(after) < self._key(self._best)):
            self._best = after

    def counts(self) -> dict[str, int]:
        """Trials by state."""
        return {state: self._states[state] for state in sorted(self._states) if self._states[state]}

    @property
    def final(self) -> int:
        """How many have ended."""
        return sum(self._states[state] for state in FINAL)

    @property
    def best(self) -> Trial | None:
        """The best one; None where none has completed."""
        return self._best

    def _found(self) -> Trial | None:
        return min((trial for trial in self._trials.values() if trial.values), key=self._key, default=None)

    def _key(self, trial: Trial) -> tuple[float, int]:
        return self._sign * (trial.values or (0.0,))[0], trial.number
