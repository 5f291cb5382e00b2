"""A report as a value: facts, warnings, and sections of tables, figures, notes and code."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.canvas import Picture

Row = Mapping[str, Any]
"""A row of a table as its columns see it."""


@dataclass(frozen=True)
class Column:
    """One column of a table as it is shown.

    Args:
        title: heading.
        text: the cell's text, from the row as a mapping.
        numeric: aligned to the right, with figures of one width.
    """

    title: str
    text: Callable[[Row], str]
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A table: all its data for the files, and the columns and rows that a reader sees.

    Args:
        name: file stem.
        title: heading.
        data: every row and column, as numbers; goes to CSV and Parquet.
        columns: what is shown.
        note: how to read it.
        marked: the rows to stand out, by position.
        most: rows shown at most; a note says how many more the files hold.
        paged: whether a page with its script holds the other rows too, and shows them page by page.
        folded: whether the HTML report shows it only when asked.
    """

    name: str
    title: str
    data: pd.DataFrame
    columns: tuple[Column, ...]
    note: str = ""
    marked: frozenset[int] = frozenset()
    most: int = 25
    folded: bool = False
    paged: bool = False

    def cells(self) -> list[list[str]]:
        """The shown rows as text."""
        return self._cells(self.data.head(self.most))

    def trials(self) -> list[str]:
        """The number of the trial that each shown row is of; empty for rows that are of none."""
        return self._trials(self.data.head(self.most))

    def rest(self) -> tuple[list[list[str]], list[str]]:
        """Of a paged table the rows past the shown ones, as text, and their trials; of others none."""
        left = self.data.iloc[self.most :] if self.paged else self.data[:0]
        return self._cells(left), self._trials(left)

    def more(self) -> str:
        """How many rows are not shown, and where they are; empty where all are shown."""
        left = len(self.data) - self.most
        return f"{left:,} more {'rows are' if left > 1 else 'row is'} in `tables/{self.name}.csv`." if left > 0 else ""

    def remark(self) -> str:
        """The note, with the number of rows that are not shown."""
        return " ".join(part for part in (self.note, self.more()) if part)

    def _cells(self, data: pd.DataFrame) -> list[list[str]]:
        # What `to_dict("records")` gives, in a third of its time.
        names = [str(name) for name in data.columns]
        values = zip(*(_plain(data[name]) for name in data.columns), strict=True)
        rows = (dict(zip(names, row, strict=True)) for row in values)
        return [[column.text(row) for column in self.columns] for row in rows]

    def _trials(self, data: pd.DataFrame) -> list[str]:
        if "trial" not in data.columns:
            return [""] * len(data)
        return ["" if pd.isna(number) else str(int(number)) for number in data["trial"]]


def _plain(cells: pd.Series) -> list[Any]:
    """The values of a column as Python has them."""
    values = cells.tolist()
    return (
        [each.item() if isinstance(each, np.generic) else each for each in values] if cells.dtype == object else values
    )


@dataclass(frozen=True)
class Note:
    """A paragraph; a warning stands out. Text between backticks is set as code."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Code:
    """Text that stands as it is: a command, a spec."""

    text: str
    title: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Alternatives:
    """The same seen in several ways, of which a page with its script shows one at a time; all others show all.

    Args:
        title: what is chosen: ``x axis``.
        items: label and blocks of each way, the usual one first.
    """

    title: str
    items: "tuple[tuple[str, tuple[Block, ...]], ...]"


Block = Table | Picture | Note | Code | Alternatives


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it.

    Args:
        title: the heading.
        blocks: what stands below.
        scope: name of the sweep whose trials it is about, where a page holds several sweeps.
    """

    title: str
    blocks: tuple[Block, ...]
    scope: str = ""


@dataclass(frozen=True)
class Fact:
    """One headline figure: what, how much, and what to know of it."""

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class TrialValues:
    """What the page's script says of a trial under the pointer, and what it filters by.

    Args:
        fields: names of the values: the first is the trial's label, the second its state.
        rows: the values of each trial, as text; an empty one is not shown.
        scope: of the sections that these trials are in.
    """

    fields: tuple[str, ...]
    rows: Mapping[int, tuple[str, ...]]
    scope: str = ""


@dataclass(frozen=True)
class Report:
    """All that a report says; `command` made it."""

    title: str
    subtitle: str
    facts: tuple[Fact, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    command: str = "acgkd report"
    trials: tuple[TrialValues, ...] = ()

    def blocks(self) -> list[Block]:
        """Everything below the headings, in order; of alternatives, all."""
        return [block for section in self.sections for outer in section.blocks for block in _flat(outer)]

    def tables(self) -> list[Table]:
        """The tables, in order."""
        return [block for block in self.blocks() if isinstance(block, Table)]

    def pictures(self) -> list[Picture]:
        """The pictures, in order."""
        return [block for block in self.blocks() if isinstance(block, Picture)]


def _flat(block: Block) -> Iterator[Block]:
    if isinstance(block, Alternatives):
        for _, blocks in block.items:
            for inner in blocks:
                yield from _flat(inner)
    else:
        yield block
