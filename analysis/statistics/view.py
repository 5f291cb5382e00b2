"""The view of a sweep: everything that tables, figures and reports look at, each part computed once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import pandas as pd

from acgkd.errors import SourceError
from analysis.records.distribution import Distribution
from analysis.records.frame import PARAMETER, Frame
from analysis.records.sweep_file import Direction, Objective, SweepFile
from analysis.records.sweep_metadata import SweepMetadata
from analysis.statistics.codes import Codes, codes_of
from analysis.statistics.common_seeds import over_common_seeds
from analysis.statistics.comparability import caveats
from analysis.statistics.front import front
from analysis.statistics.importance import Importances, importances
from analysis.statistics.replicates import with_derived
from analysis.statistics.selection import Choice, choose, complete_by_state, objective_column, objectives_of
from analysis.statistics.summary import Reference, groups, references

_VIEWS: "WeakKeyDictionary[Frame, tuple[View, ...]]" = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class View:
    """One sweep, summarised.

    Args:
        frame: its rows; where seeds were added for some trials, those of seeds that all trials have.
        whole: all its rows.
        metadata: its own account.
        trials: summary of its trials, complete ones marked.
        controls: summary of its controls.
        references: majority class, teacher and controls.
        objectives: what the search looked at; may be empty.
        choice: the chosen trial, or why there is none.
    """

    frame: Frame
    whole: Frame
    metadata: SweepMetadata
    trials: pd.DataFrame
    controls: pd.DataFrame
    references: tuple[Reference, ...]
    objectives: tuple[Objective, ...]
    choice: Choice

    @classmethod
    def of(cls, frame: Frame, metadata: SweepMetadata) -> "View":
        """Summarises a sweep."""
        whole, (frame, common) = frame, over_common_seeds(frame, metadata)
        summary = groups(frame, {metadata.source: common})
        trials = summary[summary["kind"] == "trial"].reset_index(drop=True)
        trials = complete_by_state(trials, {number: trial.state for number, trial in metadata.trials.items()})
        asked_for = [number for number, trial in metadata.trials.items() if trial.enqueued]
        trials["label"] = trials["label"].mask(trials["trial"].isin(asked_for), trials["label"] + " (enqueued)")
        objectives, assumed = objectives_of(metadata.sweep, frame)
        return cls(
            frame=frame,
            whole=whole,
            metadata=metadata,
            trials=trials,
            controls=summary[summary["kind"] == "control"].reset_index(drop=True),
            references=tuple(references(frame)),
            objectives=objectives,
            choice=choose(trials, objectives, assumed),
        )

    def __repr__(self) -> str:
        return f"<View of {self.metadata.source}: {len(self.trials)} trials, {len(self.controls)} controls>"

    @property
    def searched(self) -> bool:
        """Whether its trials are points of a space; without one there is one trial, a method beside others."""
        return self.metadata.sweep.searched

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows of the frame with ``seconds`` and ``ratio``."""
        return with_derived(self.frame.rows)

    @cached_property
    def caveats(self) -> tuple[str, ...]:
        """Why its seconds cannot be compared with each other; empty where they can."""
        return caveats(self.frame.rows)

    @cached_property
    def codes(self) -> Codes:
        """Which codes made its rows."""
        return codes_of(self.frame.rows)

    @cached_property
    def code_warnings(self) -> tuple[str, ...]:
        """What a reader must know where rows are of several codes; nothing where they are of one."""
        return self.codes.sentences(self.choice.trial, self.metadata.sweep.accepted)

    @property
    def planned(self) -> int:
        """Replicates that each trial should have."""
        return int(self.trials["planned"].max()) if len(self.trials) else self.metadata.sweep.replicates or 0

    @cached_property
    def complete(self) -> pd.DataFrame:
        """Trials with all replicates completed."""
        return self.trials[self.trials["complete"]]

    @cached_property
    def objective(self) -> str:
        """The summary's column of the first objective, or '' where it is unknown or was never measured."""
        return objective_column(self.trials, self.objectives[0]) if self.objectives else ""

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """Complete trials, best first by the first objective; by test accuracy only where there is no objective."""
        column, sign = (self.objective, self.objectives[0].sign) if self.objective else ("test_accuracy", 1)
        rank = -sign * self.complete[column]
        return (
            self.complete.assign(_rank=rank).sort_values(["_rank", "trial"], na_position="last").drop(columns="_rank")
        )

    @cached_property
    def unranked(self) -> pd.DataFrame:
        """The other trials, by number."""
        return self.trials[~self.trials["complete"]].sort_values("trial")

    def on_front(self, columns: Sequence[tuple[str, str]]) -> "pd.Series[bool]":
        """Marks the complete trials that are not dominated in the given (column, direction) pairs."""
        marks = pd.Series(False, index=self.trials.index)
        usable = [name for name, _ in columns if name in self.trials.columns]
        if len(usable) == len(columns) and len(self.complete):
            values = self.complete[usable].astype("float64").to_numpy()
            marks[self.complete.index] = front(values, [direction for _, direction in columns])
        return marks

    @property
    def measure(self) -> tuple[str, Direction]:
        """Column and direction by which fronts judge: the first objective, or test accuracy where there is none."""
        return (self.objective, self.objectives[0].direction) if self.objective else ("test_accuracy", "maximize")

    @property
    def measured(self) -> str:
        """What fronts judge by, in words."""
        return self.measure[0].removeprefix("objective/").replace("_", " ")

    @cached_property
    def own_front(self) -> "pd.Series[bool]":
        """Marks the front of the sweep's own objectives; of the first one and multiply-adds where there is one only."""
        if len(self.objectives) > 1:
            pairs = [(objective_column(self.trials, item), item.direction) for item in self.objectives]
            if all(column for column, _ in pairs):
                return self.on_front(pairs)
        return self.on_front([self.measure, ("multiply_adds", "minimize")])

    @property
    def chosen(self) -> pd.Series | None:
        """The summary's row of the chosen trial."""
        if self.choice.trial is None:
            return None
        return self.trials[self.trials["trial"] == self.choice.trial].iloc[0]

    @property
    def distributions(self) -> Mapping[str, Distribution]:
        """What each parameter was drawn from, by column; without those that no trial file says."""
        return {PARAMETER + name: item for name, item in self.metadata.distributions.items()}

    @cached_property
    def importance(self) -> tuple[Importances, Importances]:
        """How much each hyper-parameter matters for the first objective, and for seconds, among complete trials."""
        names, known = self.frame.parameters(), self.distributions
        return (
            importances(self.complete, *self.measure, names, known),
            importances(self.complete, "seconds", "minimize", names, known),
        )

    def with_references(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows, then controls, teacher and majority class: every table of accuracies ends with them."""
        own = set(self.controls["label"])
        lines = [self._line(item) for item in self.references if item.label not in own]
        ends: list[dict[str, object]] = [
            *({str(name): value for name, value in row.items()} for row in self.controls.to_dict("records")),
            *reversed(lines),
        ]
        blank = {"int64": 0, "bool": False}
        added = pd.DataFrame(
            {
                str(name): pd.Series([end.get(str(name), blank.get(str(dtype))) for end in ends], dtype=dtype)
                for name, dtype in rows.dtypes.items()
            }
        )
        parts = [part for part in (rows, added) if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else rows

    def _line(self, reference: Reference) -> dict[str, object]:
        spread = reference.accuracy
        return {
            "source": self.metadata.source,
            "kind": "reference",
            "label": reference.label,
            "planned": spread.n,
            "completed": spread.n,
            "test_accuracy": spread.mean,
            "test_accuracy_sd": spread.sd,
            "test_accuracy_low": spread.low,
            "test_accuracy_high": spread.high,
            "test_accuracy_n": spread.n,
            "student_ms_per_1000": reference.ms_per_1000,
        }

    def lines(self) -> list[tuple[str, float]]:
        """Reference accuracies as lines of a figure."""
        return [(item.label, item.accuracy.mean) for item in self.references if not math.isnan(item.accuracy.mean)]


def views(frame: Frame) -> tuple[View, ...]:
    """One view per sweep, in the order given, those without records included; made once for each frame."""
    if frame not in _VIEWS:
        known = {item.source: item for item in frame.sweeps}
        _VIEWS[frame] = tuple(
            View.of(frame.of(source), known.get(source) or _unknown(source)) for source in frame.sources
        )
    return _VIEWS[frame]


def view_of(frame: Frame, source: str | None = None) -> View:
    """The view of one sweep.

    Args:
        frame: of one or several sweeps.
        source: name of the sweep; may be left out where there is one only.

    Raises:
        SourceError: there is no such sweep, or there are several and none was named.
    """
    known = frame.sources
    if source is None and len(known) != 1:
        raise SourceError(
            f"A frame of one sweep is needed, or its name as `source`, but this one holds {len(known)}: "
            f"{', '.join(known) or 'none'}."
        )
    if source is not None and source not in known:
        raise SourceError(f"No sweep of this frame is called '{source}'. Known: {', '.join(known) or 'none'}.")
    return views(frame)[0 if source is None else known.index(source)]


def _unknown(source: str) -> SweepMetadata:
    return SweepMetadata(source, None, SweepFile(name=source))
