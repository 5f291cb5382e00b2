"""The rows of one data set and pair: which methods are run there, with which settings, the reference first."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from acgkd.catalog import Catalog
from acgkd.config import MethodChoice, flatten, overlay
from acgkd.errors import AcgkdError
from acgkd.method import MethodConfig, NoSettings
from acgkd.methods import METHODS, parse_method
from sweeps.spec.controls import Control
from sweeps.suites.spec.axes import LIKE_REFERENCE, BudgetName, SuiteDataset, SuiteMethod, SuitePair
from sweeps.suites.spec.section import SuiteSection

# How a row is called beside that of another budget.
SUFFIXES: dict[str, str] = {"own": "own budget", "equal_seconds": "equal seconds"}


@dataclass(frozen=True)
class Row:
    """A method on one data set and pair, at one budget.

    Args:
        label: how tables call it.
        entry: the method as the suite says it.
        place: where it does, as a slash path.
        budget: the steps it takes.
        synthesis: its settings there; None: those of the reference.
        transfer: likewise.
        teachings: how often its student is taught from the same pseudo-samples.
    """

    label: str
    entry: SuiteMethod
    place: str
    budget: BudgetName
    synthesis: Mapping[str, object] | None
    transfer: Mapping[str, object] | None
    teachings: int = 1

    @property
    def is_control(self) -> bool:
        """Whether it is something to read methods against."""
        return is_control(self.entry.name)

    @property
    def choice(self) -> MethodChoice:
        """The method as the trial of a sweep has it."""
        return MethodChoice(
            name=self.entry.name, synthesis=dict(self.synthesis or {}), transfer=dict(self.transfer or {})
        )

    def as_controls(self) -> list[dict[str, object] | str]:
        """The row as a sweep lists it under `controls`, once for each teaching."""
        return [self.as_control(), *(self._again(number, self._said()) for number in range(2, self.teachings + 1))]

    def further_teachings(self) -> list[dict[str, object] | str]:
        """The row, if it is a sweep's trial, taught again: as controls that take over the trial's settings."""
        said: dict[str, object] = {"name": self.entry.name}
        return [self._again(number, said) for number in range(2, self.teachings + 1)]

    @property
    def labels(self) -> tuple[str, ...]:
        """Of its teachings, in order."""
        return (self.label, *(f"{self.label} (teaching {number})" for number in range(2, self.teachings + 1)))

    @property
    def title(self) -> str:
        """``acgkd``; ``acgkd (3 teachings)``."""
        return self.label if self.teachings == 1 else f"{self.label} ({self.teachings} teachings)"

    def _again(self, number: int, said: Mapping[str, object]) -> dict[str, object]:
        return {**said, "label": self.labels[number - 1], "draw": number - 1}

    def as_control(self) -> dict[str, object] | str:
        """The row as a sweep lists it under `controls`, taught once."""
        said = self._said()
        if said["label"] == said["name"]:
            del said["label"]
        return str(said["name"]) if set(said) == {"name"} else said

    def _said(self) -> dict[str, object]:
        said: dict[str, object] = {"name": self.entry.name, "label": self.label}
        if self.entry.settings_from is not None:
            said["settings_from"] = self.entry.settings_from
        for stage in () if self.entry.settings_from is not None else ("synthesis", "transfer"):
            settings = getattr(self, stage)
            said |= {} if settings is None else {stage: dict(settings)}
        if self.entry.prior is not None:
            said["prior"] = self.entry.prior.model_dump(mode="json", exclude_none=True)
        return said

    def with_settings(self, synthesis: Mapping[str, object] | None, transfer: Mapping[str, object] | None) -> "Row":
        """The same row with other settings."""
        return replace(self, synthesis=synthesis, transfer=transfer)

    def seen_from(self, reference: MethodChoice) -> MethodChoice:
        """The method with its settings, those taken over from the reference included."""
        said = self.as_control()
        return Control.model_validate(said).choice(reference)


def is_control(name: str) -> bool:
    """Whether a method is something to read others against: it learns nothing of samples, or sees real ones."""
    return METHODS[name].lower_control or METHODS[name].needs_data


def counted(choice: MethodChoice) -> tuple[Literal["synthesis", "transfer"], MethodConfig]:
    """Whose `steps` are set for equal seconds, those of a student that learns in the same stage, and all settings.

    Raises:
        AcgkdError: the settings are not valid.
    """
    method, config = parse_method(choice)
    return "transfer" if method.needs_student(config) else "synthesis", config


def is_joint(choice: MethodChoice) -> bool:
    """Whether samples are made and the student is taught in one stage; False where settings are not valid."""
    with suppress(AcgkdError):
        return counted(choice)[0] == "transfer"
    return False


def lacks_steps(choice: MethodChoice) -> bool:
    """Whether a method has samples to make and no steps of it to set; False where settings are not valid."""
    with suppress(AcgkdError):
        stage, config = counted(choice)
        settings = getattr(config, stage)
        nothing = stage == "synthesis" and isinstance(settings, NoSettings)  # it may make no samples at all
        return not nothing and not hasattr(settings, "steps")
    return False


def knows_draws(name: str) -> bool:
    """Whether a method can teach again from the same pseudo-samples."""
    return "draw" in getattr(METHODS[name].config.model_fields["transfer"].annotation, "model_fields", {})


def without_steps(row: Row) -> str:
    """What is said of a row at equal seconds that has no steps to set."""
    return (
        f"The steps of `{row.label}` are to be calibrated, but `{row.entry.name}` has no setting `steps`. Give the row "
        "`budgets: own`."
    )


def kind(name: str, catalog: Catalog[Any]) -> str | None:
    """The kind of sample that an entry of a catalogue is for; None where it takes any, or is not known."""
    return catalog[name].modality if name in catalog else None


def rows_of(suite: SuiteSection, dataset: SuiteDataset, pair: SuitePair, kind_there: str | None) -> tuple[Row, ...]:
    """The rows of a data set and pair, the reference first; empty where nothing but controls is run there.

    Args:
        suite: the axes.
        dataset: one of its data sets.
        pair: one of its pairs, of the same kind.
        kind_there: what its samples are.
    """
    found = [row for row in _rows(suite, dataset, pair, kind_there) if row.entry.space is None]
    reference = reference_among(suite, found)
    if reference is None:
        return ()
    same = replace(reference, label=reference.entry.label)
    rest = [row for row in found if row.entry is not reference.entry]
    return (same, *rest)


def searches_of(suite: SuiteSection, dataset: SuiteDataset, pair: SuitePair, kind_there: str | None) -> tuple[Row, ...]:
    """The rows of a data set and pair that are searches, each to be a sweep of its own."""
    return tuple(row for row in _rows(suite, dataset, pair, kind_there) if row.entry.space is not None)


def reference_among(suite: SuiteSection, rows: list[Row]) -> Row | None:
    """The row of the reference: the first of those that the suite names, or else the first that is no control."""
    for name in suite.reference:
        for row in rows:
            if row.entry.label == name:
                return row
    if suite.reference:
        return None
    return next((row for row in rows if not row.is_control and not row.entry.stands_alone), None)


def _rows(suite: SuiteSection, dataset: SuiteDataset, pair: SuitePair, kind_there: str | None) -> Iterator[Row]:
    for number, entry in enumerate(suite.methods):
        if entry.datasets is not None and dataset.label not in entry.datasets:
            continue
        if kind_there is not None and kind(entry.name, METHODS) not in (None, kind_there):
            continue
        budgets = entry.budgets or suite.budgets
        if is_control(entry.name) or entry.stands_alone:  # what a search chose has steps of its own, as controls have
            budgets = ("own",)
        for place, budget in enumerate(budgets):
            if any(rule.holds(entry.label, dataset.label, pair.label, budget) for rule in suite.exclude):
                continue
            label = entry.label if not place else f"{entry.label} ({SUFFIXES[budget]})"
            synthesis, transfer = (settings_of(entry, dataset, stage) for stage in ("synthesis", "transfer"))
            taught = _teachings(suite, dataset, entry)
            yield Row(label, entry, f"suite/methods/{number}", budget, synthesis, transfer, taught)


def _teachings(suite: SuiteSection, dataset: SuiteDataset, entry: SuiteMethod) -> int:
    if entry.space is not None:
        return 1
    return entry.teachings or dataset.teachings or suite.teachings


def settings_of(entry: SuiteMethod, dataset: SuiteDataset, stage: str) -> Mapping[str, object] | None:
    """What a row says of a stage on a data set; None where it takes over what the reference has."""
    said = getattr(entry, stage)
    there = dataset.methods.get(entry.label)
    changes: dict[str, object] = {} if there is None else getattr(there, stage)
    if said == LIKE_REFERENCE or (said is None and is_control(entry.name)):
        return changes or None
    known = flatten(said or {})
    changed = {
        path: value
        for path, value in flatten(changes).items()
        # An empty mapping changes none of the settings below it.
        if value != {} or not any(name.startswith(f"{path}/") for name in known)
    }
    return overlay(said or {}, changed)
