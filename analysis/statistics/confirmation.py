"""What a search's figures are worth: trials and controls in the search beside the same on fresh seeds."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.records.confirmations import Confirmation
from analysis.statistics.replicates import with_derived
from analysis.statistics.unpaired import unpaired
from analysis.statistics.view import View

COLUMNS = (
    *("run", "trial", "planned", "search", "search_sd", "search_n", "fresh", "fresh_sd", "fresh_n"),
    *("drop", "drop_low", "drop_high"),
)


def drops(view: View, confirmations: Sequence[Confirmation], column: str, sign: int) -> pd.DataFrame:
    """A quantity of each confirmed trial and control, in the search and on fresh seeds.

    Args:
        view: of the search.
        confirmations: of its trials; controls that several of them hold are shown once.
        column: of the frame: ``test_accuracy``, ``objective/...``.
        sign: 1 where more is better, -1 where less is.

    Returns:
        Columns ``run``, ``trial`` (missing for controls), ``planned`` fresh seeds; mean, ``_sd`` and ``_n`` of
        ``search`` and ``fresh`` over completed replicates; ``drop``: how much worse the mean is on fresh seeds, with
        its 95 % interval (``drop_low``, ``drop_high``).
    """
    found = []
    for label, trial, planned, *groups in _pairs(view, confirmations):
        # Before the first record of its kind there is no such column.
        present = [rows if column in rows.columns else rows.assign(**{column: math.nan}) for rows in groups]
        pair = unpaired(present[0], present[1], column)
        low, high = sorted((sign * pair.low, sign * pair.high))
        one, other = pair.first, pair.second
        numbers = (one.mean, one.sd, one.n, other.mean, other.sd, other.n, sign * pair.difference, low, high)
        found.append((label, trial, planned, *numbers))
    types = {"run": "string", "trial": "Int64", "planned": "int64", "search_n": "int64", "fresh_n": "int64"}
    table = pd.DataFrame(found, columns=list(COLUMNS))
    return table.astype({name: types.get(name, "float64") for name in COLUMNS})


def _pairs(
    view: View, confirmations: Sequence[Confirmation]
) -> Iterator[tuple[str, int | None, int, pd.DataFrame, pd.DataFrame]]:
    """Label, number, count of fresh seeds, rows in the search and rows on fresh seeds: trials first, then controls."""
    searched, fresh = view.rows, [with_derived(item.frame.rows) for item in confirmations]
    for item, rows in zip(confirmations, fresh, strict=True):
        before = searched[(searched["kind"] == "trial") & (searched["trial"] == item.trial).fillna(False)]
        yield f"trial {item.trial}", item.trial, len(item.seeds), before, rows[rows["kind"] == "trial"]
    controls = pd.concat([rows[rows["kind"] == "control"] for rows in fresh]) if fresh else searched.iloc[:0]
    planned = len({seed for item in confirmations for seed in item.seeds})
    # A control teaches the trial's student; where students were searched, it may not be the search's.
    for (label, student), rows in controls.groupby(["label", "student"], sort=False, dropna=False):
        before = searched[(searched["kind"] == "control") & (searched["label"] == label)]
        same = before[(before["student"] == student).fillna(False)]
        called = str(label) if len(same) or before.empty else f"{label} ({student})"
        yield called, None, planned, same, rows.drop_duplicates("seed")
