"""Comparing two groups of rows that share seeds: paired differences with an interval that covers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from acgkd.errors import PairingError
from analysis.statistics.intervals import Interval, t_interval, t_p_value
from analysis.statistics.replicates import Split, split_of_rows, spread, with_derived

__all__ = ["Paired", "paired", "t_interval"]


@dataclass(frozen=True)
class Paired:
    """The difference ``first - second`` over the seeds that both have.

    Args:
        difference: mean difference with its interval.
        p_value: two-sided, of the (corrected) paired t test; NaN where there is no interval.
        wins: pairs in which the first is larger.
        ties: pairs in which both are equal.
        losses: pairs in which the second is larger.
        only_first: pairing keys without a completed value in the second group.
        only_second: the same for the first group.
    """

    difference: Interval
    p_value: float
    wins: int
    ties: int
    losses: int
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()


def paired(
    first: pd.DataFrame, second: pd.DataFrame, column: str = "test_accuracy", on: Sequence[str] = ("dataset", "seed")
) -> Paired:
    """Compares a column of two groups of rows, pair by pair.

    Only completed replicates with a value enter; keys that one side lacks are named, never filled in.

    Args:
        first: rows of a frame.
        second: rows of a frame.
        column: a column of the frame, or ``seconds`` or ``ratio``.
        on: columns that make a pair.

    Raises:
        PairingError: a key occurs twice in one group, so that pairs are not defined.
    """
    left, right = _values(first, column, on, "first"), _values(second, column, on, "second")
    shared = left.index.intersection(right.index)
    differences = (left.loc[shared, column] - right.loc[shared, column]).astype("float64")
    split = split_of_rows(left.loc[shared])
    difference = spread(differences.tolist(), split)
    return Paired(
        difference=difference,
        p_value=_p_value(difference, split),
        wins=int((differences > 0).sum()),
        ties=int((differences == 0).sum()),
        losses=int((differences < 0).sum()),
        only_first=tuple(map(str, left.index.difference(right.index))),
        only_second=tuple(map(str, right.index.difference(left.index))),
    )


def _values(rows: pd.DataFrame, column: str, on: Sequence[str], which: str) -> pd.DataFrame:
    derived = with_derived(rows)
    kept = derived[(derived["outcome"] == "completed") & derived[column].notna()]
    twice = kept[kept.duplicated(list(on), keep=False)]
    if len(twice):
        keys = sorted({str(tuple(key)) for key in twice[list(on)].to_numpy().tolist()})
        raise PairingError(
            f"A pair is one row of each group, but in the {which} group {', '.join(keys)} (by {', '.join(on)}) "
            "occur several times. Narrow the group to one trial or one control."
        )
    columns = (kept[name].astype("string").fillna("") for name in on)
    # Not row by row: of no rows at all pandas would make a table and no keys.
    return kept.set_index(pd.Index([" ".join(key) for key in zip(*columns, strict=True)], dtype="string"))


def _p_value(difference: Interval, split: Split) -> float:
    if difference.n < 2 or math.isnan(difference.low):
        return math.nan
    if difference.sd == 0:
        return 1.0 if difference.mean == 0 else 0.0
    ratio = split.test_size / split.train_size if split.test_size is not None and split.train_size is not None else 0.0
    return t_p_value(difference.mean / (difference.sd * math.sqrt(1 / difference.n + ratio)), difference.n - 1)
