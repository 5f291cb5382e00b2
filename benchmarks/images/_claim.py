"""What is said of the claim: RDSKD against each rival over the same joint draws, by a rule that was there before them.

The claim is of higher accuracy with more robustness, so there are two figures for each rival: a difference of means,
and a difference of deviations. A standard deviation would do neither well: its bootstrap covers too little at 30 draws
of which some collapsed, and a rival that is dead at every setting has next to none.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import CONFIDENCE, Interval, t_interval

Verdict = Literal["confirmed", "refuted", "not shown"]

NEAR = 0.01
# The share of the teacher's accuracy that counts as having learned, for all methods alike.
REACHED = 0.9
# Two figures for each rival.
FIGURES = 2

RULE = (
    "The rule, written before anything was run. Over the joint draws, paired by number, there are two figures for each "
    "rival: the mean accuracy of `rdskd` minus its; and its mean absolute deviation from its own median minus that of "
    "`rdskd` from its own (Brown and Forsythe). Each has a t interval over draws, at 95 % for all rivals and both "
    "figures together (Bonferroni). Against a rival the claim is *confirmed* if both intervals lie above 0; *refuted* "
    "if that of the means lies below 0, or that of the deviations does while that of the means does not lie above; "
    "and otherwise *not shown*. So a rival that is dead at every setting, and therefore steady, refutes nothing. As a "
    "whole it is confirmed if it is against every rival, refuted if it is against any, and otherwise not shown. A run "
    "that diverged, or ran out of memory or time, counts as the majority class."
)


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


def spread(accuracies: Sequence[float], best: float, teacher: float) -> Spread:
    """Sums up a method's settings.

    Args:
        accuracies: one for each, at least two.
        best: that the method came to anywhere.
        teacher: its teacher's accuracy; NaN where it is not known.
    """
    values = np.asarray(accuracies, dtype=float)
    reached = math.nan if math.isnan(teacher) else float((values >= REACHED * teacher - 1e-9).mean())
    return Spread(
        t_interval(values.tolist()),
        t_interval(_deviations(values).tolist()),
        float(values.min()),
        float((values >= best - NEAR - 1e-9).mean()),
        reached,
    )


@dataclass(frozen=True)
class Contrast:
    """A rival against the method of the claim, over the draws that both have; above 0 speaks for the claim.

    Args:
        rival: its label.
        mean: the method's mean accuracy minus the rival's, with its interval.
        deviation: the rival's mean absolute deviation minus the method's, with its interval.
    """

    rival: str
    mean: Interval
    deviation: Interval

    @property
    def verdict(self) -> Verdict:
        """What the rule says of the claim against this rival."""
        if self.mean.low > 0 and self.deviation.low > 0:
            return "confirmed"
        steadier = self.deviation.high < 0 and not self.mean.low > 0
        return "refuted" if self.mean.high < 0 or steadier else "not shown"


def level(count: int, confidence: float = CONFIDENCE) -> float:
    """The confidence of one interval, so that so many hold together (Bonferroni)."""
    return 1 - (1 - confidence) / count


def contrast(rival: str, ours: Mapping[str, float], theirs: Mapping[str, float], rivals: int) -> Contrast:
    """Compares two methods by their joint draws.

    Simulated with draws of which some collapse: with a fifth on one side, and a fifth or a half on the other, intervals
    of 30 draws cover what they say to within a tenth of a percent; with one in 20 on both sides they cover more. With
    none on one side and one in 20 on the other, one set of draws in five shows no collapse at all; what is then said of
    the difference is too little, so that the claim is more easily *not shown*.

    Args:
        rival: label of the other.
        ours: accuracy by draw.
        theirs: the other's.
        rivals: how many are compared.

    Source: Brown and Forsythe, "Robust Tests for the Equality of Variances", JASA 69 (1974); here paired by draw.
    """
    shared = sorted(ours.keys() & theirs.keys())
    mine, other = (np.asarray([side[name] for name in shared], dtype=float) for side in (ours, theirs))
    each = level(FIGURES * rivals)
    return Contrast(
        rival,
        t_interval((mine - other).tolist(), confidence=each),
        t_interval((_deviations(other) - _deviations(mine)).tolist(), confidence=each),
    )


def verdict(found: Sequence[Contrast]) -> Verdict:
    """What the rule says of the claim as a whole."""
    each = [item.verdict for item in found]
    if all(said == "confirmed" for said in each):
        return "confirmed"
    return "refuted" if "refuted" in each else "not shown"


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(values - np.median(values))
