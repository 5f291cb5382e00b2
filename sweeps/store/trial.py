"""A trial as its file holds it: one point of the search space and all that happened to it."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from analysis.records.record import Outcome

State = Literal["waiting", "running", "completed", "pruned", "infeasible", "failed"]
FINAL: frozenset[State] = frozenset({"completed", "pruned", "infeasible", "failed"})
INFEASIBLE: frozenset[Outcome] = frozenset({"diverged", "out_of_memory", "timed_out"})
PASSING: frozenset[Outcome] = frozenset({"lost", "interrupted"})


def now() -> str:
    """This instant, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Part(BaseModel):
    """Base of what a trial file holds: frozen, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True, ser_json_inf_nan="constants")


class Attempt(Part):
    """One try at one replicate."""

    replicate: int
    attempt: int
    epoch: int
    outcome: Outcome | None = Field(default=None, description="None while it is under way.")
    message: str = ""
    started_at: str = ""
    finished_at: str = ""
    progress: float = 0.0


class Rung(Part):
    """What early stopping saw of the trial at one point of its progress, and what it decided."""

    values: tuple[float | None, ...]
    promoted: bool


class Trial(Part):
    """One Optuna trial number. Only the driver writes it."""

    number: int
    state: State = "waiting"
    parameters: dict[str, Any] = Field(default_factory=dict)
    distributions: dict[str, str] = Field(default_factory=dict, description="Optuna's JSON, by parameter.")
    system_attrs: dict[str, Any] = Field(default_factory=dict, description="What the sampler noted on the trial.")
    study_attrs: dict[str, Any] = Field(default_factory=dict, description="What it noted on the study while asked.")
    values: tuple[float, ...] | None = None
    constraint: float | None = Field(default=None, description="Share of infeasible replicates, if any.")
    message: str = ""
    attempts: tuple[Attempt, ...] = ()
    rungs: dict[str, Rung] = Field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL

    def with_attempt(self, replicate: int, generation: int) -> tuple[Attempt, ...]:
        """The attempts and a new one at `replicate`, under way."""
        new = Attempt(replicate=replicate, attempt=self.tries(replicate), epoch=generation, started_at=now())
        return (*self.attempts, new)

    def with_outcome(self, outcome: Outcome, message: str = "", progress: float = 0.0) -> tuple[Attempt, ...]:
        """The attempts, the one under way ended; as they are where none is."""
        if not self.open_attempt:
            return self.attempts
        changes = {"outcome": outcome, "message": message, "progress": progress, "finished_at": now()}
        return (*self.attempts[:-1], self.attempts[-1].model_copy(update=changes))

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt under way."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.outcome is None else None

    def tries(self, replicate: int) -> int:
        """How many attempts at `replicate` there have been."""
        return sum(attempt.replicate == replicate for attempt in self.attempts)

    def losses(self, replicate: int) -> int:
        """How many attempts at `replicate` ended with the death of their worker."""
        return sum(attempt.replicate == replicate and attempt.outcome == "lost" for attempt in self.attempts)
