"""The view: everything that the sections of a sweep's report look at, computed once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from analysis.records.frame import Frame
from analysis.records.sweep_metadata import Objective, SweepMetadata, read
from analysis.statistics.front import front
from analysis.statistics.selection import Choice, choose, complete_by_state, objective_column, objectives_of
from analysis.statistics.summary import Reference, groups, references


@dataclass(frozen=True)
class Context:
    """What is known beside the records: one ledger per sweep folder."""

    metadata: Mapping[str, SweepMetadata] = field(default_factory=dict)

    @classmethod
    def read(cls, frame: Frame) -> "Context":
        """Reads the ledgers of the folders that a frame was made from."""
        return cls({source: read(source, path) for source, path in frame.sources})

    def views(self, frame: Frame) -> list["View"]:
        """One view per sweep folder, in the order given; folders without records included."""
        return [View.of(frame.of(source), metadata) for source, metadata in self.metadata.items()]


@dataclass(frozen=True)
class View:
    """One sweep, summarised.

    Args:
        frame: its rows.
        metadata: its own account.
        trials: summary of its trials, complete ones marked.
        controls: summary of its controls.
        references: majority class, teacher and controls.
        objectives: what the search looked at; may be empty.
        choice: the chosen trial, or why there is none.
    """

    frame: Frame
    metadata: SweepMetadata
    trials: pd.DataFrame
    controls: pd.DataFrame
    references: tuple[Reference, ...]
    objectives: tuple[Objective, ...]
    choice: Choice

    @classmethod
    def of(cls, frame: Frame, metadata: SweepMetadata) -> "View":
        """Summarises a sweep."""
        summary = groups(frame, {metadata.source: metadata.planned()})
        trials = complete_by_state(summary[summary["kind"] == "trial"].reset_index(drop=True), metadata.states)
        objectives, assumed = objectives_of(metadata, frame)
        return cls(
            frame=frame,
            metadata=metadata,
            trials=trials,
            controls=summary[summary["kind"] == "control"].reset_index(drop=True),
            references=tuple(references(frame)),
            objectives=objectives,
            choice=choose(trials, objectives, assumed),
        )

    @property
    def searched(self) -> bool:
        """Whether its trials are points of a space; without one there is one trial, a method beside others."""
        return self.metadata.spec.get("space", "") is not None

    @property
    def planned(self) -> int:
        """Replicates that each trial should have."""
        return int(self.trials["planned"].max()) if len(self.trials) else self.metadata.planned() or 0

    @property
    def complete(self) -> pd.DataFrame:
        """Trials with all replicates completed."""
        return self.trials[self.trials["complete"]]

    @property
    def objective(self) -> str:
        """The summary's column of the first objective, or '' where it is unknown or was never measured."""
        return objective_column(self.trials, self.objectives[0]) if self.objectives else ""

    def ranked(self) -> pd.DataFrame:
        """Complete trials, best first by the first objective; by test accuracy only where there is no objective."""
        column, sign = (self.objective, self.objectives[0].sign) if self.objective else ("test_accuracy", 1)
        rank = -sign * self.complete[column]
        return (
            self.complete.assign(_rank=rank).sort_values(["_rank", "trial"], na_position="last").drop(columns="_rank")
        )

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

    def evaluate(self) -> tuple[str, str]:
        """Column and direction by which fronts judge: the first objective, or test accuracy where there is none."""
        if self.objective:
            return self.objective, "maximize" if self.objectives[0].sign > 0 else "minimize"
        return "test_accuracy", "maximize"

    def own_front(self) -> "pd.Series[bool]":
        """Marks the front of the sweep's own objectives; of the first one and multiply-adds where there is one only."""
        if len(self.objectives) > 1:
            pairs = [
                (objective_column(self.trials, item), "maximize" if item.sign > 0 else "minimize")
                for item in self.objectives
            ]
            if all(column for column, _ in pairs):
                return self.on_front(pairs)
        return self.on_front([self.evaluate(), ("multiply_adds", "minimize")])

    def chosen(self) -> pd.Series | None:
        """The summary's row of the chosen trial."""
        if self.choice.trial is None:
            return None
        return self.trials[self.trials["trial"] == self.choice.trial].iloc[0]

    def with_references(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows, then controls, teacher and majority class: every table of accuracies ends with them."""
        lines: list[dict[str, object]] = []
        for reference in self.references:
            if reference.label in set(self.controls["label"]):
                continue
            spread = reference.accuracy
            lines.append(
                {
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
            )
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

    def lines(self) -> list[tuple[str, float]]:
        """Reference accuracies as lines of a figure."""
        return [(item.label, item.accuracy.mean) for item in self.references if not math.isnan(item.accuracy.mean)]
