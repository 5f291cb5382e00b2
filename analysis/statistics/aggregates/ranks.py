"""Average ranks of methods over data sets: Friedman's test, Nemenyi's critical difference, and who is within it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.aggregates.bootstrap import Floats

FEWEST_SETS = 5
LEVEL = 0.05


@dataclass(frozen=True)
class Ranks:
    """What average ranks say.

    Args:
        average: of each method; 1 is best.
        sets: number of data sets.
        friedman_p: of the hypothesis that all methods are equal.
        critical_difference: average ranks further apart than this differ (Nemenyi).
        groups: positions of methods between which no difference is shown, the largest groups only, best first.
    """

    average: tuple[float, ...]
    sets: int
    friedman_p: float
    critical_difference: float
    groups: tuple[tuple[int, ...], ...]


def ranks(scores: Sequence[Sequence[float]], level: float = LEVEL) -> Ranks:
    """Ranks methods on every data set, higher scores first, equal ones sharing the mean of their ranks.

    Args:
        scores: ``[methods, sets]``, none missing, two methods and two sets at least.
        level: of Friedman's and of Nemenyi's test.

    Source: Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7 (2006), section 3.2; the
        statistic is Iman and Davenport's F.
    """
    from scipy.stats import rankdata

    table: Floats = np.asarray(scores, dtype=float)
    methods, sets = table.shape
    # Equal scores may differ in their last bit, by how a mean was summed up.
    per_set = rankdata(-table.round(12), axis=0)
    average = per_set.mean(axis=1)
    reach = nemenyi(methods, sets, level)
    return Ranks(
        tuple(map(float, average)), sets, friedman_p(per_set), reach, _groups(tuple(map(float, average)), reach)
    )


def friedman_p(per_set: Floats) -> float:
    """The p-value of Iman and Davenport's F, with the ranks on every data set, ``[methods, sets]``."""
    from scipy.special import fdtrc

    methods, sets = per_set.shape
    spread = ((per_set - (methods + 1) / 2) ** 2).sum()
    if spread == 0:
        return 1.0  # all methods are equal on every set
    between = sets * ((per_set.mean(axis=1) - (methods + 1) / 2) ** 2).sum()
    chi_square = sets * (methods - 1) * between / spread
    left = sets * (methods - 1) - chi_square
    if left <= 1e-9:
        return 0.0  # every set ranks them alike
    return float(fdtrc(methods - 1, (methods - 1) * (sets - 1), (sets - 1) * chi_square / left))


def nemenyi(methods: int, sets: int, level: float = LEVEL) -> float:
    """The difference of average ranks beyond which two of some methods differ, all pairs taken together."""
    from scipy.stats import studentized_range

    return float(
        studentized_range.ppf(1 - level, methods, math.inf)
        / math.sqrt(2)
        * math.sqrt(methods * (methods + 1) / (6 * sets))
    )


def _groups(average: Sequence[float], reach: float) -> tuple[tuple[int, ...], ...]:
    order = sorted(range(len(average)), key=average.__getitem__)
    found: list[tuple[int, ...]] = []
    for start in range(len(order)):
        near = [index for index in order[start:] if average[index] - average[order[start]] <= reach + 1e-12]
        if len(near) > 1 and not (found and set(near) <= set(found[-1])):
            found.append(tuple(near))
    return tuple(found)
