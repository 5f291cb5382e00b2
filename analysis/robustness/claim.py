"""What is said of a claim of accuracy and robustness: ours against each rival over the same joint draws, by a rule.

The claim is of higher accuracy with more robustness, so there are two figures for each rival: a difference of means,
and a difference of deviations. A standard deviation would do neither well: its bootstrap covers too little at 30 draws
of which some collapsed, and a rival that is dead at every setting has next to none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.robustness.setting_spread import deviations
from analysis.statistics.intervals import CONFIDENCE, Interval, t_interval

Said = Literal["confirmed", "refuted", "not shown"]

FIGURES = 2
"""Figures for each rival."""
RULE = (
    "The rule. Over the joint draws, paired by number, there are two figures for each rival: the mean accuracy of "
    "`{ours}` minus its; and its mean absolute deviation from its own median minus that of `{ours}` from its own "
    "(Brown and Forsythe). Each has a t interval over draws, at 95 % for all rivals and both figures together "
    "(Bonferroni). Against a rival the claim is *confirmed* if both intervals lie above 0; *refuted* if that of the "
    "means lies below 0, or that of the deviations does while that of the means does not lie above; and otherwise "
    "*not shown*. So a rival that is dead at every setting, and therefore steady, refutes nothing. As a whole it is "
    "confirmed if it is against every rival, refuted if it is against any, and otherwise not shown. A run that "
    "diverged, crashed, or ran out of memory or time, counts as the majority class."
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
    def verdict(self) -> Said:
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
    mine, other = (np.asarray([side[name] for name in shared], dtype=np.float64) for side in (ours, theirs))
    each = level(FIGURES * rivals)
    return Contrast(
        rival,
        t_interval((mine - other).tolist(), confidence=each),
        t_interval((deviations(other) - deviations(mine)).tolist(), confidence=each),
    )


def verdict(found: Sequence[Contrast]) -> Said:
    """What the rule says of the claim as a whole; of no rival at all nothing is shown."""
    each = [item.verdict for item in found]
    if each and all(said == "confirmed" for said in each):
        return "confirmed"
    return "refuted" if "refuted" in each else "not shown"
