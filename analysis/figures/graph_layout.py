"""Where the nodes of a small graph stand: distances on paper as in the graph, one part beside the other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Indices = NDArray[np.integer]

STEPS = 60
APART = 0.9  # between parts that no edge joins, in lengths of an edge


def layout(nodes: int, ends: Indices) -> Points:
    """Places the nodes of an undirected graph; no random number is drawn, so that the same graph looks the same.

    Shapes:
        ends: ``[2, edges]``; returns: ``[nodes, 2]``, an edge about 1 long, the corner of the lowest values at (0, 0)
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components, shortest_path

    rows, columns = ends.astype(np.int32)  # scipy 1.12 finds no paths over wider indices
    joined = coo_array((np.ones(ends.shape[1]), (rows, columns)), shape=(nodes, nodes)).tocsr()
    count, part = connected_components(joined, directed=False)
    places = np.zeros((nodes, 2))
    members = [np.flatnonzero(part == number) for number in range(count)]
    for chosen in members:
        inside = joined[chosen][:, chosen]
        places[chosen] = by_distance(shortest_path(inside, directed=False, unweighted=True))
    return side_by_side(places, members)


def by_distance(distances: Points) -> Points:
    """Places points so that their distances come close to those given: stress majorisation, near ones counting most.

    Shapes:
        distances: ``[points, points]``, finite; returns: ``[points, 2]`` about (0, 0)
    Source: Gansner, Koren and North (2004), "Graph drawing by stress majorization", with weights 1 / distance².
    """
    count = len(distances)
    if count == 1:
        return np.zeros((1, 2))
    apart = ~np.eye(count, dtype=bool)
    weights = np.zeros_like(distances)
    weights[apart] = distances[apart] ** -2.0
    # The first point is held: the others are then solved for.
    inverse = np.linalg.inv((np.diag(weights.sum(axis=1)) - weights)[1:, 1:])
    wanted = weights * distances
    x = _scaled(distances)
    for _ in range(STEPS):
        square = (x**2).sum(axis=1)
        lengths = np.sqrt(np.maximum(square[:, None] + square[None] - 2 * x @ x.T, 1e-12))
        pull = wanted / lengths
        moved = pull.sum(axis=1)[:, None] * x - pull @ x
        x = np.vstack([np.zeros((1, 2)), inverse @ moved[1:]])
    centred: Points = x - x.mean(axis=0)
    return centred


def _scaled(distances: Points) -> Points:
    """Classical scaling, where majorisation starts; a small spiral tells points apart that it puts in one place."""
    from scipy.linalg import eigh

    count = len(distances)
    square = distances**2
    gram = -(square - square.mean(axis=0) - square.mean(axis=1)[:, None] + square.mean()) / 2
    values, vectors = eigh(gram, subset_by_index=[max(0, count - 2), count - 1])
    x = np.zeros((count, 2))
    x[:, : len(values)] = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1]
    x *= np.where(x[np.abs(x).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    radius = 0.1 * np.sqrt((np.arange(count) + 1) / count)
    started: Points = x + np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])
    return started


def side_by_side(places: Points, members: Sequence[Indices]) -> Points:
    """Moves parts apart: in rows, about as wide together as high, large ones first.

    Shapes:
        places: ``[nodes, 2]``; members: the nodes of each part; returns: ``[nodes, 2]``
    """
    boxes = [np.ptp(places[chosen], axis=0) + APART for chosen in members]
    width = max(float(np.sqrt(sum(box.prod() for box in boxes))) * 1.1, *(float(box[0]) for box in boxes), APART)
    moved, right, top, row = np.zeros_like(places), 0.0, 0.0, 0.0
    for number in sorted(range(len(members)), key=lambda number: -boxes[number][1]):
        breadth, height = (float(side) for side in boxes[number])
        if right + breadth > width + 1e-9 and right > 0:
            right, top, row = 0.0, top + row, 0.0
        chosen = members[number]
        moved[chosen] = places[chosen] - places[chosen].min(axis=0) + (right, top)
        right, row = right + breadth, max(row, height)
    return moved
