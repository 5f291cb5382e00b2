"""Tables of what each row is and had: whose settings, steps, seconds; and what was tuned against what was not."""

import math
from collections.abc import Callable

import pandas as pd

from analysis import formatting
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.pictures import stem, titled
from analysis.comparison.trial_rows import TrialRow, measure_in_words
from analysis.page.render import Column, Row, Table
from analysis.statistics.paired import TO_DECIDE, decided_by, paired

GAP = ("difference", "difference_low", "difference_high")


def budget_table(comparison: Comparison) -> Table:
    """What each row had: steps, seconds, multiply-adds, settings tried."""
    names = [
        "panel",
        "column",
        "row",
        "note",
        "provenance",
        "steps",
        "seconds",
        "multiply_adds",
        "settings_tried",
        "source",
    ]
    data = comparison.rows[names].copy()
    ours = comparison.rows[comparison.rows["role"] == "baseline"].set_index(["panel", "column"])
    for name in ("seconds", "multiply_adds"):
        own = [ours[name].get((row["panel"], row["column"]), math.nan) for row in data.to_dict("records")]
        data[f"{name}_to_baseline"] = data[name] / pd.Series(own, index=data.index, dtype="float64")
    shown = [Column("pair", _word("panel"), numeric=False)] if len(comparison.panels) > 1 else []
    columns = (
        *shown,
        Column("data set", _word("column"), numeric=False),
        Column("row", _word("row"), numeric=False),
        Column("note", _word("note"), numeric=False),
        Column("settings", _word("provenance"), numeric=False),
        Column("steps (of what its method declares)", lambda row: row["steps"] or formatting.DASH, numeric=False),
        Column("seconds", lambda row: _times(row, "seconds", formatting.seconds(row["seconds"]))),
        Column("multiply-adds", lambda row: _times(row, "multiply_adds", formatting.count(row["multiply_adds"]))),
        Column("settings tried", lambda row: str(row["settings_tried"])),
    )
    note = (
        "Settings: those that its method declares and that it is nearest to. Steps: `160 of 1,500` has fewer than "
        "these, and is reduced; so has `graphs 60 of 160`. In brackets: times the "
        "baseline's on the same data set. Seconds compare only between rows of one machine; multiply-adds compare "
        "anywhere."
    )
    return Table(
        "budgets", "Steps, seconds, multiply-adds and settings", data, columns, note, most=300, folded=len(data) > 60
    )


def provenance_table(comparison: Comparison) -> Table | None:
    """Whose settings each method declares; None where no method that was run says so."""
    rows = [row for panel in comparison.panels for cell in panel.cells.values() for row in cell.rows]
    known = {row.method: row.known for row in rows if row.known is not None and not row.control}
    lines = [
        {
            "method": name,
            "variant": variant.name,
            "origin": variant.origin,
            "published": "yes" if not variant.less_of and method.published(variant) else "no",
            "source": variant.source,
        }
        for name, method in known.items()
        for variant in method.variants
    ]
    if not lines:
        return None
    columns = tuple(Column(name, _word(name), numeric=False) for name in lines[0])
    note = "As declared with each method (`acgkd.method.Variant`). A row that is ours decides nothing where it is led."
    return Table("provenance", "Whose settings", pd.DataFrame(lines), columns, note, most=100, folded=True)


def tuned_table(comparison: Comparison) -> Table | None:
    """Rows with settings that a search chose against those of the same method without; None where there is none."""
    lines = [
        _tuned_line(panel.title, column, row, other, comparison.measure)
        for panel in comparison.panels
        for column, cell in panel.cells.items()
        for row in cell.rows
        if row.tuned_in
        for other in cell.rows
        if other.method == row.method and not other.searched
    ]
    if not lines:
        return None
    shown = [Column("pair", _word("panel"), numeric=False)] if len(comparison.panels) > 1 else []
    columns = (
        *shown,
        Column("data set", _word("column"), numeric=False),
        Column("tuned", _word("tuned"), numeric=False),
        Column("against", _word("against"), numeric=False),
        Column("tuned minus the other", lambda row: formatting.gap(row["difference"], row["low"], row["high"])),
        Column("better / equal / worse", lambda row: f"{row['wins']} / {row['ties']} / {row['losses']}"),
        Column("seeds", lambda row: str(row["pairs"])),
        Column("chosen by", _word("chosen_by"), numeric=False),
    )
    note = (
        f"In {measure_in_words(comparison.measure)}, paired by seed, 95 % interval, not corrected for their number. "
        "The seeds are none of the search's."
    )
    return Table("tuned", "Tuned, against the same method untuned", pd.DataFrame(lines), columns, note, most=200)


def _tuned_line(panel: str, column: str, row: TrialRow, other: TrialRow, measure: str) -> dict[str, object]:
    found = paired(row.runs, other.runs, measure, on=("seed",))
    gap = found.difference
    return {
        "panel": panel, "column": column, "tuned": row.label, "against": other.label, "difference": gap.mean,
        "low": gap.low, "high": gap.high, "pairs": gap.n, "wins": found.wins, "ties": found.ties,
        "losses": found.losses, "chosen_by": row.tuned_in,
    }  # fmt: skip


def undecided_table(comparison: Comparison, panel: Panel) -> Table | None:
    """The differences whose interval has 0 inside, and with how many seeds it would not; None where there is none."""
    rows = comparison.rows[comparison.rows["panel"] == panel.title]
    names = ["column", "row", "pairs", *GAP, "to_decide"]
    data = rows.loc[(rows["difference_low"] <= 0) & (rows["difference_high"] >= 0), names].reset_index(drop=True)
    if data.empty:
        return None
    columns = (
        Column("data set" if comparison.by in ("dataset", "method") else comparison.by, _word("column"), numeric=False),
        Column("row", _word("row"), numeric=False),
        Column(f"{comparison.baseline} minus it", lambda row: formatting.gap(*(row[name] for name in GAP))),
        Column("seeds", lambda row: str(row["pairs"])),
        Column("seeds to decide", _to_decide),
    )
    title = titled("Not decided", comparison, panel)
    return Table(stem("undecided", comparison, panel), title, data, columns, TO_DECIDE, most=200, folded=len(data) > 12)


def _to_decide(row: Row) -> str:
    return decided_by(*(formatting.number(row[name]) for name in ("to_decide", *GAP[1:])))


def _word(name: str) -> Callable[[Row], str]:
    return lambda row: formatting.words(row[name])


def _times(row: Row, name: str, value: str) -> str:
    ratio = row[f"{name}_to_baseline"]
    return value if not formatting.known(ratio) or row["note"].startswith("baseline") else f"{value} (×{ratio:.2g})"
