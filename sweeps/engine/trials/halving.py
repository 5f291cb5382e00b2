"""Early stopping for several objectives: asynchronous successive halving by non-dominated rank.

A rung is a point of progress at which trials are compared: a share of the first replicate's judged stage, or a whole
number of replicates. A share of its synthesis may be one, too: there no student can be judged, but all trials have one
teacher, and they are compared by how far their pseudo-samples are from what it remembers, and by their costs.

A trial that reaches a rung is ranked among all that reached it before, and continues if it is in the top
``1 / reduction`` of them (at least one always is: the first to come continues). So no trial waits for others, and the
decision follows from the order of arrival alone.

Ranked is by three keys: whether the trial is worse than a floor (then it comes last, however cheap it is), its
non-dominated front, and its crowding distance within that front (lonely ones first). Among equally lonely ones, as the
two ends of a front are, the better first objective wins, then the older trial.

While a rung has few entries, fewer than ``reduction`` squared, nothing that no other entry dominates is stopped: of two
trials on a front both are infinitely lonely, and the cheaper one would be stopped for no reason but its place.

Source: Li et al., A System for Massively Parallel Hyperparameter Tuning (ASHA), 2020, in the variant that stops
instead of pausing; Deb et al., NSGA-II, 2002, for fronts and crowding; Schmucker et al., Multi-objective Asynchronous
Successive Halving, 2021, for the two together.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acgkd.run.objectives import Direction
from sweeps.store.budgets import covers

Values = tuple[float | None, ...]


def fraction_rung(fraction: float) -> str:
    """The name of the rung at a share of the first replicate's judged stage."""
    return f"{fraction:g}"


def synthesis_rung(share: float) -> float:
    """The place of the rung at a share of the first replicate's synthesis, before the judged stage begins at 0."""
    return share - 1


def compared(values: Values, statistics: float | None) -> Values:
    """What trials are ranked by at a rung: the objectives; in synthesis its distance, and the costs among them.

    Args:
        values: of the objectives; in synthesis of costs alone, None of the others.
        statistics: the distance; None at other rungs.
    """
    return values if statistics is None else (statistics, *(value for value in values if value is not None))


def replicate_rung(replicates: int) -> str:
    """The name of the rung after so many whole replicates."""
    return str(replicates)


@dataclass(frozen=True)
class Halving:
    """The rule.

    Args:
        reduction: one in this many continues.
        directions: of each objective.
        floors: of each objective, or None where there is none.
    """

    reduction: int
    directions: tuple[Direction, ...]
    floors: tuple[float | None, ...]

    def in_synthesis(self, costs: Sequence[bool]) -> "Halving":
        """The same rule for what is compared in synthesis (`compared`): the distance is to be small and has no floor.

        Args:
            costs: whether each objective is a cost.
        """
        kept = [both for both, cost in zip(zip(self.directions, self.floors, strict=True), costs, strict=True) if cost]
        directions, floors = (tuple(column) for column in zip(("minimize", None), *kept, strict=True))
        return Halving(self.reduction, directions, floors)

    def promotes(self, number: int, values: Values, seen: Mapping[int, Values]) -> bool:
        """Whether a trial that reaches a rung continues.

        Args:
            number: the trial.
            values: its objectives at this rung.
            seen: those of the trials that were there before, by number.
        """
        entries = {**seen, number: values}
        ranked = self.rank(entries)
        if len(entries) < self.reduction**2 and self._unbeaten(number, entries):
            return True
        return ranked.index(number) < self.most(len(ranked))

    def most(self, entries: int) -> int:
        """How many of so many entries of a rung continue, apart from what is not beaten while they are few."""
        return math.ceil(entries / self.reduction)

    def _unbeaten(self, number: int, entries: Mapping[int, Values]) -> bool:
        """Whether a trial is above the floors and no other one dominates or equals it."""
        losses = {other: self._losses(values) for other, values in entries.items() if not self._below(values)}
        own = losses.pop(number, None)
        return own is not None and not any(covers(loss, own) for loss in losses.values())

    def rank(self, entries: Mapping[int, Values]) -> list[int]:
        """The trials of a rung, best first."""
        losses = {number: self._losses(values) for number, values in entries.items()}
        sound = {number: vector for number, vector in losses.items() if not self._below(entries[number])}
        below = {number: vector for number, vector in losses.items() if number not in sound}
        return [*_by_front(sound), *_by_front(below)]

    def _losses(self, values: Values) -> tuple[float, ...]:
        """The objectives with less being better; what is missing or not finite is as bad as can be."""
        return tuple(
            math.inf if value is None or not math.isfinite(value) else (value if direction == "minimize" else -value)
            for value, direction in zip(values, self.directions, strict=True)
        )

    def _below(self, values: Values) -> bool:
        """Whether an objective is worse than its floor, or missing."""
        for value, direction, floor in zip(values, self.directions, self.floors, strict=True):
            if value is None or not math.isfinite(value):
                return True
            if floor is not None and (value < floor if direction == "maximize" else value > floor):
                return True
        return False


def dominates(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether `first` is nowhere worse and somewhere better, less being better."""
    return covers(first, second) and tuple(first) != tuple(second)


def fronts(losses: Mapping[int, Sequence[float]]) -> list[list[int]]:
    """The trials front by front: those that nobody dominates, then those that only they dominate, and so on.

    Source: Zhang et al., An Efficient Approach to Nondominated Sorting (ENS-BS), 2015.
    """
    found: list[list[int]] = []
    for number in sorted(losses, key=lambda number: (*losses[number], number)):
        low, high = 0, len(found)
        while low < high:  # a front that dominates a trial lies behind others that do
            middle = (low + high) // 2
            if _front_dominates(found[middle], number, losses):
                low = middle + 1
            else:
                high = middle
        if low == len(found):
            found.append([])
        found[low].append(number)
    return [sorted(front) for front in found]


def _front_dominates(front: Sequence[int], number: int, losses: Mapping[int, Sequence[float]]) -> bool:
    """Whether a member of a front, which came in lexicographic order, dominates a trial that comes after it."""
    if len(losses[number]) <= 2:  # then the last member is the best of them in the second objective
        return dominates(losses[front[-1]], losses[number])
    return any(dominates(losses[member], losses[number]) for member in reversed(front))


def crowding(losses: Mapping[int, Sequence[float]]) -> dict[int, float]:
    """How lonely each trial is within its front; the ends of every objective are infinitely so."""
    distance = {number: 0.0 for number in losses}
    width = len(next(iter(losses.values()), ()))
    for axis in range(width):
        order = sorted(losses, key=lambda number: (losses[number][axis], number))
        low, high = losses[order[0]][axis], losses[order[-1]][axis]
        distance[order[0]] = distance[order[-1]] = math.inf
        span = high - low
        if not 0 < span < math.inf:
            continue
        for before, number, after in zip(order, order[1:], order[2:], strict=False):
            distance[number] += (losses[after][axis] - losses[before][axis]) / span
    return distance


def _by_front(losses: Mapping[int, Sequence[float]]) -> list[int]:
    ordered: list[int] = []
    for front in fronts(losses):
        lonely = crowding({number: losses[number] for number in front})
        # With one objective a front holds equals, and the ends of equals mean nothing.
        alone = len(losses[front[0]]) == 1
        ordered += sorted(front, key=lambda number: (0.0 if alone else -lonely[number], losses[number][0], number))
    return ordered
