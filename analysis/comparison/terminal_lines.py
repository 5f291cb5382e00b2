"""The comparison on a terminal, readable at 80 columns."""

from collections.abc import Mapping

from analysis import formatting
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.tables.pair_tables import LEGEND, failures_in_words, pair_lines, pair_matrices
from analysis.comparison.tables.row_tables import tuned_table
from analysis.comparison.trial_rows import measure_in_words
from analysis.statistics.aggregates.teachings import TeachingSpread

LEAST = 60


def terminal_lines(comparison: Comparison, width: int = 80) -> list[str]:
    """The targets, what is held equal, where the baseline is not; every data set with its rows; teachers by students.

    Args:
        comparison: what to show.
        width: of the terminal; at least 60 are used, and some 70 where data sets have long names.
    """
    lines = head_lines(comparison, width)
    every = [column for panel in comparison.panels for column in panel.cells]
    columns = formatting.shortened(every, min(13, max(map(len, every), default=0)))
    for panel in comparison.panels:
        lines += [*_panel(comparison, panel, columns, max(width, LEAST)), ""]
    lines += _tuned(comparison, width)
    for row in comparison.rows[comparison.rows["teachings"] > 1].to_dict("records"):
        said = TeachingSpread.read(row).words
        lines += _wrapped(f"Teachings of {row['row']} on {row['column']}, {said}", width)
    lines += _wrapped(
        "r: reduced, less than its method as declared. n: not as published. c: collapsed, a student "
        "that says one class in at least one replicate. *: p below 0.05 after Holm's correction. "
        "Differences are paired by seed, with 95 % intervals.",
        width,
    )
    return [*lines, *_pairs(comparison, width)]


def _pairs(comparison: Comparison, width: int) -> list[str]:
    """Teachers by students of each data set that has several of both, and what failed."""
    lines: list[str] = []
    for matrix in pair_matrices(comparison):
        lines += ["", *pair_lines(matrix, max(width, LEAST)), ""]
        for name in matrix.cells:
            lines += _wrapped(failures_in_words(matrix, name).replace("`", ""), width)
    return [*lines, "", *_wrapped(LEGEND, width)] if lines else []


def head_lines(comparison: Comparison, width: int = 80) -> list[str]:
    """What became of the targets, what is held equal, and where the baseline is not; an empty line after each."""
    lines = _wrapped(comparison.judged, width) if comparison.verdicts else []
    for verdict in comparison.verdicts:
        lines += _wrapped(f"{verdict.word}: {verdict.target.words.replace('`', '')}", width)
        for said in verdict.worth:
            lines += _wrapped(f"  {said}", width)
    lines += [""] if lines else []
    for said in (comparison.held_equal, comparison.absent):
        lines += [*_wrapped(said.replace("`", ""), width), ""] if said else []
    return lines


def _tuned(comparison: Comparison, width: int) -> list[str]:
    """What each row whose settings a search chose has more than the same method without."""
    table = tuned_table(comparison)
    if table is None:
        return []
    several = len(comparison.panels) > 1
    lines = []
    for row in table.data.to_dict("records"):
        where = f"{row['column']}, {row['panel']}" if several else row["column"]
        gap = formatting.gap(row["difference"], row["low"], row["high"])
        lines += _wrapped(f"{where}: {row['tuned']} minus {row['against']} {gap}; {row['chosen_by']}", width)
    return [*lines, ""]


def _panel(comparison: Comparison, panel: Panel, columns: Mapping[str, str], width: int) -> list[str]:
    rows = comparison.rows
    rows = rows[(rows["panel"] == panel.title) & (rows["role"] != "other")]
    first = max([len(columns[column]) for column in panel.cells], default=0)
    gap, marked = 26, 4
    name = min(max([len(str(row)) for row in rows["row"]] + [4]) + marked, max(width - first - gap - 18 - 4, 12))
    labels = formatting.shortened([str(row) for row in rows["row"]], name - marked)
    ours, what = f"{comparison.baseline} minus it", formatting.cut(measure_in_words(comparison.measure), 14)
    ours = ours if len(ours) <= gap else "baseline minus it"
    lines = [panel.title] if panel.title else []
    lines += _wrapped(f"Baseline: {comparison.baseline}", width) if ours.startswith("baseline ") else []
    lines.append(f"{'':{first}} {'row':{name}} {what:>14} {'n':>2} {ours:>{gap}}".rstrip())
    for column in panel.cells:
        shown = columns[column]
        for row in rows[rows["column"] == column].to_dict("records"):
            marks = "r" * row["reduced"] + "n" * (not row["published"])
            marks += "c" * (row["collapsed"] > 0)
            label = f"{labels[row['row']]} {marks}".rstrip()
            accuracy = formatting.mean_sd(row["value"], row["value_sd"])
            star = "*" if row["p_holm"] < 0.05 else " "
            line = f"{shown:{first}} {label:{name}} {accuracy:>14} {row['seeds']:>2} {_gap(row):>{gap - 1}}{star}"
            lines.append(line.rstrip())
            shown = ""
    return lines


def _gap(row: dict[object, object]) -> str:
    if not formatting.known(row["difference"]):
        return ""
    low, high = row["difference_low"], row["difference_high"]
    if abs(formatting.number(row["difference"])) >= 100:
        return formatting.gap(formatting.number(row["difference"]), formatting.number(low), formatting.number(high))
    ends = f" ({low:+.2f} to {high:+.2f})" if formatting.known(low) else ""
    return f"{row['difference']:+.3f}{ends}".replace("-", "−")


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(width, LEAST), subsequent_indent="  ")
