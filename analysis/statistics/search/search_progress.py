"""How a search came to its results: the best so far and the hypervolume, after each trial and what it took."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.front import front
from analysis.statistics.selection import objective_column
from analysis.statistics.view import View

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Progress:
    """A search, trial by trial in the order in which they ended.

    Args:
        trials: their numbers.
        seconds: of synthesis and transfer of all replicates so far, whatever became of them.
        multiply_adds: the same, counted.
        best: the best value so far of what fronts judge by; NaN before the first complete trial.
        leader: number of the trial that has it; -1 before.
        tested: mean test accuracy of that trial.
        hypervolume: of the front so far, as a share of the box between the worst and the best values of all complete
            trials; NaN where there is no such box.
        spans: the quantities that span the box.

    Shapes:
        each: ``[trials]``
    """

    trials: NDArray[np.int64]
    seconds: Numbers
    multiply_adds: Numbers
    best: Numbers
    leader: NDArray[np.int64]
    tested: Numbers
    hypervolume: Numbers
    spans: tuple[str, ...]


def progress(view: View) -> Progress:
    """Computes the progress of a sweep from its records, and from its trial files when trials ended."""
    trials = view.trials.assign(_ended=pd.Series(_ends(view), dtype="string"))
    trials = trials.sort_values(["_ended", "trial"], na_position="last", ignore_index=True)
    rows = view.rows[view.rows["kind"] == "trial"]
    spent = rows.groupby("trial")[["seconds", "multiply_adds"]].sum()
    seconds, work = (
        np.cumsum(trials["trial"].map(spent[name]).fillna(0).to_numpy(dtype=float)) for name in spent.columns
    )
    column, direction = view.measure
    sign = 1.0 if direction == "maximize" else -1.0
    values = np.where(trials["complete"], sign * trials[column].to_numpy(dtype=float), math.nan)
    leaders = _leaders(values)
    known = leaders >= 0
    numbers, tested = trials["trial"].to_numpy(dtype=np.int64), trials["test_accuracy"].to_numpy(dtype=float)
    spans = _spans(view)
    return Progress(
        trials=numbers,
        seconds=seconds,
        multiply_adds=work,
        best=np.where(known, sign * values[leaders], math.nan),
        leader=np.where(known, numbers[leaders], -1),
        tested=np.where(known, tested[leaders], math.nan),
        hypervolume=_hypervolumes(trials, spans),
        spans=tuple(name for name, _ in spans),
    )


def hypervolume(points: Numbers, worst: Numbers) -> float:
    """The volume of what the points dominate, up to the worst; all quantities are better where they are less.

    Shapes:
        points: ``[points, quantities]``; worst: ``[quantities]``
    """
    import moocore

    return float(moocore.hypervolume(points, ref=worst))


def _ends(view: View) -> list[str | None]:
    """When the last attempt of each trial ended; None where no file says it."""
    found: list[str | None] = []
    for number in view.trials["trial"]:
        trial = view.metadata.trials.get(int(number))
        attempts = trial.attempts if trial else ()
        found.append(max((item.finished_at for item in attempts if item.finished_at), default=None))
    return found


def _leaders(values: Numbers) -> NDArray[np.int64]:
    """Position of the largest value up to each place, of equal ones the first; -1 before there is one."""
    leaders, best, leader = [], -math.inf, -1
    for place, value in enumerate(values):
        if value > best:
            best, leader = value, place
        leaders.append(leader)
    return np.array(leaders, dtype=np.int64)


def _spans(view: View) -> list[tuple[str, str]]:
    """The sweep's own objectives; of one only, it and the multiply-adds, or the seconds where none were counted."""
    if len(view.objectives) > 1:
        pairs: list[tuple[str, str]] = [
            (objective_column(view.trials, item), item.direction) for item in view.objectives
        ]
        if all(column for column, _ in pairs):
            return pairs
    counted = view.complete["multiply_adds"].nunique() > 1
    return [view.measure, ("multiply_adds" if counted else "seconds", "minimize")]


def _hypervolumes(trials: pd.DataFrame, spans: list[tuple[str, str]]) -> Numbers:
    signs = np.array([1.0 if direction == "minimize" else -1.0 for _, direction in spans])
    points = trials[[name for name, _ in spans]].to_numpy(dtype=float) * signs
    usable = trials["complete"].to_numpy(dtype=bool) & np.isfinite(points).all(axis=1)
    found = np.full(len(trials), math.nan)
    if not usable.any():
        return found
    worst, ideal = points[usable].max(axis=0), points[usable].min(axis=0)
    if not (worst > ideal).all():
        return found
    points = (points - ideal) / (worst - ideal)
    kept, volume = np.empty((0, len(spans))), 0.0
    for place in range(len(points)):
        if usable[place] and not (kept <= points[place]).all(axis=1).any():
            kept = np.vstack([kept, points[place]])
            kept = kept[front(kept, ["minimize"] * len(spans))]
            volume = hypervolume(kept, np.ones(len(spans)))
        found[place] = volume if len(kept) else math.nan
    return found
