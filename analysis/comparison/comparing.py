"""From records to a comparison: rows into joint tables, and on each data set who stands for whom."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from acgkd.errors import FrameError
from analysis.comparison.choosing import EQUAL, cell_of, default_baseline, require_baseline
from analysis.comparison.joined_rows import trial_rows
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.published import Published
from analysis.comparison.row_names import distinguished
from analysis.comparison.trial_rows import MEASURES, TrialRow, unit
from analysis.records.frame import Frame
from analysis.robustness.perturbed_rows import study_sources

if TYPE_CHECKING:
    from analysis.comparison.targets import Target

BY = ("dataset", "pair", "method")


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
    rows = distinguished(trial_rows(frame.of(*others) if studies and others else frame, known), homes)
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
