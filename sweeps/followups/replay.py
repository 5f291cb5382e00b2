"""Early stopping replayed in simulated time on a sweep that was observed: what it would have stopped, and saved.

A sweep with `scheduler: observe` runs every trial whole and keeps what it had at every rung, with the work it took.
That is enough to say what any rule would have done: trials come in some order to some workers, a decision is taken at
each rung from what was there by then, and a stopped trial makes room for the next one. Time is counted work.
"""

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from analysis.records import record_file, trial_file
from analysis.records.packed import Packed
from analysis.statistics.search.search_progress import hypervolume
from sweeps.engine.trials.early_stopping import EarlyStopping
from sweeps.engine.trials.halving import Values, compared, replicate_rung


@dataclass(frozen=True)
class Stop:
    """A rung that a trial has reached, or its end.

    Args:
        rung: its name; of the end the number of replicates.
        values: the objectives there, each the mean over what was done; in synthesis what is compared there.
        work: multiply-adds of the trial so far.
    """

    rung: str
    values: Values
    work: float


@dataclass(frozen=True)
class Point:
    """A trial that ran whole.

    Args:
        number: of the trial.
        parameters: of the space, by path.
        stops: in order; the last one is the end.
    """

    number: int
    parameters: Mapping[str, object]
    stops: tuple[Stop, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """The objectives at the end."""
        return tuple(math.nan if value is None else value for value in self.stops[-1].values)


@dataclass(frozen=True)
class Outcome:
    """What became of a trial in a replay.

    Args:
        trial: its number.
        stopped_at: the rung; None where it ran to the end.
        work: of all trials together when it ended.
    """

    trial: int
    stopped_at: str | None
    work: float


class Scheduler(Protocol):
    """Decides at rungs."""

    def reached(self, point: Point, stop: Stop) -> bool:
        """Whether a trial continues from a rung; asked at its end too, where the answer does not matter."""
        ...


class WholeTrials:
    """Stops nothing."""

    def reached(self, point: Point, stop: Stop) -> bool:
        """It continues."""
        return True


class OurRule:
    """Early stopping as sweeps do it.

    Args:
        rule: fresh.
        rungs: names of the rungs at which it is asked; whole replicates always are.
    """

    def __init__(self, rule: EarlyStopping, rungs: Iterable[str]) -> None:
        self._rule, self._rungs = rule, set(rungs)
        self._known: dict[int, dict[str, Values]] = {}

    def reached(self, point: Point, stop: Stop) -> bool:
        """What the rule says."""
        known = self._known.setdefault(point.number, {})
        if stop is point.stops[-1]:
            self._rule.note(point.number, known, stop.values)
            return True
        if float(stop.rung) < 1 and stop.rung not in self._rungs:  # those in synthesis are below 0
            return True
        decision = self._rule.decide(point.number, stop.rung, stop.values)
        known[stop.rung] = stop.values
        self._rule.note(point.number, known, None)
        return decision.promoted


def points_of(packed: Packed) -> tuple[Point, ...]:
    """The trials of an observed sweep that ran to the end, by number; others are left out.

    Args:
        packed: its records and trial files (`sweeps.interchange.packed_records`).
    """
    trials = [
        trial_file.parse(text, name, trial_file.TrialFile)
        for name, text in packed.files.items()
        if name.startswith("trials/")
    ]
    found = []
    for trial in sorted(trials, key=lambda trial: trial.number):
        if trial.state == "completed" and trial.replicates:
            works = [_work(packed, trial.number, index) for index in range(trial.replicates)]
            found.append(Point(trial.number, trial.parameters, tuple(_stops(trial, works))))
    return tuple(found)


def _work(packed: Packed, number: int, replicate: int) -> float:
    name = f"records/trial-{number:04d}-{replicate:02d}.json"
    return float(record_file.parse(packed.files[name], name).cost.multiply_adds or 0.0)


def _stops(trial: trial_file.TrialFile, works: Sequence[float]) -> Iterator[Stop]:
    for rung, entry in sorted(trial.rungs.items(), key=lambda item: float(item[0])):
        whole = int(float(rung))
        work = sum(works[:whole]) if whole else float((entry.cost or {}).get("multiply_adds") or 0.0)
        yield Stop(rung, compared(entry.values, entry.statistics), work)
    yield Stop(replicate_rung(len(works)), trial.values or (), sum(works))


def replayed(order: Iterable[Point], scheduler: Scheduler, slots: int = 1) -> list[Outcome]:
    """What a scheduler makes of trials that come in an order.

    Args:
        order: which trial begins next whenever a worker is free.
        scheduler: fresh.
        slots: how many workers there are, equally fast.
    """
    waiting, spent, found = iter(order), 0.0, []
    due: list[tuple[float, int, int, Point]] = []  # when, a worker, which stop, of which trial
    for slot in range(slots):
        _begin(due, waiting, 0.0, slot)
    while due:
        moment, slot, place, point = heapq.heappop(due)
        stop, before = point.stops[place], point.stops[place - 1].work if place else 0.0
        spent += stop.work - before
        going, last = scheduler.reached(point, stop), place == len(point.stops) - 1
        if going and not last:
            heapq.heappush(due, (moment + point.stops[place + 1].work - stop.work, slot, place + 1, point))
            continue
        found.append(Outcome(point.number, None if last else stop.rung, spent))
        _begin(due, waiting, moment, slot)
    return found


def _begin(due: list[tuple[float, int, int, Point]], waiting: Iterator[Point], moment: float, slot: int) -> None:
    point = next(waiting, None)
    if point is not None:
        heapq.heappush(due, (moment + point.stops[0].work, slot, 0, point))


def hypervolumes(
    outcomes: Sequence[Outcome], losses: Mapping[int, Sequence[float]], worst: Sequence[float]
) -> list[float]:
    """The hypervolume of the completed trials after each outcome, as a share of the box from 0 to the worst.

    Args:
        outcomes: in order.
        losses: of each trial at its end; less is better, and nothing is below 0.
        worst: the corner.
    """
    import numpy as np

    corner = np.ones(len(worst))
    kept, volume, found = np.empty((0, len(worst))), 0.0, []
    for outcome in outcomes:
        point = np.asarray(losses[outcome.trial], dtype=float) / np.asarray(worst, dtype=float)
        if outcome.stopped_at is None and (point < 1).all() and not (kept <= point).all(axis=1).any():
            kept = np.vstack([kept[~(kept >= point).all(axis=1)], point])
            volume = hypervolume(kept, corner)
        found.append(volume)
    return found


def work_to(outcomes: Sequence[Outcome], volumes: Sequence[float], level: float) -> float:
    """Work of all trials when a hypervolume was first there; infinite where it never was."""
    reached = (item.work for item, volume in zip(outcomes, volumes, strict=True) if volume >= level * (1 - 1e-12))
    return next(reached, math.inf)
