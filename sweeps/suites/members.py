"""The sweeps of a suite: one for each data set and pair, with every method that fits it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import JsonValue

from acgkd.config import DatasetConfig, overlay
from acgkd.datasets import dataset_of
from acgkd.errors import Fault, SpecError
from acgkd.models import MODELS
from analysis.records.suites.suite_file import MemberEntry
from sweeps.spec.loading import check_tree
from sweeps.spec.raw import SpecTree, make_absolute, written_out
from sweeps.spec.sections import Budget
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import plain
from sweeps.suites.rows import Row, kind, rows_of, searches_of
from sweeps.suites.spec.axes import SuiteDataset, SuitePair
from sweeps.suites.spec.section import SuiteSection


@dataclass(frozen=True)
class Member:
    """One sweep of a suite.

    Args:
        name: of the sweep, and of its folder.
        dataset: the data set as the suite has it.
        pair: teacher and student.
        rows: what is run, the reference first.
        sections: all of its spec but name, method and controls.
        places: slash paths in the suite of sections, and of paths in them, that it says under `suite`.
        folder: beside which files are looked for.
        study: the method whose settings are perturbed in it; empty for a sweep of all methods.
    """

    name: str
    dataset: SuiteDataset
    pair: SuitePair
    rows: tuple[Row, ...]
    sections: Mapping[str, object]
    places: Mapping[str, str]
    folder: Path
    study: str = ""

    @property
    def title(self) -> str:
        """What it is of, in words."""
        of_one = f", settings of {self.study}" if self.study else ""
        return f"{self.dataset.label}, {self.pair.label}{of_one}"

    @property
    def reference(self) -> Row:
        """The row that is the sweep's trial."""
        return self.rows[0]

    @property
    def value(self) -> dict[str, JsonValue]:
        """The spec as plain values, as a file has it."""
        tree = {
            "name": self.name,
            **self.sections,
            "method": self.reference.choice.model_dump(),
            "controls": [said for _, said in self.controls],
        }
        if self.searches:
            tree["space"] = self.reference.entry.space
            prior = self.reference.entry.prior
            tree |= {} if prior is None else {"prior": prior.model_dump(mode="json", exclude_none=True)}
        return plain(tree)[0]

    @property
    def controls(self) -> list[tuple[Row, dict[str, object] | str]]:
        """What is run beside the trial, each with the row that it is of: other rows, and further teachings of all."""
        first, *others = self.rows
        again = [(first, said) for said in first.further_teachings()]
        return [*again, *((row, said) for row in others for said in row.as_controls())]

    @property
    def searches(self) -> bool:
        """Whether its trials are points of a space; it has no other rows then."""
        return self.reference.entry.space is not None

    def text(self, suite: str) -> str:
        """The spec as a file.

        Args:
            suite: name of the suite.
        """
        head = f"# A sweep of the suite {suite}, derived from its spec: change that, not this file.\n"
        return head + str(yaml.safe_dump(self.value, sort_keys=False, allow_unicode=True, width=120))

    def spec(self, trust_code: bool = False) -> SweepSpec:
        """The spec, checked.

        Raises:
            SpecError: something is wrong; paths are those of the suite.
        """
        tree = SpecTree(f"the sweep {self.name}", written_out(self.value), {}, "", folder=self.folder)
        make_absolute(tree.value, self.folder)
        try:
            return check_tree(tree, trust_code)
        except SpecError as error:
            # A row's once, however often it is taught.
            found = dict.fromkeys(Fault(self.place(item.path), item.message) for item in error.faults)
            raise SpecError(tree.source, list(found)) from None

    def place(self, path: str) -> str:
        """Where the suite says what stands at a path of the spec."""
        keys = path.split("/")
        if keys[0] == "controls" and len(keys) > 1 and keys[1].isdecimal() and int(keys[1]) < len(self.controls):
            return self._place_of_row(self.controls[int(keys[1])][0], keys[2:])
        if keys[0] == "method":
            return self._place_of_row(self.reference, keys[1:])
        if keys[0] == "space" and self.searches:
            return "/".join([self.reference.place, *keys])
        for length in range(len(keys), 0, -1):
            above = self.places.get("/".join(keys[:length]))
            if above is not None:
                return "/".join([above, *keys[length:]])
        return path

    def _place_of_row(self, row: Row, keys: Sequence[str]) -> str:
        """Where the suite says a setting of a row: with the data set, or with the row."""
        changed = self.dataset.methods.get(row.entry.label)
        if changed is not None and len(keys) > 1 and keys[1] in getattr(changed, keys[0], {}):
            return "/".join([self.places["dataset"], "methods", row.entry.label, *keys])
        return "/".join([row.place, *keys])

    def with_rows(self, rows: Sequence[Row]) -> "Member":
        """The same sweep with other settings of its rows."""
        return replace(self, rows=tuple(rows))

    @cached_property
    def seeds(self) -> int:
        """Of each row."""
        replicates = self.value.get("replicates")
        seeds = replicates.get("seeds") if isinstance(replicates, Mapping) else None
        return len(seeds) if isinstance(seeds, list) else 1

    @cached_property
    def trials(self) -> int:
        """How many there are: one where nothing is searched; 0 where only time ends the search."""
        budget = self.value.get("budget")
        said = budget.get("trials", Budget().trials) if isinstance(budget, Mapping) else Budget().trials
        return (said if isinstance(said, int) else 0) if self.searches else 1

    def entry(self) -> MemberEntry:
        """What the suite's file says of it."""
        return MemberEntry(
            name=self.name,
            dataset=self.dataset.label,
            pair=self.pair.label,
            reference=self.reference.label,
            rows=tuple(label for row in self.rows for label in row.labels),
            seeds=self.seeds,
            trials=self.trials,
            searches=self.searches,
            study=self.study,
        )


