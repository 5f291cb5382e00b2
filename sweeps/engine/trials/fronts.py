"""The best of many points, front by front, kept up to date: a new point is compared with the fronts and no others."""

import numpy as np
from numpy.typing import NDArray
from optuna.trial import TrialState

from analysis.statistics.front import front

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)  # trials that a sampler learns from
MANY = 50  # new points at once, for which sorting all of them is quicker than one after the other

Losses = NDArray[np.float64]
Indices = NDArray[np.int64]


class Fronts:
    """The first fronts of points to which others are added, and none is taken away.

    Twice as many points as can be asked for are held. A point that is pushed out of the last front held is forgotten;
    where too few are left for it, all points are sorted anew. So the answer is always that of the function `best`.

    Args:
        most: of the best that are ever asked for.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._fronts: list[Indices] = []
        self._known = 0

    def best(self, losses: Losses, numbers: Indices, count: int) -> Indices:
        """As the function `best`.

        Args:
            losses: of all points, the earlier ones as they were in the last call.
            numbers: of each point, which decide between equal ones.
            count: how many; at most `most`.

        Shapes:
            losses: ``[points, objectives]``, numbers: ``[points]``.
        """
        new = range(self._known, len(losses))
        for index in new if len(new) <= MANY else ():
            self._add(losses, index)
        held = sum(map(len, self._fronts))
        if len(new) > MANY or held < min(count, len(losses)):
            self._fronts = first_fronts(losses, 2 * self._most)
        self._known = len(losses)
        return _chosen(self._fronts, losses, numbers, count)

    def _add(self, losses: Losses, index: int) -> None:
        """Puts a point where it belongs; those that it dominates there move to the next front, and so on."""
        low, high, moved = 0, len(self._fronts), np.array([index])
        while low < high:  # whoever is dominated by one of a front is so by one of every front before
            middle = (low + high) // 2
            beaten = _dominated(losses[moved], losses[self._fronts[middle]]).any()
            low, high = (middle + 1, high) if beaten else (low, middle)
        for place in range(low, len(self._fronts)):
            here = self._fronts[place]
            below = _dominated(losses[here], losses[moved])
            if below.all():  # then all fronts from here on move by one
                self._fronts.insert(place, moved)
                break
            self._fronts[place], moved = np.concatenate((here[~below], moved)), here[below]
            if not len(moved):
                break
        while self._fronts and sum(map(len, self._fronts[:-1])) >= 2 * self._most:
            self._fronts.pop()


def best(losses: Losses, numbers: Indices, count: int) -> Indices:
    """Indices of the `count` best points, front by front; of a front that is too large an evenly spread part.

    Args:
        losses: smaller is better.
        numbers: of each point, which decide between equal ones.
        count: how many.

    Shapes:
        losses: ``[points, objectives]``, numbers: ``[points]``.
    """
    return _chosen(first_fronts(losses, count), losses, numbers, count)


def first_fronts(losses: Losses, count: int) -> list[Indices]:
    """The first fronts, as many as hold `count` points or all."""
    left, found = np.arange(len(losses)), list[Indices]()
    if losses.shape[1] == 1:  # a front is all that have one value
        order = np.argsort(losses[:, 0], kind="stable")
        return np.split(order, np.flatnonzero(np.diff(losses[order, 0])) + 1)
    while len(left) and sum(map(len, found)) < count:
        on_front = front(losses[left], ["minimize"] * losses.shape[1])
        found.append(left[on_front])
        left = left[~on_front]
    return found


def _chosen(fronts: list[Indices], losses: Losses, numbers: Indices, count: int) -> Indices:
    found, wanted = [np.empty(0, dtype=np.int64)], count
    for members in fronts:
        if len(members) <= wanted:
            found.append(members)
        elif wanted:
            along = members[np.lexsort((numbers[members], *losses[members].T[::-1]))]
            spread = np.linspace(0, len(along) - 1, wanted).round().astype(int)
            found.append(along[spread] if wanted > 1 else along[:1])
        wanted -= min(wanted, len(members))
    return np.concatenate(found)


def _dominated(points: Losses, others: Losses) -> NDArray[np.bool_]:
    """Which points one of the others dominates."""
    no_worse = np.ones((len(points), len(others)), dtype=bool)
    better = np.zeros_like(no_worse)
    for mine, theirs in zip(points.T, others.T, strict=True):
        no_worse &= theirs <= mine[:, None]
        better |= theirs < mine[:, None]
    return np.asarray((no_worse & better).any(axis=1))
