"""How far the distribution of results differs between the values of a parameter: the Cramér-von Mises index.

Of each threshold that results can pass, the part of the variance of passing it that a parameter explains by itself,
taken over all thresholds. No scale of results or parameters matters, and a choice of few values can reach what a range
can: an index of the best tenth alone, as PED-ANOVA is, gives a choice of four at most a third of that.

Source: Gamboa, Klein and Lagnoux (2018), "Sensitivity analysis based on Cramér-von Mises distance", SIAM/ASA Journal on
Uncertainty Quantification 6(2); corrected for the number of groups as the correlation ratio is (Kelley 1935).
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import BOOTSTRAP_SEED

_THRESHOLDS = 64
_MOST_GROUPS, _LEAST_IN_GROUP = 8, 6
_RESAMPLES = 100
_SHUFFLES = 99
_MOST_RESAMPLED = 1000

Numbers = NDArray[np.float64]
Groups = Mapping[str, NDArray[np.int64]]
"""Of each parameter, the group that each trial is in, numbered from 0."""


def groups_of_numbers(values: Numbers) -> NDArray[np.int64]:
    """Groups of about equal size, in order; equal values share one, and so do those that are not active (NaN).

    Shapes:
        values: ``[trials]``; returns: ``[trials]``
    """
    active = ~np.isnan(values)
    kinds, kind, counts = np.unique(values[active], return_inverse=True, return_counts=True)
    wanted = min(_MOST_GROUPS, max(2, int(active.sum()) // _LEAST_IN_GROUP))
    if len(kinds) > wanted:
        middles = np.cumsum(counts) - counts / 2
        kind = (middles * wanted / counts.sum()).astype(np.int64)[kind]
    groups = np.zeros(len(values), dtype=np.int64)
    groups[active] = 1 + kind
    found: NDArray[np.int64] = np.unique(groups, return_inverse=True)[1]
    return found


def passed(results: Numbers) -> Numbers:
    """Whether each trial's result is at most each threshold: quantiles of the results, the largest left out.

    Shapes:
        results: ``[trials]``; returns: ``[trials, thresholds]``
    """
    order = np.sort(results)
    places = np.linspace(0, len(order) - 1, min(len(order), _THRESHOLDS + 1)).round().astype(int)
    cuts = np.unique(order[places])
    below: Numbers = (results[:, None] <= cuts[cuts < order[-1]]).astype(np.float64)
    return below


def indices(groups: Groups, results: Numbers) -> dict[str, float]:
    """The index of each parameter: 0 where it does not matter, 1 where it alone decides.

    Shapes:
        results: ``[trials]``
    """
    below = passed(results)
    return {name: _index(group, below) for name, group in groups.items()}


def shares_of(found: Mapping[str, float]) -> dict[str, float]:
    """Indices as parts of their sum, which together are 1."""
    total = sum(found.values())
    return {name: value / total for name, value in found.items()} if total > 0 else dict(found)


def chance_of(groups: Groups, results: Numbers) -> float:
    """How often shuffled results make as much of some parameter as these do: a permutation test of the largest."""
    draw = np.random.default_rng(BOOTSTRAP_SEED)
    taken = draw.permutation(len(results))[:_MOST_RESAMPLED]
    parts, below = {name: group[taken] for name, group in groups.items()}, passed(results[taken])
    largest = max(_index(group, below) for group in parts.values())
    as_large = 0
    for _ in range(_SHUFFLES):
        mixed = below[draw.permutation(len(below))]
        as_large += max(_index(group, mixed) for group in parts.values()) >= largest
    return (1 + as_large) / (1 + _SHUFFLES)


def errors_of(groups: Groups, results: Numbers) -> dict[str, float]:
    """Standard errors of the shares, by a bootstrap over trials; of many trials each resample takes some only.

    Source: Bickel, Götze and van Zwet (1997), the m out of n bootstrap: the spread of m is that of n times √(n / m).
    """
    draw = np.random.default_rng(BOOTSTRAP_SEED)
    below, size = passed(results), min(len(results), _MOST_RESAMPLED)
    found = []
    for _ in range(_RESAMPLES):
        picks = draw.integers(0, len(results), size)
        found.append(shares_of({name: _index(group[picks], below[picks]) for name, group in groups.items()}))
    scale = math.sqrt(size / len(results))
    return {name: float(np.std([shares[name] for shares in found], ddof=1)) * scale for name in groups}


def _index(group: NDArray[np.int64], below: Numbers) -> float:
    """The index of one parameter; what chance alone would make of so many groups is taken off.

    Shapes:
        group: ``[trials]``; below: ``[trials, thresholds]``
    """
    counts = np.bincount(group)
    member = np.zeros((len(counts), len(group)))
    member[group, np.arange(len(group))] = 1.0
    there = counts > 0
    share = (member @ below)[there] / counts[there, None]
    whole = below.mean(axis=0)
    spread = float((whole * (1 - whole)).sum())
    free, used = len(group) - 1, int(there.sum()) - 1
    if spread <= 0 or not 0 < used < free:
        return 0.0
    between = float((counts[there] / len(group)) @ ((share - whole) ** 2).sum(axis=1)) / spread
    by_chance = used / free
    return max(0.0, (between - by_chance) / (1 - by_chance))
