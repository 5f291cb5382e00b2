"""A sweep at one instant, for whoever watches it, and what a start came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RunningTrial:
    """One job at work.

    Args:
        number: Optuna's, or the name of a control or teacher.
        replicate: index of the seed.
        progress: share of the replicate that is done.
        seconds: spent on it.
    """

    number: int | str
    replicate: int
    progress: float
    seconds: float


@dataclass(frozen=True)
class Snapshot:
    """How far a sweep is.

    Args:
        prepared: teachers and controls that are there.
        to_prepare: teachers and controls that are needed.
        counts: trials by state.
        budget_trials: how many there may be; None where only time ends the sweep.
        running: what is at work.
        best: number, objective values and validation accuracy of the best complete trial by the first objective.
        elapsed_s: since this start.
        remaining_s: an estimate, once there is something to go by.
        message: what happens now, in words.
        notices: what users should know, each to be shown once: nodes that came, were lost or set aside; oldest first.
    """

    prepared: int
    to_prepare: int
    counts: Mapping[str, int]
    budget_trials: int | None
    running: list[RunningTrial]
    best: Mapping[str, float | int | None] | None
    elapsed_s: float
    remaining_s: float | None
    message: str
    notices: tuple[str, ...] = ()

    @property
    def finished(self) -> int:
        """Trials that are over, however they ended."""
        return sum(trials for state, trials in self.counts.items() if state not in ("waiting", "running"))

    @property
    def phase(self) -> str:
        """What the sweep is doing: `preparing`, `running` or `finishing`."""
        if self.prepared < self.to_prepare and not self.finished:
            return "preparing"
        if self.budget_trials is not None and self.finished >= self.budget_trials:
            return "finishing" if self.running or self.prepared < self.to_prepare else "running"
        return "running"

    def __repr__(self) -> str:
        of = "" if self.budget_trials is None else f" of {self.budget_trials}"
        best = f"; best trial {self.best.get('number', '?')}" if self.best else ""
        done = f"{self.finished}{of} trials done{_states(self.counts)}"
        return f"<Snapshot at {self.elapsed_s:.0f} s: {self.phase}, {done}{best}>"


Watch = Callable[[Snapshot], None]


@dataclass(frozen=True)
class Summary:
    """What a start came to.

    Args:
        folder: of the sweep.
        trials_started: how many new trials were asked for.
        counts: trials by state.
        interrupted: whether it was stopped before its end.
        nothing_to_do: whether everything was done already.
        set_back: trials and controls whose attempts were lost again and again, by label, with why; the next start
            tries them.
        set_aside: nodes that got no more work, a sentence each.
        ended_by: why the sweep has ended, in words; empty where it has not, or where nothing is searched.
    """

    folder: Path
    trials_started: int
    counts: dict[str, int]
    interrupted: bool
    nothing_to_do: bool
    set_back: Mapping[str, str] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()
    ended_by: str = ""

    def __repr__(self) -> str:
        ending = "nothing was left to do" if self.nothing_to_do else f"{self.trials_started} trials started"
        stopped = ", interrupted" if self.interrupted else f"; {self.ended_by}" if self.ended_by else ""
        return f"<Summary of {self.folder}: {ending}{stopped}{_states(self.counts)}>"


def _states(counts: Mapping[str, int]) -> str:
    """` (3 completed, 1 failed)`; nothing where there is no trial."""
    known = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return f" ({known})" if known else ""
