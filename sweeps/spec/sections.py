"""The sections of a spec, each a frozen value: what to optimise, how to ask, when to stop, how much to spend."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from acgkd.config import Config, GrownConfig, ShortConfig, Vary, spelled_out
from acgkd.errors import ConfigError, nearest
from acgkd.run.objectives import OBJECTIVES, Direction
from sweeps.spec.values import show

SamplerName = Literal["random", "tpe", "nsga2", "qmc", "gp", "grid"]
UNTRUSTED_COMMAND = "This runs a command, which a spec may not do by itself. `--trust-code` allows it."
Seed = Annotated[int, Field(ge=0, lt=2**31)]


def _folder_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise ConfigError(
            "A name is made of up to 100 letters, digits, `.`, `_` and `-`, and starts with a letter or a digit "
            f"(it names a folder), but got {show(name)}."
        )
    return name


SweepName = Annotated[str, AfterValidator(_folder_name)]


def _objective_name(name: str) -> str:
    if name not in OBJECTIVES:
        hint = nearest(name, OBJECTIVES)
        raise ConfigError(f"This must be one of {', '.join(OBJECTIVES)}, but got {show(name)}. {hint}".strip())
    return name


ObjectiveName = Annotated[
    str, AfterValidator(_objective_name), Field(json_schema_extra=lambda schema: schema.update(enum=list(OBJECTIVES)))
]


class Objective(ShortConfig):
    """One thing to make as large or as small as possible."""

    name: ObjectiveName = Field(description="What is measured.")
    floor: float | Literal["control"] | None = Field(
        default="control",
        description="A trial worse than this ranks last however cheap it is; `control` takes what the first lower "
        "control reaches (`random_graphs`). For costs there is none by default.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        """A control is cheap by nature, so being dearer than it says nothing: costs have no floor by default."""
        value = spelled_out(value, cls.word)
        if not isinstance(value, dict):
            return value
        name = value.get("name")
        costs = isinstance(name, str) and name in OBJECTIVES and OBJECTIVES[name].is_cost
        return {"floor": None, **value} if costs else value

    @property
    def direction(self) -> Direction:
        """Whether more is better."""
        return OBJECTIVES[self.name].direction

    @property
    def uses_real_data(self) -> bool:
        """Whether it looks at the validation split: then the selection is not data-free."""
        return OBJECTIVES[self.name].uses_real_data

    @property
    def is_cost(self) -> bool:
        """Whether it measures work and not quality."""
        return OBJECTIVES[self.name].is_cost


class SamplerConfig(ShortConfig):
    """How the next point is chosen."""

    name: SamplerName = Field(default="tpe", description="Optuna's sampler of that name.")
    seed: Seed = Field(default=0, description="Of the sampler: the same seed asks for the same points.")
    startup_trials: Annotated[int, Field(ge=0)] = Field(
        default=10, description="Random points before the sampler looks at results."
    )
    history: Annotated[int, Field(ge=20)] | None = Field(
        default=300,
        description="Ended trials that `tpe` looks at: the best, the first and the latest, so that an ask costs the "
        "same however long the sweep is. null: all.",
    )
    lag: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Trial n is suggested from trials up to n - 1 - lag alone, in order of number: one core and a "
        "cluster then ask the same points. Left out: from whatever has come in.",
    )


class SchedulerConfig(GrownConfig, ShortConfig):
    """Whether poor trials are stopped early."""

    later: ClassVar[tuple[str, ...]] = ("error", "synthesis")

    name: Literal["none", "halving", "observe"] = Field(
        default="none",
        description="`halving`: asynchronous successive halving by non-dominated rank. `observe`: rungs are measured "
        "and kept, and nothing is stopped.",
    )
    reduction: Annotated[int, Field(ge=2)] = Field(default=3, description="One in this many continues after each rung.")
    fractions: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.5,),
        description="Rungs inside the first replicate, as shares of the stage in which the student learns. Every whole "
        "replicate is a rung too.",
    )
    synthesis: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(),
        description="Rungs before those, as shares of the first replicate's synthesis: there trials are ranked by how "
        "far their pseudo-samples are from what the teacher remembers, without data, and by their costs.",
    )
    error: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="At whole replicates stop what a paired t test finds worse than a trial that ran to the end, with "
        "at most this chance to stop one that is as good as all of them, where seeds move all trials alike. Left out: "
        "one in `reduction` continues there, too.",
    )


class Replicates(GrownConfig):
    """The seeds that every trial runs, so that trials are paired."""

    later: ClassVar[tuple[str, ...]] = ("stacked",)

    seeds: tuple[Seed, ...] = Field(default=(0,), description="Each trial runs once with each of them.")
    vary: tuple[Vary, ...] = Field(default=("split", "teacher", "draws"), description="What a seed changes.")
    extend: Literal["all", "front"] = Field(
        default="all",
        description="Where seeds are added to a sweep that has run: whether all completed trials run them too, or "
        "those on the front. Values reported to the sampler stay as they are.",
    )
    stacked: Literal["auto", "off"] = Field(
        default="off",
        description="`auto`: replicates of one trial are taught together in one process, step by step, where models, "
        "method and scheduler allow it. Faster, and the same within rounding, not to the last bit.",
    )


def _deadline(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"A deadline is a date and a time, such as 2026-12-01T08:00 or 2026-12-01T08:00Z, but got {show(text)}."
        ) from None


class Budget(Config):
    """When the sweep ends; whatever comes first."""

    trials: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(default=None, description="Number of trials.")
    replicates: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None,
        description="Replicates that trials begin, of all trials together: what early stopping saves buys more trials.",
    )
    multiply_adds: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Counted work of all trials together, stopped ones included, such as `2e12`; trials under way then "
        "still finish.",
    )
    hours: Annotated[float, Field(gt=0, le=1_000_000)] | None = Field(
        default=None, description="Of all starts together; trials under way then still finish."
    )
    deadline: Annotated[str, AfterValidator(_deadline)] | None = Field(
        default=None,
        description="A date and a time, `2026-12-01T08:00`, of this machine unless it names a zone. Then nothing more "
        "begins, and what runs is stopped with its checkpoints; a later deadline resumes it.",
    )
    patience: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="So many ended trials in a row, by number, without an improvement: none joined the front.",
    )


def _command(command: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if not "".join(command).strip() or "\0" in "".join(command):
        given = command if isinstance(command, str) else list(command)
        raise ConfigError(f"A command has at least one word, but got {show(given)}. Leave `on_end` out.")
    return command


def _how_command_is_given(command: object) -> str:
    return "arguments" if isinstance(command, list | tuple) else "line"


Command = Annotated[
    Annotated[str, Tag("line")] | Annotated[tuple[str, ...], Tag("arguments")],
    Discriminator(_how_command_is_given),
    AfterValidator(_command),
]


def _trackers_by_name(value: object) -> object:
    """A list of names, or of names with options, as a mapping of options by name."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, Mapping):
        return {name: {} if options is None else options for name, options in value.items()}
    if not isinstance(value, list | tuple):
        return value
    found: dict[str, object] = {}
    for item in value:
        named = {item: {}} if isinstance(item, str) else item
        if not isinstance(named, Mapping):
            raise ConfigError(f"A tracker is a name, or a name with options, but got {show(item)}.")
        twice = next((name for name in named if name in found), None)
        if twice is not None:
            raise ConfigError(f"Duplicate tracker {show(twice)}. Leave one of them out.")
        found.update({name: {} if options is None else options for name, options in named.items()})
    return found


