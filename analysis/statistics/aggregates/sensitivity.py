"""How much a method depends on its settings: the distribution of its accuracy over all that were tried."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEAR = 0.02


@dataclass(frozen=True)
class Sensitivity:
    """What a method came to over its settings.

    Args:
        settings: how many have an accuracy.
        mean: of their accuracies.
        sd: sample standard deviation; NaN below two.
        worst: the lowest.
        best: the highest.
        near: share of settings at most `NEAR` below the best.
    """

    settings: int
    mean: float
    sd: float
    worst: float
    best: float
    near: float


def sensitivity(accuracies: Sequence[float], near: float = NEAR) -> Sensitivity:
    """Sums up the accuracies of a method's settings.

    Args:
        accuracies: one for each setting, at least one.
        near: how far below the best one still counts as near it.
    """
    values = np.asarray(accuracies, dtype=float)
    best = float(values.max())
    return Sensitivity(
        len(values),
        float(values.mean()),
        float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        float(values.min()),
        best,
        float((values >= best - near - 1e-12).mean()),
    )
