"""The summary: one row per trial or control, over its replicates. A failed replicate is never averaged away."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.records.frame import KEYS, Frame
from analysis.statistics.intervals import Interval, t_interval
from analysis.statistics.replicates import (
    SHARE_PARTS,
    interval_of,
    outcomes_in_words,
    share_of,
    split_of,
    spread,
    with_derived,
)
from analysis.statistics.trust.outcome_bounds import REMARKS, counted

ACCURACIES = (
    "test_accuracy",
    "ratio",
    "validation_accuracy",
    "validation_divergence",
    "test_agreement",
    "agreement",
    "agreement_overlap",
    "teacher_test_accuracy",
    "majority_accuracy",
)
COSTS = (
    "seconds",
    "synthesis_s",
    "transfer_s",
    "joint_s",
    "cpu_s",
    "multiply_adds",
    "student_ms_per_1000",
    "teacher_ms_per_1000",
    "student_multiply_adds",
    "teacher_multiply_adds",
    "student_parameters",
    "teacher_parameters",
    "peak_host_bytes",
    "peak_device_bytes",
)
_REMARKED = (
    "predicted_classes",
    "test_accuracy",
    "teacher_test_accuracy",
    "majority_accuracy",
    "classes",
    "hit_rate",
    "hit_rate_lowest",
    "hit_rate_at_most",
    "synthesis_classes",
)
_FIRST = ("trial", "method", "dataset", "teacher", "student")


@dataclass(frozen=True)
class Reference:
    """A line to read accuracies against: the majority class, the teacher or a control."""

    label: str
    accuracy: Interval
    seconds: float = math.nan
    ms_per_1000: float = math.nan
    outcomes: str = ""


def groups(frame: Frame, planned: Mapping[str, int | None] | None = None) -> pd.DataFrame:
    """Summarises every trial and control.

    Columns: the key (``source``, ``kind``, ``label``), ``trial``, ``method``, ``dataset``, ``teacher``, ``student``,
    ``planned`` and ``completed`` replicates, ``complete``, ``outcomes`` in words, ``collapsed``, ``below_bound`` and
    ``stuck`` (replicates of which `analysis.statistics.trust.outcome_bounds` says so), ``share``, ``share_low``,
    ``share_high``, ``share_reason``; for each accuracy ``x``, ``x_sd``, ``x_low``, ``x_high``, ``x_n``; for each cost
    and objective the mean and ``x_sd``; the parameters. Means are over completed replicates that have the value.

    Args:
        frame: the rows; teacher rows are not summarised.
        planned: replicates per trial by source; where missing, the largest number that any trial of the source has.
    """
    rows = with_derived(frame.rows[frame.rows["kind"] != "teacher"]).reset_index(drop=True)
    objectives = [name for name in rows.columns if name.startswith("objective/")]
    for name in objectives:  # one that the search came to look at later was measured before, too
        quantity = name.removeprefix("objective/")
        if quantity in rows.columns:
            rows[name] = rows[name].fillna(rows[quantity])
    parameters = frame.parameters()
    most = (rows.groupby("source")["replicate"].max() + 1).to_dict()
    # One array of numbers, picked from by position: pandas, asked per trial and quantity, would take seconds.
    numbers = _Numbers(rows, (*ACCURACIES, *COSTS, *objectives, *_REMARKED, "test_size", "train_size"))
    text = {name: rows[name].tolist() for name in (*KEYS, *_FIRST, *parameters, "outcome", "vary")}
    summaries = []
    for positions in rows.groupby(list(KEYS), sort=False).indices.values():
        source = str(text["source"][positions[0]])
        expected = (planned or {}).get(source) or int(most[source])
        done = [index for index in positions if text["outcome"][index] == "completed"]
        summary: dict[str, object] = {name: text[name][positions[0]] for name in (*KEYS, *_FIRST, *parameters)}
        summary.update(
            planned=expected,
            completed=len(done),
            complete=len(done) >= expected,
            outcomes=outcomes_in_words(text["outcome"][index] for index in positions),
            **counted(numbers.row(index, _REMARKED) for index in done),
        )
        split = split_of((text["vary"][i] for i in done), numbers("test_size", done), numbers("train_size", done))
        for name in ACCURACIES:
            interval = spread(numbers.known(name, done), split)
            summary.update({name: interval.mean, f"{name}_sd": interval.sd, f"{name}_n": interval.n})
            summary.update({f"{name}_low": interval.low, f"{name}_high": interval.high})
        for name in (*COSTS, *objectives):
            interval = t_interval(numbers.known(name, done))
            summary.update({name: interval.mean, f"{name}_sd": interval.sd})
            if name in objectives and interval.n < len(done):
                summary[name] = math.nan  # what chooses must rest on every replicate
        student, teacher, majority = (numbers(name, done) for name in SHARE_PARTS)
        share = share_of(student, teacher, majority, split)
        summary.update(share=share.value, share_low=share.low, share_high=share.high, share_reason=share.reason)
        summaries.append(summary)
    return _typed(pd.DataFrame(summaries, columns=_names(objectives, parameters)), frame)


class _Numbers:
    """Columns of a frame as floats, by row position."""

    def __init__(self, rows: pd.DataFrame, names: tuple[str, ...]) -> None:
        self._columns = {name: rows[name].to_numpy(dtype=float, na_value=math.nan).tolist() for name in names}

    def __call__(self, name: str, positions: list[int]) -> list[float]:
        column = self._columns[name]
        return [column[index] for index in positions]

    def row(self, position: int, names: tuple[str, ...]) -> dict[str, float]:
        """Some columns of one row."""
        return {name: self._columns[name][position] for name in names}

    def known(self, name: str, positions: list[int]) -> list[float]:
        """Those that are there."""
        return [value for value in self(name, positions) if not math.isnan(value)]


def references(frame: Frame) -> list[Reference]:
    """The lines to read accuracies against: majority class, teacher, then each control that was run.

    The teacher and the majority class count once per seed, however many trials used them.
    """
    rows = frame.rows
    found = []
    for label, column in (("majority class", "majority_accuracy"), ("teacher", "teacher_test_accuracy")):
        seeds = rows[rows[column].notna()].drop_duplicates(["source", "seed"])
        if len(seeds):
            ms = rows["teacher_ms_per_1000"].mean() if label == "teacher" else math.nan
            found.append(Reference(label, interval_of(seeds, column), ms_per_1000=float(ms)))
    derived = with_derived(rows[rows["kind"] == "control"])
    for name, group in derived.groupby("label", sort=True):
        done = group[group["outcome"] == "completed"]
        found.append(
            Reference(
                str(name),
                interval_of(done, "test_accuracy"),
                float(done["seconds"].mean()),
                float(done["student_ms_per_1000"].mean()),
                outcomes_in_words(group["outcome"]),
            )
        )
    return found


def _names(objectives: list[str], parameters: list[str]) -> list[str]:
    names = [*KEYS, *_FIRST, "planned", "completed", "complete", "outcomes", *REMARKS]
    for name in ACCURACIES:
        names += [name, *(f"{name}_{part}" for part in ("sd", "n", "low", "high"))]
    for name in (*COSTS, *objectives):
        names += [name, f"{name}_sd"]
    return [*names, "share", "share_low", "share_high", "share_reason", *parameters]


def _typed(table: pd.DataFrame, frame: Frame) -> pd.DataFrame:
    types = {"trial": "Int64", "planned": "int64", "completed": "int64", "complete": "bool"}
    types |= dict.fromkeys(REMARKS, "int64")
    text = {*KEYS, "method", "dataset", "teacher", "student", "outcomes", "share_reason"}
    for name in table.columns:
        if name.startswith("param/"):
            types[name] = str(frame.rows[name].dtype)
        elif name not in types:
            types[name] = "string" if name in text else "int64" if name.endswith("_n") else "float64"
    return table.astype(types)
