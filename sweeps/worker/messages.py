"""What driver and workers say to each other: a job goes out, reports come back."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from analysis.records.parts.run_cost import CostValue
from analysis.records.record import Record

Kind = Literal["teacher", "control", "trial"]


@dataclass(frozen=True)
class Job:
    """A piece of work for one worker: a trial with what is left of it, one control, or one teacher.

    Args:
        kind: what it is.
        name: what its files begin with: ``trial-0007``.
        label: how tables call it: ``trial 7``.
        replicates: what is left to do, in order.
        attempts: the number of this attempt at each of them.
        generation: the start that gave it out.
        number: Optuna's, for a trial.
        control: the control's label.
        parameters: the trial's, by slash path.
        rungs: where inside the first replicate to stop and ask: shares of the judged stage, rising; those in synthesis
            are below 0, half-way through it at -0.5.
        alongside: how many jobs run at the same time, this one included.
        alone: whether nothing runs beside it: if the memory does not suffice now, it never will.
        guarded: whether it runs in a process of its own below the worker, because two workers died at it.
        elsewhere: nodes on which it failed, by the executor's name.
        added: whether it runs a completed trial with a seed that was added later.
    """

    kind: Kind
    name: str
    label: str
    replicates: tuple[int, ...]
    attempts: dict[int, int]
    generation: int
    number: int | None = None
    control: str | None = None
    parameters: dict[str, object] | None = None
    rungs: tuple[float, ...] = ()
    alongside: int = 1
    alone: bool = False
    guarded: bool = False
    elsewhere: tuple[str, ...] = ()
    added: bool = False

    @property
    def trial(self) -> int | None:
        """The trial whose state depends on it; None for a teacher, a control, and a seed that was added."""
        return None if self.added else self.number

    @property
    def key(self) -> str:
        """Different for any two jobs that can be out at the same time."""
        return f"{self.name}-{self.replicates[0]:02d}"

    def __repr__(self) -> str:
        again = {index: f" (attempt {tries + 1})" for index, tries in self.attempts.items() if tries}
        left = ", ".join(f"{index}{again.get(index, '')}" for index in self.replicates)
        plural = "" if len(self.replicates) == 1 else "s"
        return f"<Job {self.label}: replicate{plural} {left}; generation {self.generation}>"


@dataclass(frozen=True)
class Report:
    """How far a job is.

    Args:
        replicate: the one at hand.
        progress: share of it that is done.
        seconds: spent on it and not lost.
        rung: the rung that it has just reached, as in `Job`.
        objectives: as they stand there; in synthesis, costs alone.
        statistics: in synthesis, what trials are ranked by there.
        cost: what the replicate took so far, by field of `analysis.records.parts.run_cost.Cost`; said at rungs.
        record: the replicate's record as JSON, if it has just ended.
        host: the machine's name.
        node: what the executor calls the machine.
    """

    replicate: int
    progress: float
    seconds: float = 0.0
    rung: float | None = None
    objectives: dict[str, float | None] | None = None
    statistics: float | None = None
    cost: Mapping[str, CostValue] | None = None
    record: str | None = None
    host: str = ""
    node: str = ""

    @cached_property
    def row(self) -> Record | None:
        """The record, if there is one; parsed once."""
        return None if self.record is None else Record.model_validate_json(self.record)
