"""From sweeps to rows: teachings of the same pseudo-samples are one, and so are controls that several sweeps ran."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.comparison.published import Published
from analysis.comparison.teachings import DRAW, draw_of, seed_means
from analysis.comparison.trial_rows import TrialRow, rows_of_sweep, unit
from analysis.formatting import known
from analysis.records.frame import Frame
from analysis.statistics.view import views

_SETTING = "setting/"
_NUMBER = re.compile(r" \(teaching \d+\)$")  # that suites give to further teachings


def trial_rows(frame: Frame, published: Published) -> list[TrialRow]:
    """All rows of all sweeps, in the order given; what differs in `transfer/draw` alone, or in its sweep, is one.

    Args:
        frame: as `analysis.load` reads it.
        published: the methods' defaults, as far as they are known.
    """
    found: list[TrialRow] = []
    for view in views(frame):
        found.extend(_taught_together(rows_of_sweep(view, published)))
    return _merged(found)


def _taught_together(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """The rows of a sweep; those of equal settings but for the draw of the teaching are one, under the first's name."""
    if not any(draw_of(row.first) for row in rows):
        return list(rows)
    groups: dict[tuple[tuple[str, ...], str, object], list[TrialRow]] = {}
    for row in rows:
        settings = {name: str(cell) for name, cell in row.first.items() if name.startswith(_SETTING) and known(cell)}
        settings.pop(DRAW, None)
        groups.setdefault((unit(row), row.method, tuple(sorted(settings.items()))), []).append(row)
    fewer: Counter[tuple[tuple[str, ...], str]] = Counter()
    found = []
    for (where, method, _), group in groups.items():
        for same in _told_apart(group):
            fewer[where, method] += len(same) - 1
            found.append(same[0] if len(same) == 1 else _joined(sorted(same, key=lambda row: draw_of(row.first))))
    return [
        row if row.tuned_in else replace(row, settings_tried=row.settings_tried - fewer[unit(row), row.method])
        for row in found
    ]


def _told_apart(rows: Sequence[TrialRow]) -> list[list[TrialRow]]:
    """One group, or several where rows of one draw and equal settings have labels of their own."""
    groups: dict[str, list[TrialRow]] = {}
    for row in rows:
        groups.setdefault("" if _differ(rows) else _NUMBER.sub("", row.label), []).append(row)
    return [part for group in groups.values() for part in ([group] if _differ(group) else [[row] for row in group])]


def _differ(rows: Sequence[TrialRow]) -> bool:
    return len({draw_of(row.first) for row in rows}) == len(rows)


def _joined(rows: Sequence[TrialRow]) -> TrialRow:
    """The first row with the runs of all of them, which are other teachings or other seeds."""
    parts = [row.runs.assign(draw=draw_of(row.first)) if row.taught is None else row.taught for row in rows]
    taught = pd.concat(parts, ignore_index=True).drop_duplicates(["seed", "draw"])
    return replace(rows[0], runs=seed_means(taught), taught=taught)


def _merged(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """Controls with equal settings that several sweeps ran, with the seeds of all."""
    found: dict[tuple[object, ...], TrialRow] = {}
    for index, row in enumerate(rows):
        first = row.runs if row.taught is None else row.taught[row.taught["draw"] == draw_of(row.first)]
        prints = tuple(sorted(set(first["fingerprint"].dropna())))
        key = (unit(row), row.label, prints) if not row.trial and any(prints) else (index,)
        if key in found and (row.taught is not None or found[key].taught is not None):
            row = _joined([found[key], row])
        elif key in found:
            both = pd.concat([found[key].runs, row.runs], ignore_index=True).drop_duplicates("seed")
            row = replace(found[key], runs=both)
        found[key] = row
    return list(found.values())
