"""Graphs of one's own in the text files of the TU collection, for a model that is there already."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from acgkd.datasets._given.graph_columns import PlainGraph
from acgkd.errors import DataError
from acgkd.priors import GraphPrior

INDICATOR = "_graph_indicator.txt"


@dataclass(frozen=True)
class TextGraphs:
    """What such files hold.

    Args:
        graphs: all of them.
        moved: what was counted from another number than 0 in the files and is counted from 0 now, in words.
    """

    graphs: list[PlainGraph]
    moved: tuple[str, ...] = ()


def read_text_graphs(folder: Path, prior: GraphPrior) -> TextGraphs:
    """Reads what a model of this prior reads: kinds or attributes of nodes, kinds of edges; and classes, where given.

    As the data set `tu` does it, kinds begin at the smallest of the file, edges are there once and without loops.
    Classes are their places in order where the files have as many as the model, else as they are, from 0; classes that
    are neither are left out.

    Raises:
        DataError: files are missing or damaged, or contradict each other.
    """
    found = sorted(folder.glob(f"*{INDICATOR}"))
    if len(found) != 1:
        raise DataError(
            f"{folder} must hold one set in the TU collection's files (`*{INDICATOR}`), but has {len(found)}."
        )
    stem = str(found[0])[: -len(INDICATOR)]
    graph = _whole(found[0]).view(-1) - 1
    pairs = _whole(Path(f"{stem}_A.txt")).view(-1, 2).T - 1
    nodes, count = len(graph), int(graph.max()) + 1 if len(graph) else 0
    if pairs.numel() and not 0 <= int(pairs.min()) <= int(pairs.max()) < nodes:
        raise DataError(f"{folder} names nodes in `{Path(stem).name}_A.txt` that `{found[0].name}` does not have.")
    moved: list[str] = []
    x = _nodes(stem, prior, nodes, moved)
    kinds = None
    if prior.edge_columns:
        kinds = _kinds(Path(f"{stem}_edge_labels.txt"), pairs.shape[1], "edges", moved)
    pairs, kinds = _once(pairs, kinds, nodes)
    of_edge = graph[pairs[0]] if pairs.numel() else pairs[0]
    labels = _classes(Path(f"{stem}_graph_labels.txt"), count, prior.classes)
    order = torch.argsort(of_edge, stable=True)
    cuts = torch.bincount(of_edge, minlength=count).tolist()
    rows = torch.argsort(graph, stable=True)
    sizes = torch.bincount(graph, minlength=count).tolist()
    place = torch.empty_like(graph)
    for mine in torch.split(rows, sizes):
        place[mine] = torch.arange(len(mine), device="cpu")
    graphs = [
        PlainGraph(
            f"graph {number + 1} of {folder}",
            len(mine),
            place[pairs[:, edges]],
            None if x is None else x[mine],
            labels[number],
            None if kinds is None else kinds[edges],
        )
        for number, (mine, edges) in enumerate(zip(torch.split(rows, sizes), torch.split(order, cuts), strict=True))
    ]
    return TextGraphs(graphs, tuple(moved))


def _nodes(stem: str, prior: GraphPrior, nodes: int, moved: list[str]) -> Tensor | None:
    if prior.features not in ("categorical", "continuous"):
        return None
    labels = Path(f"{stem}_node_labels.txt")
    if prior.features == "categorical":
        return _kinds(labels, nodes, "nodes", moved)
    file = Path(f"{stem}_node_attributes.txt")
    values = torch.from_numpy(_table(file)).float()
    if len(values) != nodes:
        raise DataError(f"{file} must have a row for each of {nodes} nodes, but has {len(values)}.")
    more = prior.feature_count - values.shape[1]
    if more > 0 and labels.is_file():  # attributes, then kinds: `features: both`
        kinds = _kinds(labels, nodes, "nodes", moved).view(-1)
        if len(kinds) == nodes and int(kinds.max()) < more:
            values = torch.cat([values, torch.nn.functional.one_hot(kinds, more).float()], 1)
    return values


def _kinds(file: Path, rows: int, of: str, moved: list[str]) -> Tensor:
    kinds = _whole(file)
    if len(kinds) != rows:
        raise DataError(f"{file} must have a row for each of {rows} {of}, but has {len(kinds)}.")
    least = kinds.min(0).values if rows else torch.zeros(kinds.shape[1], dtype=torch.long, device="cpu")
    if bool(least.any()):
        moved.append(f"kinds of {of} ({', '.join(map(str, least.tolist()))})")
    return kinds - least


def _once(pairs: Tensor, kinds: Tensor | None, nodes: int) -> tuple[Tensor, Tensor | None]:
    """Each edge once, in order, without loops."""
    proper = torch.nonzero(pairs[0] != pairs[1]).view(-1)
    codes = (pairs[0] * nodes + pairs[1])[proper]
    ordered, spots = torch.unique(codes, return_inverse=True)
    first = torch.full_like(ordered, len(codes)).scatter_reduce(
        0, spots, torch.arange(len(codes), device="cpu"), reduce="amin"
    )
    chosen = proper[first]
    return pairs[:, chosen], None if kinds is None else kinds[chosen]


def _classes(file: Path, count: int, known: int) -> list[int | None]:
    if not file.is_file():
        return [None] * count
    said = _whole(file).view(-1)
    if len(said) != count:
        raise DataError(f"{file} must have a class for each of {count} graphs, but has {len(said)}.")
    values, places = torch.unique(said, return_inverse=True)
    if len(values) == known:
        return list(places.tolist())
    return [number if 0 <= number < known else None for number in said.tolist()]


def _whole(file: Path) -> Tensor:
    table = _table(file)
    whole = table.astype(np.int64)
    if not np.array_equal(whole, table):
        raise DataError(f"{file} must hold whole numbers, but has others.")
    return torch.from_numpy(whole)


def _table(file: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Numbers, divided by commas or spaces, a row for each line."""
    try:
        lines = file.read_text(encoding="utf-8").replace(",", " ").splitlines()
        rows = [[float(word) for word in line.split()] for line in lines if line.strip()]
        return np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else 0)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} must hold numbers, but: {getattr(error, 'strerror', None) or error}.") from None
