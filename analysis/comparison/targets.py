"""Targets as data: what a method was to reach, written down before, and what became of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, ValidationError, model_validator

from acgkd.agreement.worth import MEASURED_ON_POOL
from acgkd.errors import ConfigError
from analysis import formatting
from analysis.comparison.choosing import row_named, worth_in_words
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.trial_rows import MEASURES as COMPARED
from analysis.records.versioned import Part
from analysis.statistics.aggregates.families import SetMean, mean_over_sets
from analysis.statistics.intervals import Interval, t_interval
from analysis.statistics.paired import paired
from analysis.statistics.replicates import interval_of, share_of_rows
from analysis.statistics.summary import COSTS

Word = Literal["met", "missed", "not decided"]
MEASURES = ("share", *COMPARED)


class Target(Part):
    """One target of a file: a row, a measure, a bound, and against what."""

    row: str = Field(description="Label of a row, or a method: its row that is compared.")
    measure: str = Field(default="test_accuracy", description="A quality or a cost.")
    at_least: float | None = None
    at_most: float | None = None
    against: str | None = Field(default=None, description="The bound is then of the difference `row` minus this one.")
    over: Literal["each", "mean"] | int = Field(
        default="each", description="Every data set, their mean, or so many of them at least."
    )
    where: tuple[str, ...] = Field(default=(), description="Columns of the joint table; all if left out.")
    panel: str | None = Field(default=None, description="Title of one joint table; all if left out.")
    sweeps: tuple[str, ...] = Field(default=(), description="Only these sweeps, by name or pattern; all if left out.")
    seeds: int = Field(default=1, ge=1, description="Data sets with fewer shared seeds are left out.")
    judged_by: Literal["interval", "mean"] = Field(default="interval", description="An interval may decide nothing.")

    @model_validator(mode="after")
    def _one_bound(self) -> "Target":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a target has either `at_least` or `at_most`")
        if self.measure not in MEASURES:
            raise ValueError(f"`measure` is one of {', '.join(MEASURES)}, but got {self.measure}")
        if self.measure == "share" and self.against is not None:
            raise ValueError("a recovered share has no difference; leave out `against`")
        return self

    @property
    def words(self) -> str:
        """The target in words, with what judges it where that is not its interval."""
        return f"{self.law}, judged by the mean" if self.judged_by == "mean" else self.law

    @property
    def law(self) -> str:
        """The target in words, but for what judges it."""
        minus = f" minus `{self.against}`" if self.against else ""
        bound = f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"
        where = {"each": "on every data set", "mean": "on average"}.get(
            str(self.over), f"on at least {self.over} data sets"
        )
        only = f" of {', '.join(self.where)}" if self.where else ""
        few = f" with {self.seeds} seeds or more" if self.seeds > 1 else ""
        panel = f" ({self.panel})" if self.panel else ""
        return f"{self.measure.replace('_', ' ')} of `{self.row}`{minus} {bound} {where}{only}{few}{panel}"


@dataclass(frozen=True)
class Verdict:
    """What became of a target.

    Args:
        target: the target.
        word: met, missed or not decided.
        detail: figures, and why it is not decided.
        worth: of a target of agreement, what that is worth on each data set.
    """

    target: Target
    word: Word
    detail: str
    worth: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Figure:
    place: str
    spread: Interval
    weak: str = ""
    worth: str = ""

    def word(self, target: Target) -> Word:
        """What one figure says; a lead over a row with too few steps says nothing."""
        sign = 1 if target.at_least is not None else -1
        bound = target.at_least if target.at_least is not None else target.at_most
        near, far = (self.spread.low, self.spread.high) if sign > 0 else (self.spread.high, self.spread.low)
        if target.judged_by == "mean":
            near = far = self.spread.mean
        if bound is None or math.isnan(near) or math.isnan(far):
            return "not decided"
        met, missed = sign * (near - bound) >= 0, sign * (far - bound) < 0
        return "missed" if missed else "met" if met and not self.weak else "not decided"

    def words(self, target: Target) -> str:
        ends = formatting.interval(self.spread.low, self.spread.high)
        sign = "+" if target.against and self.spread.mean >= 0 else ""
        value = f"{sign}{formatting.share(self.spread.mean)}".replace("-", "−")
        if target.measure in COSTS:
            value, ends = formatting.count(self.spread.mean), formatting.DASH
        parts = [value, *([f"({ends})"] if ends != formatting.DASH else []), *([self.weak] if self.weak else [])]
        return f"{self.place} {' '.join(parts)}"


def read_targets(path: Path) -> tuple[Target, ...]:
    """The targets in a YAML file: a list under `targets`.

    Raises:
        ConfigError: the file is not there, is no YAML, or a target breaks a law; the message names it.
    """
    import yaml

    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"Targets are a YAML file, but {path} cannot be read: {' '.join(str(error).split())}."
        ) from None
    listed = tree.get("targets") if isinstance(tree, Mapping) and set(tree) == {"targets"} else None
    if not isinstance(listed, list) or not listed:
        raise ConfigError(f"A file of targets holds one key, `targets`, a list; {path} does not.")
    return targets_of(listed, str(path))


def targets_of(listed: Sequence[object], where: str = "targets") -> tuple[Target, ...]:
    """Targets from plain mappings.

    Raises:
        ConfigError: one breaks a law.
    """
    found = []
    for number, item in enumerate(listed, 1):
        try:
            found.append(Target.model_validate(item))
        except ValidationError as error:
            first = error.errors()[0]
            place = "/".join(str(part) for part in first["loc"][:1])
            said = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"{where}, target {number}{f', `{place}`' if place else ''}: {said}.") from None
    return tuple(found)


def judge(target: Target, comparison: Comparison) -> Verdict:
    """What became of a target.

    Raises:
        ConfigError: no joint table, column or row has the name that it says.
        SourceError: no sweep has.
    """
    if target.sweeps:
        comparison = comparison.part(*target.sweeps)
    _require_names(target, comparison)
    figures = [
        figure
        for panel in comparison.panels
        if target.panel in (None, panel.title)
        for column in panel.cells
        if not target.where or column in target.where
        if (figure := _figure(target, panel, column, len(comparison.panels) > 1 and target.panel is None)) is not None
    ]
    if not figures:
        return Verdict(target, "not decided", "no data set has both rows with enough seeds")
    worth = tuple(figure.worth for figure in figures if figure.worth)
    if target.over == "mean":
        weak = ", ".join(dict.fromkeys(figure.weak for figure in figures if figure.weak))
        known = [figure for figure in figures if not math.isnan(figure.spread.mean)]
        means = [_set_mean(figure.spread, target.measure) for figure in known]
        whole = _Figure("mean", mean_over_sets(means), weak)
        detail = f"{whole.words(target)} over {formatting.plural(len(known), 'data set')}"
        return Verdict(target, whole.word(target), detail, worth)
    words = [figure.word(target) for figure in figures]
    needed = target.over if isinstance(target.over, int) else len(words)
    met, left = words.count("met"), words.count("not decided")
    word: Word = "met" if met >= needed else "missed" if met + left < needed else "not decided"
    listed = "; ".join(f"{figure.words(target)}: {said}" for figure, said in zip(figures, words, strict=True))
    return Verdict(target, word, f"met on {met} of {len(words)}; {listed}", worth)


def _set_mean(spread: Interval, measure: str) -> SetMean:
    """A share's interval is no t interval: it says no variance, and a mean of shares has none."""
    return SetMean(spread.mean, math.nan, 0) if measure == "share" else SetMean.of(spread)


