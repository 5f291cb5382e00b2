"""What trials had at their rungs, and whether one that reaches a rung continues.

Everything follows from trial files: what has been seen so far is in them, so a restart decides what the start before
would have decided, and what was decided is kept with the values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeps.engine.trials.halving import Halving, Values, replicate_rung
from sweeps.engine.trials.racing import Racing, by_seed

if TYPE_CHECKING:
    from sweeps.engine.trials.racing import Numbers


@dataclass(frozen=True)
class Decision:
    """Whether a trial continues from a rung, and if not, why.

    Args:
        promoted: whether it does.
        reason: in words; empty where it does.
    """

    promoted: bool
    reason: str = ""


class EarlyStopping:
    """The rules and what they have seen.

    Args:
        replicates: how many each trial has.
        halving: at rungs inside the first replicate; at whole ones, too, where there is no racing.
        racing: at whole replicates.
        in_synthesis: at rungs there, by what is compared there (`halving.compared`).
    """

    def __init__(
        self,
        replicates: int,
        halving: Halving | None = None,
        racing: Racing | None = None,
        in_synthesis: Halving | None = None,
    ) -> None:
        self._replicates, self.halving, self.racing, self.in_synthesis = replicates, halving, racing, in_synthesis
        self._rungs: dict[str, dict[int, Values]] = {}
        self._rivals: dict[int, Numbers] = {}

    def note(self, trial: int, rungs: Mapping[str, Values], completed: Values | None) -> None:
        """Takes in what a trial had at its rungs.

        Args:
            trial: its number.
            rungs: what is compared there, by name.
            completed: its values, if it ran to the end with the seeds that there are now.
        """
        for rung, values in rungs.items():
            self._rungs.setdefault(rung, {})[trial] = values
        if completed is None or self.racing is None or trial in self._rivals:
            return
        names = [replicate_rung(done) for done in range(1, self._replicates)]
        if all(name in rungs for name in names):
            seeds = by_seed([*(rungs[name] for name in names), completed], self.racing.signs)
            if seeds is not None:
                self._rivals[trial] = seeds

    def decide(self, trial: int, rung: str, values: Values) -> Decision:
        """Whether a trial continues from a rung that it has just reached."""
        whole = float(rung) >= 1
        if whole and self.racing is not None:
            return self._raced(self.racing, trial, int(float(rung)), values)
        halving = self.halving if float(rung) > 0 else self.in_synthesis
        return Decision(True) if halving is None else self._ranked(halving, trial, values, self._rungs.get(rung, {}))

    def _ranked(self, halving: Halving, trial: int, values: Values, seen: Mapping[int, Values]) -> Decision:
        if halving.promotes(trial, values, seen):
            return Decision(True)
        others = {number: entry for number, entry in seen.items() if number != trial}
        place = halving.rank({**others, trial: values}).index(trial) + 1
        return Decision(False, f"place {place} of {len(others) + 1}, of which {halving.most(len(others) + 1)} continue")

    def _raced(self, racing: Racing, trial: int, done: int, values: Values) -> Decision:
        names = [replicate_rung(number) for number in range(1, done)]
        before = [self._rungs.get(name, {}).get(trial) for name in names]
        means = [item for item in (*before, values) if item is not None]
        own = by_seed(means, racing.signs) if len(means) == done else None
        lost = None if own is None else racing.lost(own, self._rivals)
        if lost is None:
            return Decision(True)
        chance = f"t test, p = {lost.chance:.2g} < {lost.level:.2g}"
        return Decision(False, f"worse than trial {lost.rival} on {done} of {self._replicates} seeds ({chance})")
