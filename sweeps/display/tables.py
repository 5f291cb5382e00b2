"""Trials as a table that people read: on a terminal of any width, as plain text, and as HTML in a notebook.

The frames are those of `analysis.reports.pareto_table`: trials best first, then the lines to read them against. Any
other frame is shown with the columns that it has, in its own order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

from sweeps.display.characters import showable
from sweeps.display.wording import DASH, number

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from sweeps.display.safe_console import SafeConsole

MOST = 20
GAP = 1  # terminal columns between two columns
LABEL = 16  # terminal columns that a long label gets at least

Row = Mapping[str, Any]
_BOLD = ' style="font-weight:bold"'


@dataclass(frozen=True)
class ShownColumn:
    """One column as it is shown.

    Args:
        title: heading.
        cells: one text a row.
        right: aligned to the right.
        rank: where there is no room for all columns, the highest rank is left out first; 0 always stays.
    """

    title: str
    cells: tuple[str, ...]
    right: bool = True
    rank: int = 0

    def shown_in(self, encoding: str) -> "ShownColumn":
        """The column in characters that a stream has."""
        cells = tuple(showable(cell, encoding) for cell in self.cells)
        return replace(self, title=showable(self.title, encoding), cells=cells)

    @property
    def heading(self) -> str:
        """The title on two lines, the lower one always filled."""
        upper, _, lower = self.title.rpartition(" ") if self.title.count(" ") < 2 else self.title.partition(" ")
        return f"{upper}\n{lower}" if upper else f"\n{lower}"

    @property
    def width(self) -> int:
        """Terminal columns that it takes."""
        from rich.cells import cell_len

        return max(cell_len(line) for text in (self.heading, *self.cells) for line in text.splitlines() or [""])


@dataclass(frozen=True)
class Excerpt:
    """What is shown of a frame.

    Args:
        title: stands above.
        columns: in their order.
        chosen: for each row, whether it is the chosen trial.
        shown: how many trials are shown.
        trials: how many there are.
    """

    title: str
    columns: tuple[ShownColumn, ...]
    chosen: tuple[bool, ...]
    shown: int
    trials: int

    @property
    def more(self) -> str:
        """How much is not shown, in a sentence; empty where all is."""
        return "" if self.shown == self.trials else f"Shown: the first {self.shown} of {self.trials:,} trials."


def excerpt(frame: "pd.DataFrame", most: int = MOST) -> Excerpt:
    """The first trials of a frame, and every row that is no trial: controls, teacher, majority class.

    Args:
        frame: one row a trial, best first; rows without a number in the column `trial` are no trials.
        most: how many trials are shown at most.
    """
    rows: list[Row] = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    trials = [row for row in rows if "trial" not in row or _known(row["trial"])]
    kept = [*trials[:most], *(row for row in rows if "trial" in row and not _known(row["trial"]))]
    searched = bool(frame.attrs.get("searched", True))
    ours = {"label", "replicates", "test_accuracy", "chosen"} <= set(map(str, frame.columns))
    columns = _columns(kept, str(frame.attrs.get("objective", "")), searched) if ours else _any(frame, kept)
    title = f"{'Trials, best first' if searched else 'Methods'} (± standard deviation over runs)" if ours else ""
    return Excerpt(
        title=title,
        columns=tuple(columns),
        chosen=tuple(searched and row.get("chosen") is True for row in kept),
        shown=min(most, len(trials)),
        trials=len(trials),
    )


def to_rich(found: Excerpt, console: "SafeConsole") -> tuple["Table", list[str]]:
    """A table that fits.

    Args:
        found: what to show.
        console: where; its width and its encoding decide.

    Returns:
        The table, and the titles of the columns for which there was no room.
    """
    from rich.markup import escape as plain
    from rich.table import Table

    columns = [column.shown_in(console.encoding) for column in found.columns]
    first, width, dropped = columns[0], console.width, list[ShownColumn]()
    label = min(first.width, max(LABEL, width // 3))
    while len(columns) > 1 and label + sum(column.width + GAP for column in columns[1:]) > width:
        spare = max(columns[1:], key=lambda column: column.rank)
        if spare.rank == 0:
            break
        columns.remove(spare)
        dropped.append(spare)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold", title_justify="left")
    table.title = found.title or None
    for column in columns:
        table.add_column(
            plain(column.heading),
            justify="right" if column.right else "left",
            max_width=label if column is first else None,
            no_wrap=column.rank > 0,
            overflow="fold",
        )
    for index, chosen in enumerate(found.chosen):
        table.add_row(*(plain(column.cells[index]) for column in columns), style="bold green" if chosen else None)
    return table, [column.title for column in dropped if column.title]


def to_html(frame: "pd.DataFrame", most: int = MOST) -> str:
    """A frame as HTML, for `_repr_html_`.

    Args:
        frame: see `excerpt`.
        most: how many trials are shown at most.
    """
    found = excerpt(frame, most)
    if not found.columns:
        return "<div>No trials yet.</div>"
    head = "".join(f"<th{_aligned(column)}>{escape(column.title)}</th>" for column in found.columns)
    body = []
    for index, chosen in enumerate(found.chosen):
        cells = "".join(f"<td{_aligned(column)}>{escape(column.cells[index])}</td>" for column in found.columns)
        body.append(f"<tr{_BOLD if chosen else ''}>{cells}</tr>")
    caption = f'<caption style="text-align:left">{escape(found.title)}</caption>' if found.title else ""
    more = f"<div>{escape(found.more)}</div>" if found.more else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{more}"


def _aligned(column: ShownColumn) -> str:
    side = "right" if column.right else "left"
    return f' style="text-align:{side}"'


def _columns(rows: list[Row], objective: str, searched: bool) -> list[ShownColumn]:
    """Those of `pareto_table`, less the measures that no row has: without a data set there is no test accuracy."""

    def numbers(name: str, title: str, rank: int) -> ShownColumn:
        return ShownColumn(title, tuple(_number(row.get(name)) for row in rows), rank=rank)

    columns = [
        ShownColumn("", tuple(str(row["label"]) for row in rows), right=False),
        ShownColumn("runs", tuple(str(row["replicates"]).replace(" of ", "/") for row in rows), False, 3),
        ShownColumn("test accuracy", tuple(map(_accuracy, rows))),
        *([numbers(objective, objective.replace("_", " "), 1)] if objective else []),
        numbers("share", "recovered share", 4),
        numbers("seconds", "seconds", 5),
        *([] if objective == "multiply_adds" else [numbers("multiply_adds", "multiply adds", 6)]),
        ShownColumn("", tuple(_mark(row, searched) for row in rows), False, 2),
    ]
    return [column for column in columns if not column.cells or set(column.cells) != {DASH}]


def _any(frame: "pd.DataFrame", rows: list[Row]) -> list[ShownColumn]:
    return [
        ShownColumn(
            str(name),
            tuple(_number(row[str(name)]) for row in rows),
            right=frame[name].dtype.kind in "iufc",
            rank=position,
        )
        for position, name in enumerate(frame.columns)
    ]


def _accuracy(row: Row) -> str:
    spread = f" ± {row['test_accuracy_sd']:.3f}" if _known(row.get("test_accuracy_sd")) else ""
    return f"{row['test_accuracy']:.3f}{spread}" if _known(row["test_accuracy"]) else DASH


def _mark(row: Row, searched: bool) -> str:
    """`chosen`, `front`, or how its replicates ended where that was not well; and whose student says one class."""
    collapsed = [f"{int(row['collapsed'])} collapsed"] if _known(row.get("collapsed")) and row["collapsed"] else []
    if searched and row["chosen"]:
        return ", ".join(["chosen", *collapsed])
    if searched and row.get("on_front"):
        return ", ".join(["front", *collapsed])
    outcomes = str(row["outcomes"]).split(", ") if _known(row.get("outcomes")) else []
    return ", ".join([*(part for part in outcomes if not part.endswith(" completed")), *collapsed])


def _number(value: object) -> str:
    return number(value) if _known(value) else DASH


def _known(value: Any) -> bool:
    import pandas as pd

    return not bool(pd.isna(value)) if pd.api.types.is_scalar(value) else value is not None
