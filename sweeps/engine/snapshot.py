"""A sweep at one instant, for whoever watches it, and what a start came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    """

    folder: Path
    trials_started: int
    counts: dict[str, int]
    interrupted: bool
    nothing_to_do: bool
