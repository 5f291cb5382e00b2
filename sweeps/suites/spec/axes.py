"""The axes of a suite, each as its file says them: methods, data sets, pairs of a teacher and a student."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from acgkd.config import Config, DatasetConfig, PriorConfig, ShortConfig, StudentConfig, TeacherConfig, spelled_out
from acgkd.errors import ConfigError
from sweeps.spec.controls import Label
from sweeps.spec.sections import SweepName

BudgetName = Literal["own", "equal_seconds"]
LIKE_REFERENCE = "reference"
# Sections of its sweeps that a suite says of its own accord, and where.
GOVERNED = {"method": "suite/methods", "controls": "suite/methods", "space": ""}


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Budgets = Annotated[tuple[BudgetName, ...], BeforeValidator(_listed), Field(min_length=1)]
Settings = dict[str, object] | Literal["reference"]
Teachings = Annotated[int, Field(ge=1, le=100)]


def _without(word: str) -> AfterValidator:
    """A check that no section is overridden that the suite says elsewhere."""

    def check(changes: dict[str, object]) -> dict[str, object]:
        for path in changes:
            first = path.split("/")[0]
            if first == "name" or first in GOVERNED:
                where = f"; `{GOVERNED[first]}` does" if GOVERNED.get(first) else ""
                raise ConfigError(f"`overrides` of a {word} are of sections of its sweeps, not of `{first}`{where}.")
        return changes

    return AfterValidator(check)


class SuiteMethod(ShortConfig):
    """One row of the comparison: a method, with settings or at its defaults."""

    name: str = Field(description="The method.")
    label: Label = Field(description="How tables call the row; the method's name if left out.")
    synthesis: Settings | None = Field(
        default=None,
        description="Its settings; `reference`: those of the reference, as far as the method knows them. Left out: its "
        "defaults; of a control (`random_graphs`, `noise`, `real_data`) the reference's.",
    )
    transfer: Settings | None = Field(default=None, description="Likewise, of how the student is taught.")
    settings_from: str | None = Field(
        default=None,
        description="Folder of a search, or of a suite of searches: the row has the settings that it chose for this "
        "method on each data set and pair, in place of `synthesis` and `transfer`. Its seeds may not be the suite's.",
    )
    space: str | dict[str, object] | None = Field(
        default=None,
        description="The row is a search over this space, as in a sweep, from these settings on: a sweep of its own on "
        "each data set and pair, by the suite's `budget`, `sampler`, `scheduler` and `objectives`.",
    )
    prior: PriorConfig | None = Field(default=None, description="What it knows of the data; the suite's if left out.")
    budgets: Budgets | None = Field(default=None, description="Of this row; the suite's if left out.")
    datasets: Names | None = Field(
        default=None, description="Labels of the data sets that it is run on; all that it fits if left out."
    )
    teachings: Teachings | None = Field(
        default=None,
        description="Students taught with the pseudo-samples of each seed; as the data set says if left out.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        value = spelled_out(value, cls.word)
        if isinstance(value, Mapping) and "label" not in value and isinstance(value.get("name"), str):
            return {**value, "label": value["name"]}
        return value

    @model_validator(mode="after")
    def _said_once(self) -> "SuiteMethod":
        if self.settings_from is not None and (self.synthesis is not None or self.transfer is not None):
            raise ConfigError(
                "Settings are those that a search chose (`settings_from`) or given (`synthesis`, `transfer`), but here "
                "are both. Leave one of them out."
            )
        if self.space is not None and self.settings_from is not None:
            raise ConfigError("A row is a search (`space`) or has what one chose (`settings_from`). Leave one out.")
        if self.space is not None and self.teachings is not None:
            raise ConfigError("Trials of a search (`space`) teach once, but it says `teachings`. Leave one out.")
        return self

    @property
    def stands_alone(self) -> bool:
        """Whether its settings are a search's, so that it has no budget but its own and is no reference."""
        return self.space is not None or self.settings_from is not None


class Changed(Config):
    """Settings of one row on one data set, laid over those that it has everywhere."""

    synthesis: dict[str, object] = Field(default_factory=dict, description="Laid over those of its synthesis.")
    transfer: dict[str, object] = Field(default_factory=dict, description="Laid over those of its transfer.")


class Sensitivity(Config):
    """How much each method depends on its settings: perturbed ones, run as a sweep of each method."""

    draws: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=30, description="So many settings with all hyper-parameters multiplied at once, by 0.1 to 10."
    )
    one_at_a_time: bool = Field(
        default=True, description="Each hyper-parameter alone by 0.1, 0.3, 3 and 10 as well, the others as they are."
    )
    seeds: tuple[int, ...] | None = Field(default=None, description="Of all of them; the first seed if left out.")

    @model_validator(mode="after")
    def _says_something(self) -> "Sensitivity":
        if not self.draws and not self.one_at_a_time:
            raise ConfigError("Sensitivity has `draws`, or settings `one_at_a_time`, but this neither. Leave it out.")
        return self


class SuiteDataset(DatasetConfig):
    """A data set, and what is otherwise on it."""

    label: Label = Field(description="How the suite calls it; its name if left out, with its `set` or file.")
    overrides: Annotated[dict[str, object], _without("data set")] = Field(
        default_factory=dict,
        description="Values by slash path, laid over the sections of its sweeps: `{teacher/epochs: 15}`.",
    )
    methods: dict[str, Changed] = Field(default_factory=dict, description="Other settings of rows on it, by label.")
    teachings: Teachings | None = Field(
        default=None, description="How often students of all its rows are taught; the suite's number if left out."
    )
    sensitivity: Sensitivity | None = Field(
        default=None,
        description="Runs each method under its own name, at its own budget, with perturbed settings on it too. A "
        "hyper-parameter is a weight of a loss that is not 0, a rate, the batch, or the length of a generator's noise.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        value = spelled_out(value, cls.word)
        if not isinstance(value, Mapping) or "label" in value or not isinstance(value.get("name"), str):
            return value
        which = value.get("set") or str(value.get("path") or "").rstrip("/").rpartition("/")[2]
        return {**value, "label": f"{value['name']} {which}".strip()}

    @property
    def section(self) -> dict[str, object]:
        """The section `dataset` of its sweeps."""
        return DatasetConfig(**{name: getattr(self, name) for name in DatasetConfig.model_fields}).model_dump(
            mode="json"
        )


class SuitePair(Config):
    """A teacher and a student."""

    teacher: TeacherConfig
    student: StudentConfig
    label: Label = Field(description="`<teacher>-<student>`, their presets, if left out.")
    datasets: Names | None = Field(
        default=None, description="Labels of the data sets that it is run on; all that it fits if left out."
    )
    overrides: Annotated[dict[str, object], _without("pair")] = Field(
        default_factory=dict,
        description="Values by slash path, laid over the sections of its sweeps, after those of the data set: "
        "`{replicates/seeds: [0, 1, 2]}`.",
    )
    sweep: SweepName | None = Field(
        default=None,
        description="Name of its sweep, where it is run on one data set: as in packed records that are continued. "
        "`<suite>-<data set>-<pair>` if left out.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        value = {
            **value,
            **{key: spelled_out(value[key], "preset") for key in ("teacher", "student") if key in value},
        }
        presets = [
            side.get("preset") if isinstance(side, Mapping) else getattr(side, "preset", None)
            for side in (value.get("teacher"), value.get("student"))
        ]
        if "label" not in value and all(isinstance(preset, str) for preset in presets):
            value["label"] = "-".join(map(str, presets)).replace(":", ".")
        return value
