"""How well a quantity tells some runs from others: the area under the ROC curve, with its bootstrap interval."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.aggregates.bootstrap import Estimate, picks
from analysis.statistics.intervals import CONFIDENCE


def auc(
    scores: NDArray[np.float64],
    events: NDArray[np.bool_],
    confidence: float = CONFIDENCE,
    units: Sequence[object] | None = None,
) -> Estimate:
    """The chance that of a run with the event and one without it, the one with it has the lower score; ties are halves.

    Args:
        scores: one for each run; none may be missing.
        events: whether the run has the event: is a bad one.
        confidence: of the percentile bootstrap.
        units: what each run belongs to; whole units are drawn anew, for runs of one are alike. Left out: runs are.

    Returns:
        0.5 is chance. NaN where all runs have the event, or none has.

    Shapes:
        each: ``[runs]``
    """
    if events.all() or not events.any():
        return Estimate(math.nan, math.nan, math.nan)

    def of(chosen: NDArray[np.int64]) -> float:
        pairs = scores[chosen[events[chosen]]][:, None] - scores[chosen[~events[chosen]]][None, :]
        return float(np.mean((pairs < 0) + (pairs == 0) / 2)) if pairs.size else math.nan

    members: dict[object, list[int]] = {}
    for index, unit in enumerate(range(len(events)) if units is None else units):
        members.setdefault(unit, []).append(index)
    parts = [np.array(part) for part in members.values()]
    (draws,) = picks([len(parts)])
    values = [of(np.concatenate([parts[unit] for unit in drawn])) for drawn in draws]
    low, high = np.nanquantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(of(np.arange(len(events))), float(low), float(high))
