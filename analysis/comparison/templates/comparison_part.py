"""What templates call: a comparison, or a part of one, with its numbers, tables and figures as Markdown."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from acgkd.errors import ConfigError
from analysis.comparison.choosing import role_of, row_named
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.targets import Verdict
from analysis.comparison.templates.markdown_words import table
from analysis.comparison.templates.row_cells import BLANK, COLUMNS, Place, reference
from analysis.comparison.trial_rows import TrialRow
from analysis.figures.canvas import Picture
from analysis.formatting import mean_sd
from analysis.records.frame import Frame
from analysis.statistics.intervals import Interval
from analysis.statistics.replicates import interval_of

REFERENCES = (("majority class", "majority_accuracy"), ("teacher", "teacher_test_accuracy"))


@dataclass(frozen=True, eq=False)
class Part:
    """A comparison as templates see it.

    Args:
        comparison: of all of the records, or of some of their sweeps.
        shelf: takes a picture, and says the line of Markdown that shows it.
    """

    comparison: Comparison
    shelf: Callable[[Picture], str]

    @property
    def frame(self) -> Frame:
        """The records."""
        return self.comparison.frame

    @property
    def baseline(self) -> str:
        """Who the others are compared with."""
        return self.comparison.baseline

    @property
    def panels(self) -> list[str]:
        """Titles of the joint tables."""
        return [panel.title for panel in self.comparison.panels]

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """What became of each target: ``word``, ``detail``, ``target.law``."""
        return self.comparison.verdicts

    def columns(self, panel: str | None = None) -> list[str]:
        """Data sets, or what else the columns of a joint table are; of all of them where none is named."""
        found = self.comparison.panels if panel is None else [self._panel(panel)]
        return list(dict.fromkeys(column for each in found for column in each.cells))

    def panels_with(self, column: str) -> list[str]:
        """Titles of the joint tables that have a column."""
        return [panel.title for panel in self.comparison.panels if column in panel.cells]

    def labels(self, panel: str | None = None) -> list[str]:
        """Labels of all rows, in the order in which they were run."""
        found = self.comparison.panels if panel is None else [self._panel(panel)]
        return list(dict.fromkeys(row.label for each in found for cell in each.cells.values() for row in cell.rows))

    def has(self, row: str, column: str | None = None, panel: str | None = None) -> bool:
        """Whether a row was run on a column, and completed a seed."""
        found = self._find(row, column, panel)
        return found is not None and bool(len(found.row.done))

    def best(self, panel: str | None = None) -> list[object]:
        """The rows that stand for rivals, by column: lines of `analysis.Comparison.rows` with their names."""
        rows = self.comparison.rows
        rows = rows[rows["role"] == "best"]
        return list((rows if panel is None else rows[rows["panel"] == panel]).itertuples(index=False))

    def of(
        self, row: str, column: str | None = None, panel: str | None = None, measure: str = "test_accuracy"
    ) -> Interval:
        """Mean, deviation (`sd`), ends (`low`, `high`) and number of seeds (`n`) of a row."""
        return interval_of(self._row(row, column, panel).row.done, measure)

    def text(self, row: str, column: str | None = None, panel: str | None = None, show: str = "test_accuracy") -> str:
        """What a table says of a row in one of its columns; a dash where it was not run."""
        found = self._find(row, column, panel)
        return "–" if found is None else COLUMNS[show][1](found)

    def gap(self, one: str, other: str, column: str | None = None, panel: str | None = None,
            measure: str = "test_accuracy") -> Interval:  # fmt: skip
        """What one row has more than another, over the seeds that both completed."""
        place = self._row(other, column, panel)
        first = self._row(one, place.column, place.panel.title).row.label
        found = Place(place.comparison, place.panel, place.column, place.row, first).gap(measure)
        return Interval(math.nan, math.nan, math.nan, math.nan, 0, False) if found is None else found.difference

    def reference(self, name: str, column: str | None = None, panel: str | None = None) -> Interval:
        """Accuracy of the ``teacher`` or of the ``majority class``."""
        cell = self._place(column, panel)
        return reference(_runs(cell[0].cells[cell[1]].rows), dict(REFERENCES)[name])

    def table(
        self,
        column: str | None = None,
        panel: str | None = None,
        *,
        show: str,
        rows: Iterable[str] | None = None,
        roles: str = "",
        against: str | None = None,
        references: bool = False,
    ) -> str:
        """A table of rows.

        Args:
            column: of the joint table, a data set; all of them if left out.
            panel: title of the joint table; the first that has the column if left out.
            show: names of columns, blanks between: ``row seeds test_accuracy difference``.
            rows: labels, in order; all rows that were run if left out.
            roles: only rows in these roles, blanks between: ``baseline``, ``best``, ``control``, ``other``.
            against: the row that all others are compared with; the baseline, by the rule, if left out.
            references: whether majority class and teacher stand on top.
        """
        names = show.split()
        self._require(names, COLUMNS, "`show`")
        wanted = None if rows is None else list(rows)
        heads = [COLUMNS[name][0] or self._gap_title(name, against) for name in names]
        lines = []
        for place in self._places(column, panel, against):
            if place is None or (wanted is not None and place.row.label not in wanted):
                continue
            if roles and self._role(place) not in roles.split():
                continue
            lines.append((place.row.label, [COLUMNS[name][1](place) for name in names]))
        if wanted is not None:
            lines.sort(key=lambda line: wanted.index(line[0]))
        top = self._references(names, column, panel) if references else []
        return table(heads, [*top, *(cells for _, cells in lines)])

    def joint(self, show: str = "test_accuracy", panel: str | None = None, rows: Iterable[str] | None = None) -> str:
        """A joint table: a line for each row, a column for each data set.

        Args:
            show: what the cells say, a name that `table` knows.
            panel: title of the joint table; the first if left out.
            rows: labels; all that were run if left out.
        """
        self._require([show], COLUMNS, "`show`")
        found = self.comparison.panels[0] if panel is None else self._panel(panel)
        labels = list(rows) if rows is not None else self.labels(found.title)
        lines = []
        for label in labels:
            places = (self._find(label, column, found.title) for column in found.cells)
            lines.append([label, *(BLANK if place is None else COLUMNS[show][1](place) for place in places)])
        return table(["row", *found.cells], lines)

    def targets(self) -> str:
        """What was to be shown: met, missed or not decided, with the figures."""
        return "\n".join(
            "; ".join([f"* {v.target.words}: **{v.word}**", v.detail, *v.worth]) for v in self.comparison.verdicts
        )

    def figure(self, name: str) -> str:
        """A figure of the comparison's page by its name: ``differences``, ``profiles``, ``ranks`` ..."""
        from analysis.comparison.comparison_page import report

        pictures = {picture.name: picture for picture in report(self.comparison).pictures()}
        self._require([name], pictures, "a figure")
        return self.shelf(pictures[name])

    def part(self, *sweeps: str, baseline: str | None = None) -> "Part":
        """The part that some sweeps make up: names, or patterns such as ``*-mutag``."""
        return Part(self.comparison.part(*sweeps, baseline=baseline), self.shelf)

    def _role(self, place: Place) -> str:
        return role_of(place.panel.cells[place.column], place.row)

    def _gap_title(self, name: str, against: str | None) -> str:
        measure = name.partition(":")[2].replace("_", " ")
        return f"`{against or self.baseline}` minus it" + (f", {measure}" if measure else "")

    def _places(self, column: str | None, panel: str | None, against: str | None) -> list[Place]:
        if column is not None:
            title = panel or self._place(column, panel)[0].title
            found = [(self._panel(title), column)]
        else:
            panels = self.comparison.panels if panel is None else [self._panel(panel)]
            found = [(each, name) for each in panels for name in each.cells]
        return [
            Place(self.comparison, each, name, row, against) for each, name in found for row in each.cells[name].rows
        ]

    def _references(self, names: Sequence[str], column: str | None, panel: str | None) -> list[list[str]]:
        lines = []
        for name, _ in REFERENCES:
            spot = self.reference(name, column, panel)
            if spot.n:
                cells = {"row": name, "seeds": str(spot.n), "test_accuracy": mean_sd(round(spot.mean, 12), spot.sd)}
                lines.append([cells.get(each, BLANK) for each in names])
        return lines

    def _row(self, row: str, column: str | None, panel: str | None) -> Place:
        found = self._find(row, column, panel)
        if found is None:
            known = ", ".join(self.labels()[:24])
            where = f" on {column}" if column else ""
            raise ConfigError(
                f"A template asks for rows that were run, but there is no '{row}'{where}. Known: {known}."
            )
        return found

    def _find(self, row: str, column: str | None, panel: str | None) -> Place | None:
        for each in self.comparison.panels if panel is None else [self._panel(panel)]:
            for name, cell in each.cells.items():
                if column is not None and name != column:
                    continue
                if (found := row_named(cell, row, as_label=True)) is not None:
                    return Place(self.comparison, each, name, found)
        return None

    def _place(self, column: str | None, panel: str | None) -> tuple[Panel, str]:
        for each in self.comparison.panels if panel is None else [self._panel(panel)]:
            for name in each.cells:
                if column in (None, name):
                    return each, name
        raise ConfigError(f"A column of the joint table is one of {', '.join(self.columns())}, but got '{column}'.")

    def _panel(self, title: str) -> Panel:
        found = next((panel for panel in self.comparison.panels if panel.title == title), None)
        if found is None:
            raise ConfigError(f"A joint table is one of {', '.join(self.panels)}, but got '{title}'.")
        return found

    @staticmethod
    def _require(names: Iterable[str], known: Iterable[str], what: str) -> None:
        if strange := [name for name in names if name not in known]:
            raise ConfigError(f"{what} of a template is some of {', '.join(known)}, but got {', '.join(strange)}.")


def _runs(rows: Iterable[TrialRow]) -> pd.DataFrame:
    return pd.concat([row.runs for row in rows], ignore_index=True)
