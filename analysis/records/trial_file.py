"""The trial file, `trials/0007/trial.json`: one point of the search space, and everything that happened to it.

`sweeps` writes it and reads it at every start; reports read it for states, attempts and distributions.
"""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from analysis.records import versioned
from analysis.records.parts.run_cost import CostValue
from analysis.records.record import Cause, Outcome
from analysis.records.versioned import Part, Tree

SCHEMA_VERSION = 3

State = Literal["waiting", "running", "completed", "pruned", "infeasible", "failed"]


class Attempt(Part):
    """One try at one replicate."""

    replicate: int
    attempt: int
    generation: int = Field(description="Number of the start during which it ran; `epoch` in version 1.")
    outcome: Outcome | None = Field(default=None, description="None while it is under way.")
    message: str = ""
    started_at: str = Field(default="", description="UTC, ISO 8601.")
    finished_at: str = ""
    progress: float = Field(default=0.0, description="Share of the replicate that was done, 0 to 1.")
    cause: Cause | None = Field(default=None, description="Whose fault a failure was; None where nothing failed.")
    host: str = Field(default="", description="Name of the machine; empty where it is not known.")
    place: str = Field(default="", description="What the worker had last begun with: `start`, `advance 0.250000`.")
    seconds: float | None = Field(default=None, description="Kept by the replicate when the attempt ended.")
    lost_s: float | None = Field(default=None, description="Work of the replicate that was lost so far, seconds.")
    log: str = Field(default="", description="File of the traceback, relative to the sweep folder.")
    multiply_adds: float | None = Field(
        default=None, description="Counted work of the replicate when the attempt ended, if it ended with a record."
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Where no work was counted it is written as it was before it could be."""
        fields: dict[str, object] = write(self)
        return {name: value for name, value in fields.items() if name != "multiply_adds" or value is not None}


class Rung(Part):
    """What early stopping saw of the trial at one point of its progress, and what it decided."""

    values: tuple[float | None, ...]
    promoted: bool
    cost: dict[str, CostValue] | None = Field(
        default=None, description="The replicate's cost so far, by field of the record's `cost`."
    )
    reason: str = Field(default="", description="Why the trial was stopped there, in words.")
    statistics: float | None = Field(
        default=None, description="In synthesis, what trials are ranked by: the distance from the teacher's memory."
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Where no cost is known, or no reason given, it is written as it was before there were such fields."""
        fields: dict[str, object] = write(self)
        left_out = {name for name in ("cost", "reason") if not fields[name]}
        left_out |= {"statistics"} if self.statistics is None else set()
        return {name: value for name, value in fields.items() if name not in left_out}


def rung_called(name: str) -> str:
    """A rung in words: ``rung 0.5``; ``rung 0.5 of synthesis``, whose name is its place before transfer, -0.5."""
    place = float(name)
    return f"rung {name}" if place >= 0 else f"rung {place + 1:g} of synthesis"


class TrialFile(Part):
    """One Optuna trial number."""

    schema_version: int = SCHEMA_VERSION
    number: int = Field(ge=0)
    state: State = "waiting"
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict, description="By slash path. None where null was chosen; no key where it was inactive."
    )
    distributions: dict[str, str] = Field(default_factory=dict, description="Optuna's JSON, by parameter.")
    system_attrs: dict[str, JsonValue] = Field(default_factory=dict, description="What the sampler noted on the trial.")
    study_attrs: dict[str, JsonValue] = Field(
        default_factory=dict, description="What it noted on the study while asked."
    )
    values: tuple[float, ...] | None = None
    replicates: int | None = Field(
        default=None, description="Number of seeds, from the first, that its values are over; None until it completed."
    )
    constraint: float | None = Field(default=None, description="Share of infeasible replicates, if any.")
    message: str = ""
    attempts: tuple[Attempt, ...] = ()
    rungs: dict[str, Rung] = Field(default_factory=dict)
    origin: int | None = Field(
        default=None, description="Number of the trial in the folder that this one was forked from."
    )
    enqueued: str = Field(
        default="", description="File of the queue that asked for it; empty where the sampler suggested all of it."
    )


Kind = TypeVar("Kind", bound=TrialFile)


def parse(text: str | bytes, where: Path | str, model: type[Kind]) -> Kind:
    """The trial in a file of any version up to this one.

    Args:
        text: all of the file.
        where: its path, for messages.
        model: `TrialFile`, or a kind of it.

    Raises:
        NewerVersionError: a newer version wrote it.
        DamagedFileError: it holds no trial.
    """
    return versioned.parse(model, text, where, what="trial", latest=SCHEMA_VERSION, upgrade=_upgrade)


def _upgrade(tree: Tree, version: int) -> Tree:
    """Version 1 called an attempt's generation its epoch; version 2 knew no causes, hosts and places."""
    attempts = tree.get("attempts")
    if version > 1 or not isinstance(attempts, list):
        return tree
    renamed: list[JsonValue] = [
        {"generation" if key == "epoch" else key: value for key, value in item.items()}
        if isinstance(item, dict)
        else item
        for item in attempts
    ]
    return tree | {"attempts": renamed}
