"""From records to a comparison: rows into joint tables, and on each data set who stands for whom.

Teachings of the same pseudo-samples are one row, and so are controls that several sweeps ran.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import pandas as pd

from acgkd.errors import FrameError
from analysis.comparison.choosing import EQUAL, cell_of, default_baseline, require_baseline
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.published import Published
from analysis.comparison.row_names import distinguished
from analysis.comparison.trial_rows import MEASURES, TrialRow, rows_of_sweep, unit
from analysis.formatting import known as is_known
from analysis.records.frame import Frame
from analysis.robustness.perturbed_rows import study_sources
from analysis.statistics.aggregates.teachings import DRAW, draw_of, seed_means
from analysis.statistics.view import views

if TYPE_CHECKING:
    from analysis.comparison.targets import Target

BY = ("dataset", "pair", "method")
_SETTING = "setting/"
_NUMBER = re.compile(r" \(teaching \d+\)$")  # that suites give to further teachings


def compared(
    frame: Frame,
    *,
    baseline: str | None = None,
    by: str = "dataset",
    published: Published | None = None,
    measure: str = "test_accuracy",
    equal: str | None = None,
    places: Mapping[str, str] | None = None,
    targets: "Sequence[Target]" = (),
) -> Comparison:
    """Compares all methods of a frame; see `analysis.compare_methods`."""
    if measure not in MEASURES:
        raise FrameError(f"`measure` is one of {', '.join(MEASURES)}, but got '{measure}'.")
    if equal is not None and equal not in EQUAL:
        raise FrameError(f"`equal` is one of {', '.join(EQUAL)}, but got '{equal}'.")
    known = {} if published is None else published
    # Perturbed settings are no rivals: the luckiest of thirty would stand for its method. Alone they are compared.
    studies = study_sources(frame)
    others = [source for source in frame.sources if source not in studies]
    homes = {} if places is None else places
    rows = distinguished(_trial_rows(frame.of(*others) if studies and others else frame, known), homes)
    ours = default_baseline(rows) if baseline is None else baseline
    require_baseline(rows, ours)
    grouped: dict[str, dict[str, list[TrialRow]]] = {}
    for row in rows:
        panel, column = _place(row, by)
        grouped.setdefault(panel, {}).setdefault(column, []).append(row)
    panels = tuple(
        Panel(title, {column: cell_of(found, ours, equal) for column, found in columns.items()}, measure)
        for title, columns in grouped.items()
    )
    left = tuple(studies if others else ())
    return Comparison(frame, ours, by, panels, known, tuple(targets), measure, equal, left, homes)


def _place(row: TrialRow, by: str) -> tuple[str, str]:
    """The titles of panel and column that a row belongs to."""
    dataset, teacher, student = unit(row)
    pair = f"{teacher} → {student}" if teacher or student else ""
    if by in ("dataset", "method"):
        return pair, dataset
    if by == "pair":
        return dataset, pair
    if by not in row.first:
        raise FrameError(f"`by` is {', '.join(BY)} or a column of the records, but got '{by}'.")
    return " · ".join(part for part in (dataset, pair) if part), str(row.first[by])


def _trial_rows(frame: Frame, published: Published) -> list[TrialRow]:
    """All rows of all sweeps, in the order given; what differs in `transfer/draw` alone, or in its sweep, is one."""
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
        settings = {name: str(cell) for name, cell in row.first.items() if name.startswith(_SETTING) and is_known(cell)}
        settings.pop(DRAW, None)
        groups.setdefault((unit(row), row.method, tuple(sorted(settings.items()))), []).append(row)
    fewer: Counter[tuple[tuple[str, ...], str]] = Counter()
    found = []
    for (where, method, _), group in groups.items():
        for same in chain.from_iterable(map(_apart, _by_prior(group))):
            fewer[where, method] += len(same) - 1
            found.append(same[0] if len(same) == 1 else _joined(sorted(same, key=lambda row: draw_of(row.first))))
    return [
        row if row.tuned_in else replace(row, settings_tried=row.settings_tried - fewer[unit(row), row.method])
        for row in found
    ]


def _by_prior(rows: Sequence[TrialRow]) -> list[list[TrialRow]]:
    """Rows whose methods knew other things of the data apart: those that contradict each other on a seed."""
    parts: list[tuple[dict[int, str], list[TrialRow]]] = []
    for row in rows:
        runs = row.runs.dropna(subset="prior")
        said = dict(zip(map(int, runs["seed"]), map(str, runs["prior"]), strict=True))
        for known, part in parts:
            if all(known.get(seed, prior) == prior for seed, prior in said.items()):
                known.update(said)
                part.append(row)
                break
        else:
            parts.append((said, [row]))
    return [part for _, part in parts]


def _apart(rows: Sequence[TrialRow]) -> list[list[TrialRow]]:
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
