"""A trial as the driver changes it; what its file holds is `analysis.records.trial_file`'s to say."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from analysis.records.parts.run_cost import CostValue
from analysis.records.record import INFEASIBLE, Outcome
from analysis.records.sweep_file import Direction, loss_signs
from analysis.records.trial_file import Attempt, Rung, State, TrialFile

__all__ = ["FINAL", "INFEASIBLE", "PASSING", "Attempt", "Rung", "State", "Trial", "now", "signature"]

FINAL: frozenset[State] = frozenset({"completed", "pruned", "infeasible", "failed"})
PASSING: frozenset[Outcome] = frozenset({"lost", "interrupted"})


SIGNATURE_LENGTH = 200


def signature(message: str) -> str:
    """The first line of a message without what differs between two times that the same happens."""
    first = message.splitlines()[0] if message else ""
    plain = re.sub(r"0x[0-9a-fA-F]+|(?:/[\w.@+~-]+)+|\d+(?:\.\d+)?", "#", first)
    return plain[:SIGNATURE_LENGTH]


def now() -> str:
    """This instant, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Trial(TrialFile):
    """One Optuna trial number. Only the driver writes it."""

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL

    def with_attempt(self, replicate: int, generation: int) -> tuple[Attempt, ...]:
        """The attempts and a new one at `replicate`, under way."""
        new = Attempt(replicate=replicate, attempt=self.tries(replicate), generation=generation, started_at=now())
        return (*self.attempts, new)

    def with_outcome(self, outcome: Outcome, message: str = "", **facts: object) -> tuple[Attempt, ...]:
        """The attempts, the one under way ended; as they are where none is.

        Args:
            outcome: how it ended.
            message: why.
            facts: other fields of the attempt: progress, cause, host, place, ...
        """
        if not self.open_attempt:
            return self.attempts
        changes = {"outcome": outcome, "message": message, "finished_at": now(), **facts}
        return (*self.attempts[:-1], self.attempts[-1].model_copy(update=changes))

    def with_rung_facts(
        self, rung: str, cost: Mapping[str, CostValue] | None, statistics: float | None = None
    ) -> "Trial":
        """The trial, its rung with what the replicate had taken by then, and in synthesis with what was compared.

        It is as it is where nobody says.
        """
        if cost is None or rung not in self.rungs:
            return self
        known = self.rungs[rung].model_copy(update={"cost": dict(cost), "statistics": statistics})
        return self.model_copy(update={"rungs": {**self.rungs, rung: known}})

    def cost_when_pruned(self) -> Mapping[str, CostValue]:
        """What the replicate had taken at which the trial was pruned: nothing where it was pruned between two."""
        last = max(self.rungs, key=float, default=None)
        return {} if last is None else self.rungs[last].cost or {}

    def losses(self, directions: Iterable[Direction]) -> tuple[float, ...]:
        """Its values of the objectives, less being better; it has some."""
        return tuple(sign * value for sign, value in zip(loss_signs(directions), self.values or (), strict=True))

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt under way."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.outcome is None else None

    def tries(self, replicate: int) -> int:
        """How many attempts at `replicate` there have been."""
        return sum(attempt.replicate == replicate for attempt in self.attempts)

    def at(self, replicate: int) -> tuple[Attempt, ...]:
        """The attempts at `replicate`, in order."""
        return tuple(attempt for attempt in self.attempts if attempt.replicate == replicate)