def expanded(name: str, suite: SuiteSection, base: Mapping[str, object], folder: Path) -> tuple[Member, ...]:
    """The sweeps of a suite, data set by data set.

    Args:
        name: of the suite.
        suite: the axes; every name in them is known.
        base: the sections that all sweeps share, as written.
        folder: beside which files are looked for.
    """
    return tuple(_members(name, suite, base, folder))


def axes(suite: SuiteSection, base: Mapping[str, object]) -> tuple[list[SuiteDataset], list[SuitePair]]:
    """Data sets and pairs, those of the file's own sections where the suite names none."""
    datasets, pairs = list(suite.datasets), list(suite.pairs)
    if not datasets and isinstance(base.get("dataset"), Mapping):
        datasets = [SuiteDataset.model_validate(base["dataset"])]
    if not pairs and "teacher" in base and "student" in base:
        pairs = [SuitePair.model_validate({"teacher": base["teacher"], "student": base["student"]})]
    return datasets, pairs


def kind_of_data(dataset: SuiteDataset) -> str:
    """The kind of sample that a data set has.

    Raises:
        AcgkdError: there is no such set, or what is to be measured cannot be read.
    """
    return dataset_of(DatasetConfig.model_validate(dataset.section)).modality


def kind_of_pair(pair: SuitePair) -> str | None:
    """The kind of sample that a student reads; None where it is not known."""
    return kind(pair.student.preset.split("-")[0], MODELS)


def _members(name: str, suite: SuiteSection, base: Mapping[str, object], folder: Path) -> Iterator[Member]:
    datasets, pairs = axes(suite, base)
    shared = {key: value for key, value in base.items() if key not in ("name", "suite")}
    for number, dataset in enumerate(datasets):
        there = kind_of_data(dataset)
        for count, pair in enumerate(pairs):
            if kind_of_pair(pair) not in (None, there) or (pair.datasets and dataset.label not in pair.datasets):
                continue
            rows, searches = rows_of(suite, dataset, pair, there), searches_of(suite, dataset, pair, there)
            if not rows and not searches:
                continue
            places = {"dataset": f"suite/datasets/{number}"} if suite.datasets else {}
            if suite.pairs:
                places |= {side: f"suite/pairs/{count}/{side}" for side in ("teacher", "student")}
            for changes, above in (
                (dataset.overrides, f"suite/datasets/{number}"),
                (pair.overrides, f"suite/pairs/{count}"),
            ):
                places |= {path: f"{above}/overrides/{path}" for path in changes}
            own = {
                "dataset": dataset.section,
                "teacher": pair.teacher.model_dump(mode="json"),
                "student": pair.student.model_dump(mode="json"),
            }
            sections = overlay(overlay({**shared, **own}, dataset.overrides), pair.overrides)
            called = pair.sweep or f"{name}-{_plain(dataset.label)}-{_plain(pair.label)}"
            if rows:
                mixed = any(row.space is not None for row in suite.methods)
                own_sections = _without_a_search(sections) if mixed else sections
                yield Member(called, dataset, pair, rows, own_sections, places, folder)
            for row in searches:
                yield Member(f"{called}-{_plain(row.label)}", dataset, pair, (row,), sections, places, folder)


def _without_a_search(sections: Mapping[str, object]) -> dict[str, object]:
    """The sections of a sweep with nothing to search, where the suite says others for its searches."""
    kept = {name: value for name, value in sections.items() if name not in ("budget", "sampler", "scheduler")}
    budget = sections.get("budget")
    limits = {"deadline": budget["deadline"]} if isinstance(budget, Mapping) and "deadline" in budget else {}
    return kept | ({"budget": limits} if limits else {})


def _plain(label: str) -> str:
    """A label as part of a folder's name."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in label)
