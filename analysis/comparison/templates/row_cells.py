"""What a table of a template may show of a row: each column by the name that templates call it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from analysis import formatting
from analysis.comparison.choosing import note_of, steps_in_words
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.published import settings_apart
from analysis.comparison.trial_rows import TrialRow
from analysis.statistics.intervals import Interval, share_interval
from analysis.statistics.paired import Paired, decided_by, paired
from analysis.statistics.replicates import interval_of, share_of_rows

BLANK = ""


@dataclass(frozen=True, eq=False)
class Place:
    """A row where it stands: on a column of a joint table."""

    comparison: Comparison
    panel: Panel
    column: str
    row: TrialRow
    against: str | None = None

    @property
    def compared(self) -> bool:
        """Whether it has a difference: not a row of a rival that another one stands for, unless it was asked for."""
        cell = self.panel.cells[self.column]
        own = cell.baseline is not None and self.row.contestant == cell.baseline.contestant
        return self.against is not None or own or self.row.control or cell.shown.get(self.row.contestant) is self.row

    def gap(self, measure: str = "test_accuracy") -> Paired | None:
        """What the baseline, or the row it is compared with, has more than it."""
        cell = self.panel.cells[self.column]
        other = cell.baseline
        if self.against is not None:
            other = next((row for row in cell.rows if row.label == self.against), None)
        if other is None or other is self.row or not self.compared:
            return None
        return paired(other.runs, self.row.runs, measure, on=("seed",))


def signed(spread: Interval, digits: int = 3) -> str:
    """``+0.021 (−0.010 to 0.052)``."""
    ends = "" if math.isnan(spread.low) else f" ({spread.low:.{digits}f} to {spread.high:.{digits}f})"
    return f"{spread.mean:+.{digits}f}{ends}".replace("-", "−")


def plain(spread: Interval, digits: int = 3) -> str:
    """``0.611 (0.534 to 0.688)``."""
    ends = "" if math.isnan(spread.low) else f" ({spread.low:.{digits}f} to {spread.high:.{digits}f})"
    return f"{spread.mean:.{digits}f}{ends}".replace("-", "−")


def mean_of(row: TrialRow, column: str) -> float:
    """Mean of a column over completed seeds; NaN where none has it."""
    values = row.done[column].dropna().astype("float64")
    return float(values.mean()) if len(values) else math.nan


def _mean_sd(column: str) -> Callable[[Place], str]:
    def text(place: Place) -> str:
        found = interval_of(place.row.done, column)
        # The mean of equal values depends, in its last bit, on how many there are: half a digit must round one way.
        return formatting.mean_sd(round(found.mean, 12), found.sd) if found.n else formatting.DASH

    return text


def _gap(measure: str) -> Callable[[Place], str]:
    def text(place: Place) -> str:
        pair = place.gap(measure)
        return BLANK if pair is None or pair.difference.n == 0 else signed(pair.difference)

    return text


def _to_decide(place: Place) -> str:
    pair = place.gap()
    return BLANK if pair is None else decided_by(pair.to_decide, pair.difference.low, pair.difference.high)


def _share(place: Place) -> str:
    found = share_of_rows(place.row.done)
    if math.isnan(found.value):
        return formatting.DASH
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})".replace("-", "−")


def _number(value: float, digits: int = 1) -> str:
    return formatting.DASH if math.isnan(value) else f"{value:.{digits}f}"


def _synthesis(place: Place) -> str:
    joint = mean_of(place.row, "joint_s")
    return _number(mean_of(place.row, "synthesis_s")) if math.isnan(joint) else f"{_number(joint)} (joint)"


def _transfer(place: Place) -> str:
    joint = mean_of(place.row, "joint_s")
    return _number(mean_of(place.row, "transfer_s")) if math.isnan(joint) else BLANK


def _each(place: Place) -> str:
    values = place.row.seeds("validation_accuracy").sort_index()
    return ", ".join(f"{value:.3f}" for value in values)


def _over_samples(place: Place) -> str:
    """Wilson's interval of accuracy over test samples: by the mean over seeds, which all see the same samples."""
    done = place.row.done
    sizes = done["test_size"].dropna()
    if done.empty or sizes.empty:
        return formatting.DASH
    return over_samples(float(done["test_accuracy"].astype("float64").mean()), int(sizes.iloc[0]))


def over_samples(accuracy: float, size: int) -> str:
    """``0.149 (0.128 to 0.172)``: an accuracy on some samples, and its interval over such samples (Wilson, 95 %)."""
    low, high = share_interval(round(accuracy * size), size)
    return f"{accuracy:.3f} ({low:.3f} to {high:.3f})"


def _settings(place: Place) -> str:
    known = place.row.known
    apart = {} if known is None else settings_apart(place.row.first, known)
    return "; ".join(f"`{path}` {value}" for path, value in apart.items() if not path.endswith("/recipe"))


COLUMNS: Mapping[str, tuple[str, Callable[[Place], str]]] = {
    "data": ("data set", lambda place: place.column),
    "row": ("row", lambda place: place.row.label),
    "note": ("note", lambda place: note_of(place.panel.cells[place.column], place.row)),
    "seeds": ("seeds", lambda place: f"{len(place.row.done)} of {len(place.row.runs)}"),
    "steps": ("steps (of its default)", lambda place: steps_in_words(place.row)),
    "test_accuracy": ("test accuracy", _mean_sd("test_accuracy")),
    "validation_accuracy": ("validation accuracy", _mean_sd("validation_accuracy")),
    "validation_divergence": ("validation divergence", _mean_sd("validation_divergence")),
    "agreement": ("agreement", _mean_sd("test_agreement")),
    "each": ("each", _each),
    "score": (
        "validation accuracy, shared seeds",
        lambda place: formatting.share(place.panel.cells[place.column].scores.get(place.row.label, math.nan)),
    ),
    "ratio": ("ratio to teacher", _mean_sd("ratio")),
    "share": ("recovered share", _share),
    "difference": ("", _gap("test_accuracy")),
    "difference:validation_accuracy": ("", _gap("validation_accuracy")),
    "difference:validation_divergence": ("", _gap("validation_divergence")),
    "to_decide": ("seeds to decide", _to_decide),
    "seconds": ("seconds", lambda place: _number(mean_of(place.row, "seconds"), 0)),
    "synthesis": ("synthesis s", _synthesis),
    "transfer": ("transfer s", _transfer),
    "multiply_adds": ("multiply-adds", lambda place: formatting.count(mean_of(place.row, "multiply_adds"))),
    "memory": ("peak MiB", lambda place: _number(mean_of(place.row, "peak_host_bytes") / 2**20, 0)),
    "collapsed": ("collapsed", lambda place: str(int((place.row.students["predicted_classes"] == 1).sum()))),
    "teaching": ("teachings (deviation)", lambda place: place.row.teaching().words),
    "over_samples": ("test accuracy over samples", _over_samples),
    "settings": ("settings that are not the method's defaults", _settings),
}
"""Heading and text by the name that `show` of a table takes."""


def reference(rows: pd.DataFrame, column: str) -> Interval:
    """Accuracy of the teacher or of the majority class over seeds, however many rows used them."""
    known = rows[rows[column].notna()].drop_duplicates("seed")
    return interval_of(known, column)
