"""The sections of a spec, each a frozen value: what to optimise, how to ask, when to stop, how much to spend."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from acgkd.config import Config, Vary

SamplerName = Literal["random", "tpe", "nsga2", "qmc", "gp", "grid"]
ObjectiveName = Literal[
    "validation_accuracy", "validation_divergence", "agreement", "multiply_adds", "seconds", "student_multiply_adds"
]

Direction = Literal["maximize", "minimize"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]

_MAXIMIZED = ("validation_accuracy", "agreement")
_REAL = ("validation_accuracy", "validation_divergence")
_COSTS = ("multiply_adds", "seconds", "student_multiply_adds")


def short(key: str) -> Any:
    """A validator that lets a plain word stand for a mapping with one key: `sampler: tpe`."""

    def expand(value: Any) -> Any:
        return {key: value} if isinstance(value, str) else value

    return model_validator(mode="before")(expand)


class Objective(Config):
    """One thing to make as large or as small as possible."""

    name: ObjectiveName
    floor: float | Literal["control"] | None = Field(
        default="control",
        description="A trial worse than this ranks last however cheap it is; `control` takes what the first lower "
        "control reaches (`random_graphs`). For costs there is none by default.",
    )

    _short = short("name")

    @model_validator(mode="before")
    @classmethod
    def _costs_have_no_floor(cls, value: Any) -> Any:
        """A control is cheap by nature, so being dearer than it says nothing."""
        if isinstance(value, dict) and value.get("name") in _COSTS:
            return {"floor": None, **value}
        return value

    @property
    def direction(self) -> Direction:
        """Whether more is better."""
        return "maximize" if self.name in _MAXIMIZED else "minimize"

    @property
    def uses_real_data(self) -> bool:
        """Whether it looks at the validation split: then the selection is not data-free."""
        return self.name in _REAL

    @property
    def is_cost(self) -> bool:
        """Whether it measures work and not quality."""
        return self.name in _COSTS


class SamplerConfig(Config):
    """How the next point is chosen."""

    name: SamplerName = "tpe"
    seed: Seed = 0
    startup_trials: Annotated[int, Field(ge=0)] = Field(
        default=10, description="Random points before the sampler looks at results."
    )
    lag: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Trial n is suggested from trials up to n - 1 - lag alone, told in order of number: one core and a "
        "cluster then ask the same points. Left out: from whatever has come in.",
    )

    _short = short("name")


class SchedulerConfig(Config):
    """Whether poor trials are stopped early."""

    name: Literal["none", "halving"] = "none"
    reduction: Annotated[int, Field(ge=2)] = Field(default=3, description="One in this many goes on after each rung.")
    fractions: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.5,),
        description="Rungs inside the first replicate, as shares of the stage in which the student learns. Every whole "
        "replicate is a rung too.",
    )

    _short = short("name")


class Replicates(Config):
    """The seeds that every trial runs, so that trials are paired."""

    seeds: tuple[Seed, ...] = (0,)
    vary: tuple[Vary, ...] = Field(default=("split", "teacher", "draws"), description="What a seed changes.")


class Budget(Config):
    """When the sweep ends; whatever comes first."""

    trials: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    hours: Annotated[float, Field(gt=0)] | None = None


class Artefacts(Config):
    """What runs leave beside their records, to look at. None of it changes a result."""

    samples: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0,
        description="So many pseudo-samples of each class, kept at the end of each trial's and control's first "
        "replicate; the report shows those of the chosen trial and of the controls.",
    )


class Resources(Config):
    """What one trial occupies."""

    cpu: Annotated[float, Field(gt=0)] = Field(default=1, description="Cores; a trial uses as many threads.")
    gpu: Annotated[float, Field(ge=0)] = Field(
        default=0, description="A share of one device (0.25: four trials on one), or a whole number of devices."
    )
