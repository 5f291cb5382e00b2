"""All settings of each method that were tried on a data set, and the accuracy that each came to."""

import math
from dataclasses import dataclass

import pandas as pd

from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.trial_rows import TrialRow
from analysis.records.record import INFEASIBLE
from analysis.statistics.aggregates.sensitivity import sensitivity

FEWEST = 3
"""Settings without which there is no distribution to speak of."""


@dataclass(frozen=True)
class Tried:
    """What the settings of a method came to on one data set.

    Args:
        panel: title of the joint table.
        column: of it.
        contestant: whose settings they are.
        accuracies: mean test accuracy of each setting over its seeds, sorted.
        failed: settings among them that failed, and so have the majority class's accuracy.
        left_out: settings without an accuracy: pruned, or failed where the majority class is not known.
    """

    panel: str
    column: str
    contestant: str
    accuracies: tuple[float, ...]
    failed: int
    left_out: int


def tried(comparison: Comparison) -> list[Tried]:
    """The settings of every method that is no control, by data set; methods with fewer than three are left out."""
    found = []
    for panel in comparison.panels:
        for column, cell in panel.cells.items():
            majority = _majority(panel, column)
            for contestant in dict.fromkeys(row.contestant for row in cell.rows if not row.control):
                rows = [row for row in cell.rows if row.contestant == contestant]
                values = [(_accuracy(row, majority), not len(row.done)) for row in rows]
                known = [(value, failed) for value, failed in values if not math.isnan(value)]
                if len(known) >= FEWEST:
                    accuracies = tuple(sorted(value for value, _ in known))
                    failed = sum(item for _, item in known)
                    found.append(Tried(panel.title, column, contestant, accuracies, failed, len(rows) - len(known)))
    return found


def sensitivity_table(comparison: Comparison) -> pd.DataFrame:
    """One line for each method and data set: `Sensitivity`, by the names of its fields, ``failed`` and ``left_out``."""
    lines = []
    for item in tried(comparison):
        summary = sensitivity(item.accuracies)
        lines.append(
            {
                "panel": item.panel,
                "column": item.column,
                "contestant": item.contestant,
                "settings": summary.settings,
                "mean": summary.mean,
                "sd": summary.sd,
                "worst": summary.worst,
                "best": summary.best,
                "near": summary.near,
                "failed": item.failed,
                "left_out": item.left_out,
            }
        )
    return pd.DataFrame(lines)


def _accuracy(row: TrialRow, majority: float) -> float:
    """Over completed seeds; a setting that failed on all of them counts as the majority class."""
    if len(row.done):
        return float(row.done["test_accuracy"].astype("float64").mean())
    return majority if set(row.runs["outcome"]) & INFEASIBLE else math.nan


def _majority(panel: Panel, column: str) -> float:
    values = pd.concat([row.runs["majority_accuracy"] for row in panel.cells[column].rows]).dropna()
    return float(values.astype("float64").mean()) if len(values) else math.nan
