"""What a method comes to over several of its settings: mean, deviation, the worst, and shares that reach something."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import Interval, t_interval

POINT = 0.01
REACHED = 0.9
"""The share of the teacher's accuracy that counts as having learned, for all methods alike."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Spread:
    """What a method came to over several settings.

    Args:
        mean: accuracy, 95 % t interval over settings.
        deviation: mean absolute deviation of accuracy from the median, likewise.
        worst: accuracy.
        near: share of settings within a point of the best that the method came to anywhere.
        reached: share of settings at 0.9 of the teacher's accuracy at least.
    """

    mean: Interval
    deviation: Interval
    worst: float
    near: float
    reached: float


def spread_over_settings(accuracies: Sequence[float], best: float, teacher: float) -> Spread:
    """Sums up a method's settings.

    Args:
        accuracies: one for each setting, at least two.
        best: that the method came to anywhere.
        teacher: its teacher's accuracy; NaN where it is not known.
    """
    values = np.asarray(accuracies, dtype=np.float64)
    reached = math.nan if math.isnan(teacher) else float((values >= REACHED * teacher - _ROUNDING).mean())
    return Spread(
        t_interval(values.tolist()),
        t_interval(deviations(values).tolist()),
        float(values.min()),
        float((values >= best - POINT - _ROUNDING).mean()),
        reached,
    )


def deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each value is from the median of all."""
    found: NDArray[np.float64] = np.abs(values - np.median(values))
    return found