def _figure(target: Target, panel: Panel, column: str, several: bool) -> _Figure | None:
    place = f"{column}, {panel.title}" if several else column
    ours = row_named(panel.cells[column], target.row)
    if ours is None:
        return None
    worth = worth_in_words(panel.cells[column], ours, place) if target.measure in MEASURED_ON_POOL else ""
    if target.against is None:
        spread = _spread(ours.done, target.measure)
        return _Figure(place, spread, "", worth) if spread.n >= target.seeds and spread.n else None
    theirs = row_named(panel.cells[column], target.against)
    if theirs is None:
        return None
    found = paired(ours.runs, theirs.runs, target.measure, on=("seed",)).difference
    weak = "reduced" if theirs.reduced else "not published" if not theirs.published else ""
    return _Figure(place, found, weak, worth) if found.n >= target.seeds and found.n else None


def _spread(done: pd.DataFrame, measure: str) -> Interval:
    if measure == "share":
        share = share_of_rows(done)
        return Interval(share.value, math.nan, share.low, share.high, share.n, False)
    if measure in COSTS:
        return t_interval(done[measure].dropna().astype("float64").tolist())
    return interval_of(done, measure)


def _require_names(target: Target, comparison: Comparison) -> None:
    titles = [panel.title for panel in comparison.panels]
    if target.panel is not None and target.panel not in titles:
        raise ConfigError(f"`panel` of a target is one of {', '.join(titles)}, but got '{target.panel}'.")
    columns = list(dict.fromkeys(column for panel in comparison.panels for column in panel.cells))
    if strange := [name for name in target.where if name not in columns]:
        raise ConfigError(f"`where` of a target is some of {', '.join(columns)}, but got {', '.join(strange)}.")
    rows = [row for panel in comparison.panels for cell in panel.cells.values() for row in cell.rows]
    known = {name for row in rows for name in (row.label, row.contestant, row.method)}
    for name in (target.row, *([target.against] if target.against else [])):
        if name not in known:
            raise ConfigError(
                f"A target is of a row or a method, but there is no '{name}'. Known: {', '.join(sorted(known))}."
            )
