"""A trial as the driver changes it; what its file holds is `analysis.records.trial_file`'s to say."""

from datetime import UTC, datetime
from typing import Self

from analysis.records.record import Outcome
from analysis.records.trial_file import Attempt, Rung, State, TrialFile

__all__ = ["FINAL", "INFEASIBLE", "PASSING", "Attempt", "Rung", "State", "Trial", "now"]

FINAL: frozenset[State] = frozenset({"completed", "pruned", "infeasible", "failed"})
INFEASIBLE: frozenset[Outcome] = frozenset({"diverged", "out_of_memory", "timed_out"})
PASSING: frozenset[Outcome] = frozenset({"lost", "interrupted"})


def now() -> str:
    """This instant, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Trial(TrialFile):
    """One Optuna trial number. Only the driver writes it."""

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL

    def opened(self, replicate: int, generation: int) -> Self:
        """The trial with a new attempt at `replicate` under way."""
        attempt = Attempt(replicate=replicate, attempt=self.tries(replicate), generation=generation, started_at=now())
        return self.model_copy(update={"state": "running", "attempts": (*self.attempts, attempt)})

    def closed(self, outcome: Outcome, *, message: str = "", progress: float = 0.0) -> Self:
        """The trial with its attempt under way ended; as it is where none is."""
        if not self.attempts or self.attempts[-1].outcome is not None:
            return self
        last = self.attempts[-1].model_copy(
            update={"outcome": outcome, "message": message, "progress": progress, "finished_at": now()}
        )
        return self.model_copy(update={"attempts": (*self.attempts[:-1], last)})

    def tries(self, replicate: int) -> int:
        """How many attempts at `replicate` there have been."""
        return sum(attempt.replicate == replicate for attempt in self.attempts)

    def losses(self, replicate: int) -> int:
        """How many attempts at `replicate` ended with the death of their worker."""
        return sum(attempt.replicate == replicate and attempt.outcome == "lost" for attempt in self.attempts)
