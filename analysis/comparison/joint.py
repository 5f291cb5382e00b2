"""The comparison: all methods on all data sets, one table, with differences to the baseline."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from acgkd.errors import SourceError
from analysis.comparison.choosing import Cell, absent_in_words, equal_in_words, note_of, role_of, steps_in_words
from analysis.comparison.published import Published
from analysis.comparison.trial_rows import TrialRow
from analysis.formatting import plural
from analysis.records.frame import Frame
from analysis.statistics.aggregates.families import holm
from analysis.statistics.paired import Paired, paired
from analysis.statistics.replicates import interval_of, share_of_rows

if TYPE_CHECKING:
    from analysis.comparison.targets import Target, Verdict


@dataclass(frozen=True, eq=False)
class Panel:
    """One joint table.

    Args:
        title: what all of it shares: a pair, or a data set.
        cells: by name of the column: a data set, or a pair.
        measure: what is compared.
    """

    title: str
    cells: Mapping[str, Cell]
    measure: str = "test_accuracy"

    @cached_property
    def contestants(self) -> tuple[str, ...]:
        """Who was run on any column: the baseline, then rivals, then controls, as given."""
        shown = [(row, name) for cell in self.cells.values() for name, row in cell.shown.items()]
        ours = {cell.baseline.contestant for cell in self.cells.values() if cell.baseline is not None}
        order = sorted(shown, key=lambda item: (item[1] not in ours, item[0].control))
        return tuple(dict.fromkeys(name for _, name in order))

    def row(self, contestant: str, column: str) -> TrialRow | None:
        """Who stands for a contestant on a column."""
        return self.cells[column].shown.get(contestant)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Methods over data sets.

    Args:
        frame: the records.
        baseline: who the others are compared with.
        by: what the columns of the joint table are.
        panels: one joint table each.
        published: the methods' defaults, as far as they are known.
        targets: what was to be shown.
        measure: what is compared: test accuracy, another quality, or a cost.
        equal: the cost of which no rival's row may have more than the baseline; None where every row may stand.
        studies: sweeps of the frame that are left out of the tables: their rows are perturbed settings.
        places: what each sweep was read from, in short.
    """

    frame: Frame = field(repr=False)
    baseline: str
    by: str
    panels: tuple[Panel, ...]
    published: Published = field(repr=False)
    targets: "tuple[Target, ...]" = ()
    measure: str = "test_accuracy"
    equal: str | None = None
    studies: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, repr=False)
    _pairs: dict[tuple[str, str, str, str], Paired | None] = field(default_factory=dict, repr=False)
    _parts: "dict[tuple[str, ...], Comparison]" = field(default_factory=dict, repr=False)

    def difference(self, panel: Panel, column: str, contestant: str, measure: str = "") -> Paired | None:
        """The baseline's figure minus a contestant's on one column, over the seeds that both completed."""
        measure = measure or self.measure
        key = (panel.title, column, contestant, measure)
        if key not in self._pairs:
            ours, theirs = panel.cells[column].baseline, panel.row(contestant, column)
            found = None
            if ours is not None and theirs is not None and ours is not theirs:
                found = paired(ours.runs, theirs.runs, measure, on=("seed",))
            self._pairs[key] = found
        return self._pairs[key]

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One line for each row of each data set and pair, those that nobody is represented by included.

        Columns: ``panel``, ``column``, ``contestant``, ``row``, ``method``, ``role`` (``baseline``, ``best``,
        ``control`` or ``other``), ``note``, ``reduced`` and ``published`` (not asked of the baseline); ``value`` of the
        measure with ``_sd``; completed ``seeds`` and those ``planned``, ``test_accuracy`` with ``_sd``, ``_low`` and
        ``_high``, ``ratio`` and ``ratio_sd``, ``share``, ``validation_accuracy``; the baseline's ``difference`` to the
        row with ``_low``, ``_high``, ``p_value``, ``p_holm``, ``pairs``, ``wins``, ``ties``, ``losses`` and the seeds
        ``to_decide`` it; ``steps``, ``seconds``, ``multiply_adds``, ``settings_tried``, ``provenance`` (whose
        settings), ``collapsed`` (students),
        ``outcomes``, ``source``, ``students``; ``teachings``, ``teaching_sd``, ``teaching_se``, ``between_sd``.
        """
        lines = [
            self._line(panel, column, row)
            for panel in self.panels
            for column, cell in panel.cells.items()
            for row in (*cell.shown.values(), *(row for row in cell.rows if row not in cell.shown.values()))
        ]
        table = pd.DataFrame(lines)
        table.insert(list(table.columns).index("p_value") + 1, "p_holm", holm(table["p_value"].tolist()))
        return table

    @cached_property
    def verdicts(self) -> "tuple[Verdict, ...]":
        """What became of each target."""
        from analysis.comparison.targets import judge

        return tuple(judge(target, self) for target in self.targets)

    @property
    def judged(self) -> str:
        """``1 of 3 targets met, 0 missed, 2 not decided``."""
        words = [verdict.word for verdict in self.verdicts]
        met, *others = (words.count(word) for word in ("met", "missed", "not decided"))
        return "{} of {} met, {} missed, {} not decided".format(met, plural(len(words), "target"), *others)

    @property
    def held_equal(self) -> str:
        """What is held equal, and who has no row by it, as a sentence; '' where nothing is."""
        return equal_in_words(self.equal, [cell for panel in self.panels for cell in panel.cells.values()])

    @property
    def absent(self) -> str:
        """Where the baseline is not, and so nothing is compared, as a sentence; '' where it is everywhere."""
        cells = {
            f"{column} ({panel.title})" if panel.title and len(self.panels) > 1 else column: cell
            for panel in self.panels
            for column, cell in panel.cells.items()
        }
        return absent_in_words(self.baseline, cells, self.equal)

    def overall(self) -> dict[str, pd.DataFrame]:
        """What each method comes to over all data sets, and the baseline against it: a table for each joint table."""
        from analysis.comparison import overall as over_sets

        return {panel.title: over_sets.overall(self, panel) for panel in self.panels}

    def write(self, out: Path | str) -> Path:
        """Writes the page, its tables and figures, and the records below `out`: a new folder, or a comparison's.

        Returns:
            The path of `report.html`.

        Raises:
            FolderError: the folder holds something else.
        """
        from analysis.comparison.comparison_page import TITLE, report
        from analysis.page import render

        render.require_own(Path(out), TITLE)
        return render.write(report(self), Path(out), self.frame.rows)

    def part(self, *sweeps: str, baseline: str | None = None) -> "Comparison":
        """The comparison of some of the sweeps alone, without targets.

        Args:
            sweeps: their names, or patterns such as ``*-mutag``.
            baseline: row or method that the others are compared with; this comparison's if left out and it is there.

        Raises:
            SourceError: no sweep has such a name, or nobody the baseline's.
        """
        names = [name for name in self.frame.sources if any(fnmatchcase(name, pattern) for pattern in sweeps)]
        if not names:
            raise SourceError(
                f"A part of a comparison is some of its sweeps, but none is called {' or '.join(sweeps)}. "
                f"It has {', '.join(self.frame.sources)}."
            )
        key = (*names, "", baseline or "")
        if key not in self._parts:
            frame = self.frame.of(*names)
            known = set(frame.rows["method"]) | set(frame.rows["label"])
            ours = self.baseline if baseline is None and self.baseline in known else baseline
            from analysis.comparison.comparing import compared

            self._parts[key] = compared(
                frame, baseline=ours, by=self.by, published=self.published, measure=self.measure, equal=self.equal,
                places=self.places,
            )  # fmt: skip
        return self._parts[key]

    def fill(self, template: Path | str, out: Path | str) -> Path:
        """Writes the page that a template makes of the comparison, and the figures that it shows, below `out`.

        Returns:
            The path of the page, which has the template's name (without ``.j2``).

        Raises:
            ConfigError: the template cannot be read, or asks for what is not there.
        """
        from analysis.comparison.templates.filling import fill

        return fill(self, Path(template), Path(out))

    def lines(self, width: int = 80) -> list[str]:
        """The comparison for a terminal."""
        from analysis.comparison.terminal_lines import terminal_lines

        return terminal_lines(self, width)

    def _line(self, panel: Panel, column: str, row: TrialRow) -> dict[str, object]:
        cell = panel.cells[column]
        done, stands = row.done, cell.shown.get(row.contestant) is row
        pair = self.difference(panel, column, row.contestant) if stands else None
        accuracy, ratio = interval_of(done, "test_accuracy"), interval_of(done, "ratio")
        value = interval_of(done, self.measure)
        share = share_of_rows(done)
        gap, teaching = None if pair is None else pair.difference, row.teaching(self.measure)
        return {
            "panel": panel.title, "column": column, "contestant": row.contestant, "row": row.label,
            "method": row.method, "role": role_of(cell, row), "note": note_of(cell, row),
            "reduced": row.reduced, "published": row.published or row is cell.baseline,
            "value": value.mean, "value_sd": value.sd, "seeds": accuracy.n, "planned": len(row.runs),
            "test_accuracy": accuracy.mean, "test_accuracy_sd": accuracy.sd,
            "test_accuracy_low": accuracy.low, "test_accuracy_high": accuracy.high,
            "ratio": ratio.mean, "ratio_sd": ratio.sd,
            "share": share.value, "share_low": share.low, "share_high": share.high,
            "validation_accuracy": cell.scores.get(row.label, math.nan),
            "difference": math.nan if gap is None else gap.mean,
            "difference_low": math.nan if gap is None else gap.low,
            "difference_high": math.nan if gap is None else gap.high,
            "p_value": math.nan if pair is None else pair.p_value,
            "pairs": 0 if gap is None else gap.n,
            "wins": 0 if pair is None else pair.wins, "ties": 0 if pair is None else pair.ties,
            "losses": 0 if pair is None else pair.losses,
            "to_decide": math.nan if pair is None else pair.to_decide,
            "provenance": row.provenance, "steps": steps_in_words(row),
            "seconds": _mean(done, "seconds"), "multiply_adds": _mean(done, "multiply_adds"),
            "settings_tried": row.settings_tried, "collapsed": int((row.students["predicted_classes"] == 1).sum()),
            "outcomes": row.outcomes, "source": row.source, "students": len(row.students), **teaching.columns(),
        }  # fmt: skip


def _mean(rows: pd.DataFrame, column: str) -> float:
    values = rows[column].dropna().astype("float64")
    return float(values.mean()) if len(values) else math.nan
