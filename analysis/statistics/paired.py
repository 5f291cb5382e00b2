"""Comparing two groups of rows that share seeds: paired differences with an interval that covers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from acgkd.errors import PairingError
from analysis.statistics.intervals import CONFIDENCE, Interval, t_interval, t_p_value, t_quantile
from analysis.statistics.replicates import Split, split_of_rows, spread, with_derived

__all__ = ["TO_DECIDE", "Paired", "decided_by", "paired", "seeds_to_decide", "t_interval"]

_MOST_SEEDS = 100_000
NO_NUMBER = "no number"
TO_DECIDE = (
    "Seeds to decide: with so many the interval of the difference would leave 0 out, were mean and spread to stay as "
    f"they are; `{NO_NUMBER}` would where re-splits of these data overlap too much."
)


@dataclass(frozen=True)
class Paired:
    """The difference ``first - second`` over the seeds that both have.

    Args:
        difference: mean difference with its interval.
        p_value: two-sided, of the (corrected) paired t test; NaN where there is no interval.
        wins: pairs in which the first is larger.
        ties: pairs in which both are equal.
        losses: pairs in which the second is larger.
        to_decide: seeds with which the interval would leave 0 out at this mean and spread; inf where no number would,
            NaN where there is no interval.
        only_first: pairing keys without a completed value in the second group.
        only_second: the same for the first group.
    """

    difference: Interval
    p_value: float
    wins: int
    ties: int
    losses: int
    to_decide: float = math.nan
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
        to_decide=math.nan
        if math.isnan(difference.low)
        else seeds_to_decide(difference.mean, difference.sd, split.shared),
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
    error = difference.sd * math.sqrt(1 / difference.n + split.shared)
    return t_p_value(difference.mean / error, difference.n - 1)


def seeds_to_decide(mean: float, sd: float, shared: float = 0.0, confidence: float = CONFIDENCE) -> float:
    """The least number of seeds with which the t interval of such a mean would leave 0 out.

    Args:
        mean: of the differences.
        sd: their sample standard deviation.
        shared: size of the test part over that of the training part, where seeds draw the split anew; else 0. What
            re-splits share, no further seed takes away (`analysis.statistics.intervals.t_interval`).
        confidence: of the interval.

    Returns:
        a whole number from 2; inf where no number of seeds would, or only more than anybody runs; NaN where mean or
        spread are not known.
    """
    if math.isnan(mean) or math.isnan(sd):
        return math.nan

    def decides(seeds: int) -> bool:
        return t_quantile(seeds - 1, confidence) * sd * math.sqrt(1 / seeds + shared) < abs(mean)

    if not decides(_MOST_SEEDS):
        return math.inf
    # The interval only narrows with their number.
    too_few, enough = 1, _MOST_SEEDS
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if decides(middle) else (middle, enough)
    return float(enough)


def decided_by(seeds: float, low: float, high: float) -> str:
    """``31``, or ``no number``; empty where the interval leaves 0 out already, or nothing is known."""
    if math.isnan(seeds) or math.isnan(low) or low > 0 or high < 0:
        return ""
    return NO_NUMBER if math.isinf(seeds) else f"{seeds:,.0f}"
