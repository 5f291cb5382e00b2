"""The rows of a comparison: every trial and control that was run on one data set and pair, before any is chosen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from acgkd.agreement.worth import MEASURED_ON_POOL
from analysis.comparison.published import (
    KnownMethod,
    Match,
    Published,
    Steps,
    fewer_samples,
    match_of,
    steps_of,
)
from analysis.formatting import known
from analysis.formatting import number as number_of
from analysis.records.frame import PARAMETER
from analysis.statistics.aggregates.teachings import TeachingSpread, completed, teaching_spread
from analysis.statistics.pool_worth import FACTS
from analysis.statistics.replicates import outcomes_in_words, with_derived
from analysis.statistics.summary import COSTS
from analysis.statistics.view import View

PAIR = ("teacher", "student")
_UNIT = ("dataset", *PAIR)
# What figures are made from: a frame has as many columns as all methods together have settings.
MEASURED = (
    "seed", "replicate", "outcome", "vary", "test_size", "train_size", "fingerprint", "test_accuracy",
    "teacher_test_accuracy", "majority_accuracy", "validation_accuracy", "validation_divergence", "test_agreement",
    "agreement", "predicted_classes", "seconds", "ratio", "multiply_adds", "synthesis_s", "transfer_s", "joint_s",
    "student_ms_per_1000", "student_multiply_adds", "student_parameters", "peak_host_bytes", "peak_device_bytes",
    *FACTS,
)  # fmt: skip

QUALITIES = (
    *("test_accuracy", "ratio", "validation_accuracy", "validation_divergence", "test_agreement"),
    *MEASURED_ON_POOL,
)
MEASURES = (*QUALITIES, *(name for name in COSTS if name in MEASURED))
"""What can be compared: qualities, of which more is better but for divergence, and costs."""


def more_is_better(measure: str) -> bool:
    """Whether it is a quality of which more is better: wins, ranks and probabilities are of such alone."""
    return measure in QUALITIES and measure != "validation_divergence"


def measure_in_words(measure: str) -> str:
    """``ratio to the teacher``."""
    words = {"ratio": "ratio to the teacher", "test_agreement": "agreement on the test split"}
    return words.get(measure, measure.replace("_", " "))


@dataclass(frozen=True, eq=False)
class TrialRow:
    """One setting of a method on one data set and pair, over its seeds.

    Args:
        label: how tables call it.
        method: its method.
        contestant: who it stands for: its method, or what `row_names.distinguished` says.
        source: the sweep.
        runs: what was measured in its replicates, those that failed included, with ``seconds`` and ``ratio``; of a
            row that was taught several times means over teachings, a line for each seed.
        first: its first replicate, all columns.
        chosen: whether it is the trial that its sweep chose.
        trial: whether it is a trial, not a control.
        complete: whether nothing of it is missing.
        searched: slash paths of settings that its sweep searched, below the method.
        settings_tried: settings of its method that were tried on this data set and pair in its sweep.
        known: what its method declares; None where that is not known.
        tuned_in: which trial of which search chose the settings of a control; '' where none did.
        taught: replicates of all teachings, with their column ``draw``; None where each seed was taught once.
    """

    label: str
    method: str
    contestant: str
    source: str
    runs: pd.DataFrame = field(repr=False)
    first: Mapping[str, object] = field(repr=False)
    chosen: bool = False
    trial: bool = True
    complete: bool = True
    searched: tuple[str, ...] = ()
    settings_tried: int = 1
    known: KnownMethod | None = None
    tuned_in: str = ""
    taught: pd.DataFrame | None = field(default=None, repr=False)

    @cached_property
    def done(self) -> pd.DataFrame:
        """The completed replicates that have a test accuracy."""
        return completed(self.runs)

    @cached_property
    def students(self) -> pd.DataFrame:
        """The completed replicates of all teachings, one for each student."""
        return self.done if self.taught is None else completed(self.taught)

    def teaching(self, measure: str = "test_accuracy") -> TeachingSpread:
        """How far students of the same pseudo-samples lie apart."""
        return TeachingSpread() if self.taught is None else teaching_spread(self.taught, measure)

    @property
    def outcomes(self) -> str:
        """How its replicates ended, of all teachings, in words."""
        return outcomes_in_words((self.runs if self.taught is None else self.taught)["outcome"])

    @property
    def control(self) -> bool:
        """Whether it is something to read methods against, no rival."""
        return self.known is not None and self.known.control

    @cached_property
    def steps(self) -> tuple[Steps, ...]:
        """Steps of its stages, beside the defaults of its method."""
        return () if self.control else steps_of(self.first, self.known, self.searched)

    @cached_property
    def fewer_samples(self) -> tuple[Steps, ...]:
        """Pseudo-samples, where it had fewer than its method as declared."""
        return () if self.control else fewer_samples(self.first, self.known, self.searched)

    @cached_property
    def match(self) -> Match | None:
        """The variant of its method that it is nearest to; None where nothing is known, and of controls."""
        return None if self.known is None or self.control else match_of(self.first, self.known, self.searched)

    @property
    def provenance(self) -> str:
        """Whose settings it has, in words."""
        if self.tuned_in:
            return f"tuned: {self.tuned_in}"
        if self.searched:
            return "tuned"
        return "control" if self.control else "" if self.match is None else self.match.words

    @property
    def reduced(self) -> bool:
        """Whether it had fewer steps or pseudo-samples than its method as declared, or is a cheaper form of it."""
        less = self.match is not None and bool(self.match.variant.less_of)
        return less or bool(self.fewer_samples) or any(each.fewer for each in self.steps)

    @property
    def published(self) -> bool:
        """Whether it is its method as published, but for amounts; what was searched counts as the method tuned."""
        if self.known is None or self.match is None:
            return True
        return not self.match.others and (bool(self.searched) or self.known.published(self.match.variant))

    def seeds(self, column: str = "test_accuracy") -> "pd.Series[float]":
        """A column's completed values by seed."""
        return self.done.set_index("seed")[column].dropna().astype("float64")