_Options = dict[str, str | int | float | bool]
_BY_NAME = {"type": "object", "additionalProperties": {"type": ["object", "null"]}}
Trackers = Annotated[
    dict[str, _Options],
    BeforeValidator(_trackers_by_name),
    WithJsonSchema(
        {"anyOf": [{"type": "array", "items": {"anyOf": [{"type": "string"}, _BY_NAME]}}, _BY_NAME, {"type": "string"}]}
    ),
]


class Artefacts(Config):
    """What runs measure and leave beyond what the sweep needs. None of it changes another result."""

    samples: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0,
        description="So many pseudo-samples of each class, kept at the end of each trial's and control's first "
        "replicate; the report shows those of the chosen trial and of the controls.",
    )
    students: Literal["all", "front", "chosen"] = Field(
        default="all",
        description="Whose students stay on the disk: of all trials, of those on the Pareto front, or of the chosen "
        "trial; those of controls always do. The others are removed when their trial has ended, or leaves the front.",
    )
    agreement: bool = Field(
        default=False,
        description="Measure `agreement` of every replicate though no objective asks for it; each teacher then needs a "
        "reference pool. Without data it is always measured.",
    )
    validation_curves: bool = Field(
        default=False,
        description="Measure validation accuracy at twelve shares of the stage in which the student learns, off the "
        "clock; kept with the loss curves, for accuracy after the same seconds.",
    )


class Failures(Config):
    """What happens where jobs fail."""

    stop_after: Annotated[int, Field(ge=0)] = Field(
        default=5,
        description="So many equal failures in a row on one node, and it gets no more work in this start; so many in "
        "the whole sweep, and it stops. 0: never.",
    )


class Resources(Config):
    """What one trial occupies."""

    cpu: Annotated[float, Field(gt=0, le=4096)] = Field(default=1, description="Cores; a trial uses as many threads.")
    gpu: Annotated[float, Field(ge=0, le=4096)] = Field(
        default=0, description="A share of one device (0.25: four trials on one), or a whole number of devices."
    )
    memory: Literal["auto", "none"] | Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        default="auto",
        description="Of the host, on Ray: GB that a trial asks for; a node gets no more trials than its memory holds. "
        "`auto`: what finished ones took, with some room; `none`: cores and devices alone decide.",
    )
