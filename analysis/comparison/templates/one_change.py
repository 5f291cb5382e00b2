"""One change of a method at a time: what it does to a measure, as a ratio to the method without it, over data sets."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.comparison.joint import Comparison
from analysis.statistics.paired import paired


@dataclass(frozen=True)
class LogRatio:
    """Mean and standard error over seeds of the log of a row's measure over the baseline's."""

    mean: float
    error: float

    def __str__(self) -> str:
        """``0.74 (0.61 to 0.90)``: the geometric mean of ratios, and twice its standard error on both sides."""
        ends = (math.exp(self.mean - 2 * self.error), math.exp(self.mean + 2 * self.error))
        return f"{math.exp(self.mean):.2f}" + ("" if math.isnan(self.error) else " ({:.2f} to {:.2f})".format(*ends))


@dataclass(frozen=True)
class Change:
    """What one change does, column by column and over all of them.

    Args:
        label: of the row.
        ratios: of the measure, one for each column; None where it was not run.
        points: difference in validation accuracy to the baseline, in points, of the columns where it was run.
        own: whether it is a row of the baseline's method; another method is a line to read the others against.
    """

    label: str
    ratios: tuple[LogRatio | None, ...]
    points: tuple[float, ...]
    own: bool

    @property
    def together(self) -> LogRatio | None:
        """The mean over columns, equal weight each."""
        known = [ratio for ratio in self.ratios if ratio is not None]
        if not known:
            return None
        error = math.sqrt(sum(ratio.error**2 for ratio in known)) / len(known)
        return LogRatio(sum(ratio.mean for ratio in known) / len(known), error)

    def gains(self, lost_points: float = 1.0) -> bool:
        """Run on every column, below 1 by twice the standard error, and nowhere less accurate by more than that."""
        found = self.together
        if found is None or None in self.ratios or not self.own:
            return False
        return found.mean + 2 * found.error < 0 and min(self.points) >= -lost_points

    @property
    def costs(self) -> bool:
        """Above 1 by twice the standard error."""
        found = self.together
        return found is not None and found.mean - 2 * found.error > 0


def changes(comparison: Comparison, measure: str = "validation_divergence") -> list[Change]:
    """Every row beside the baseline, the clearest gain first.

    Args:
        comparison: whose baseline the rows are changes of.
        measure: above 0, of which less is better.
    """
    cells = [cell for panel in comparison.panels for cell in panel.cells.values() if cell.baseline is not None]
    labels = dict.fromkeys(row.label for cell in cells for row in cell.rows if row is not cell.baseline)
    found = []
    for label in labels:
        ratios: list[LogRatio | None] = []
        points, own = [], False
        for cell in cells:
            row = next((row for row in cell.rows if row.label == label), None)
            if row is None or cell.baseline is None:
                ratios.append(None)
                continue
            own = own or row.contestant == cell.baseline.contestant
            ratios.append(_log_ratio(row.seeds(measure), cell.baseline.seeds(measure)))
            shift = paired(row.runs, cell.baseline.runs, "validation_accuracy", on=("seed",)).difference
            points.append(100 * shift.mean)
        found.append(Change(label, tuple(ratios), tuple(points), own))
    return sorted(found, key=lambda change: math.inf if change.together is None else change.together.mean)


def _log_ratio(row: "pd.Series[float]", baseline: "pd.Series[float]") -> LogRatio | None:
    shared = sorted(set(row.index) & set(baseline.index))
    if not shared:
        return None
    logs = np.log(row.loc[shared].to_numpy() / baseline.loc[shared].to_numpy())
    error = float(logs.std(ddof=1) / math.sqrt(len(logs))) if len(logs) > 1 else math.nan
    return LogRatio(float(logs.mean()), error)