def rows_of_sweep(view: View, published: Published) -> list[TrialRow]:
    """Every trial and control of a sweep, trials first.

    Args:
        view: of the sweep.
        published: the methods' defaults, as far as they are known.
    """
    rows = with_derived(view.whole.rows)
    rows = rows[rows["kind"] != "teacher"].reset_index(drop=True)
    # Column by column: pandas takes a tenth of a second for a row of two hundred.
    cells = {str(name): rows[name].tolist() for name in rows.columns}
    names = [name for name in view.frame.parameters() if rows[name].notna().any()]
    searched = tuple(name.removeprefix(f"{PARAMETER}method/") for name in names)
    once = rows.drop_duplicates(["dataset", *PAIR, "label"])[[*_UNIT, "method"]].astype("string").fillna("")
    tried = Counter(once.itertuples(index=False, name=None))
    chosen = _chosen_controls(view)
    complete = {int(number) for number in view.complete["trial"]}
    measured = rows[list(MEASURED)]
    found = []
    for _, group in rows.groupby(["kind", "label", "dataset", *PAIR], dropna=False, sort=False)[["replicate"]]:
        order = group.sort_values("replicate").index
        first = {name: column[order[0]] for name, column in cells.items()}
        method, own, number = str(first["method"]), first["kind"] == "trial", first["trial"]
        label = str(first["label"])
        if own:
            label = f"{method} ({label})" if names else method
        by = chosen.get(label, {}) if not own else {}
        found.append(
            TrialRow(
                label=label,
                method=method,
                contestant=method,
                source=view.metadata.source,
                runs=measured.loc[order].reset_index(drop=True),
                first=first,
                chosen=own and view.choice.trial is not None and number == view.choice.trial,
                trial=own,
                complete=not own or number in complete,
                searched=searched if own else tuple(by.get("searched", ())),
                settings_tried=int(by.get("among", 0)) or tried[*_unit(first), method],
                known=published.get(method),
                tuned_in=f"trial {by['trial']} of {by['among']} in {by['sweep']}" if by else "",
            )
        )
    return sorted(found, key=lambda row: (not row.trial, number_of(row.first["trial"]) if row.trial else 0))


def _chosen_controls(view: View) -> dict[str, dict[str, Any]]:
    """By label of a control whose settings a search chose: which trial of which search."""
    said = view.metadata.sweep.spec.get("controls")
    listed = [control for control in said if isinstance(control, dict)] if isinstance(said, list) else []
    chosen = {str(one.get("label") or one.get("name")): one.get("chosen") for one in listed}
    return {label: by for label, by in chosen.items() if isinstance(by, dict)}


def unit(row: TrialRow) -> tuple[str, ...]:
    """Data set, teacher and student of a row: what is compared shares them."""
    return _unit(row.first)


def _unit(first: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(first[name]) if known(first[name]) else "" for name in _UNIT)
