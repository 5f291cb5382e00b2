"""What a suite says under `suite`: its axes, what is left out, and what each row takes."""

from typing import Annotated

from pydantic import Field, model_validator

from acgkd.config import Config
from acgkd.errors import ConfigError
from sweeps.spec.sections import SweepName
from sweeps.suites.spec.axes import Budgets, Names, SuiteDataset, SuiteMethod, SuitePair, Teachings

Count = Annotated[int, Field(ge=1)]


class Exclusion(Config):
    """What is not run: rows that all of this holds for. What is left out holds for all."""

    methods: Names | None = Field(default=None, description="Labels of rows.")
    datasets: Names | None = Field(default=None, description="Labels of data sets.")
    pairs: Names | None = Field(default=None, description="Labels of pairs.")
    budgets: Budgets | None = Field(default=None, description="`own`, `equal_seconds`.")

    @model_validator(mode="after")
    def _says_something(self) -> "Exclusion":
        if all(value is None for value in (self.methods, self.datasets, self.pairs, self.budgets)):
            raise ConfigError("An exclusion names some of `methods`, `datasets`, `pairs` and `budgets`, but this none.")
        return self

    def holds(self, method: str, dataset: str, pair: str, budget: str) -> bool:
        """Whether it is of a row."""
        asked = ((self.methods, method), (self.datasets, dataset), (self.pairs, pair), (self.budgets, budget))
        return all(names is None or name in names for names, name in asked)


class SuiteSection(Config):
    """Methods by data sets by pairs by budgets."""

    methods: Annotated[tuple[SuiteMethod, ...], Field(min_length=1)] = Field(
        description="The rows: names, or mappings with settings."
    )
    datasets: tuple[SuiteDataset, ...] = Field(
        default=(), description="Names, or mappings; the section `dataset` of the file if left out."
    )
    pairs: tuple[SuitePair, ...] = Field(
        default=(),
        description="Teachers with their students; the sections `teacher` and `student` of the file if left out. A "
        "data set goes with the pairs of its kind.",
    )
    budgets: Budgets = Field(
        default=("own",),
        description="`own`: steps as the row says, or its method by default. `equal_seconds`: as many steps as take "
        "the seconds of the reference. With both, each method has two rows.",
    )
    reference: Names = Field(
        default=(),
        description="Labels of rows: the first one that is run on a data set is the trial there, which all others are "
        "compared with, and whose seconds are meant. Left out: the first method that fits, and is no control.",
    )
    exclude: tuple[Exclusion, ...] = Field(default=(), description="Combinations that are not run.")
    teachings: Teachings = Field(
        default=1, description="How often a student of each row but searches is taught from each seed's pseudo-samples."
    )
    calibrated: dict[str, dict[str, Count]] = Field(
        default_factory=dict,
        description="Steps that were calibrated before, by label of the data set and of the row; what is not here is "
        "measured at the start.",
    )


class SuiteHead(Config):
    """What a suite has that a sweep has not, and its name."""

    name: SweepName = Field(description="Names the default folder, `runs/<name>`; the file's name if left out.")
    suite: SuiteSection
