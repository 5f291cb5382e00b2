"""The Pareto front: the points that no other point beats in every respect."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acgkd.errors import AnalysisError


def front(points: NDArray[np.number], directions: Sequence[str]) -> NDArray[np.bool_]:
    """Marks the non-dominated points.

    A point dominates another when it is at least as good in every column and better in one; equal points stand on
    the front together. A point with a missing value is not on the front and dominates nobody.

    Args:
        points: one row per point.
        directions: ``minimize`` or ``maximize``, one per column.

    Shapes:
        points: ``[points, columns]``, result: ``[points]``.

    Raises:
        AnalysisError: another number of directions than columns, or a direction of another name.
    """
    values = np.asarray(points, dtype=float)
    if values.ndim != 2 or values.shape[1] != len(directions):
        raise AnalysisError(f"`points` must have {len(directions)} columns, one per direction, but is {values.shape}.")
    if not set(directions) <= {"minimize", "maximize"}:
        raise AnalysisError(f"Directions are `minimize` or `maximize`, but got {list(directions)}.")
    values = values * np.array([1.0 if direction == "minimize" else -1.0 for direction in directions])
    on_front = np.zeros(len(values), dtype=bool)
    known = np.flatnonzero(~np.isnan(values).any(axis=1))
    order = known[np.lexsort(values[known].T[::-1])]
    on_front[order[(_of_two if len(directions) <= 2 else _of_many)(values[order])]] = True
    return on_front


# After sorting by the first column (ties by the next), only earlier points can dominate a later one.


def _of_two(ranked: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Marks the front of sorted points with one or two columns: whose last value is below all earlier ones."""
    if not len(ranked):
        return np.zeros(0, dtype=bool)
    last = ranked[:, -1]
    new = np.concatenate(([True], (ranked[1:] != ranked[:-1]).any(axis=1)))
    below = last < np.concatenate(([np.inf], np.minimum.accumulate(last)[:-1]))
    below[0] = True
    firsts = np.flatnonzero(new)
    marked: NDArray[np.bool_] = below[firsts][np.cumsum(new) - 1]  # equal points stand on it together
    return marked


def _of_many(ranked: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Marks the front of sorted points: each is compared with the front found so far and not with all points."""
    marked = np.zeros(len(ranked), dtype=bool)
    kept = np.empty((0, ranked.shape[1]))
    for index, point in enumerate(ranked):
        if not ((kept <= point).all(axis=1) & (kept < point).any(axis=1)).any():
            marked[index] = True
            kept = np.vstack([kept, point])
    return marked
