"""Graphs as a pair of tables: a row for each node, a row for each edge."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from acgkd.datasets._given.given_files import GivenFiles
from acgkd.datasets._given.graph_columns import PlainGraph
from acgkd.errors import DataError

_OWN = ("graph", "node", "label")
_OF_EDGES = ("graph", "source", "target")
# One number for each row of a table; and the columns of one, of whatever kind each is.
Whole: TypeAlias = NDArray[np.int64]
Table: TypeAlias = dict[str, NDArray[np.generic]]


def read_tables(given: GivenFiles, *, edge_labels: bool = False, labelled: bool = True) -> list[PlainGraph]:
    """All graphs, by ascending `graph`.

    Nodes have `graph`, `label` (the class of their graph), where edges do not count them from 0 `node`, and every
    further column is a feature. Edges have `graph`, `source` and `target`; one row will do for both directions.

    Args:
        given: the two files.
        edge_labels: whether every further column of edges is a feature of theirs, and not passed over.
        labelled: whether there must be a column `label`.

    Raises:
        DataError: a table that cannot be read, lacks a column, or contradicts the other one.
    """
    nodes_file, edges_file = given.files
    wanted = ("graph", "label") if labelled else ("graph",)
    nodes, edges = _read(nodes_file, wanted), _read(edges_file, _OF_EDGES)
    graph = _whole(nodes, "graph", nodes_file)
    label = _whole(nodes, "label", nodes_file) if "label" in nodes else None
    order = np.argsort(graph, kind="stable")
    ordered = graph[order]
    names, starts, sizes = np.unique(ordered, return_index=True, return_counts=True)
    x = _features(nodes, nodes_file, _OWN)
    kinds = _features(edges, edges_file, _OF_EDGES) if edge_labels else None
    place = np.empty(len(graph), dtype=np.int64)
    place[order] = np.arange(len(graph)) - np.repeat(starts, sizes)
    ends = _ends(nodes, edges, (nodes_file, edges_file), graph, place, names, sizes)
    edge_graph = np.searchsorted(names, _whole(edges, "graph", edges_file))
    by_graph = np.argsort(edge_graph, kind="stable")
    cuts = np.searchsorted(edge_graph[by_graph], np.arange(len(names) + 1))
    found = []
    for number, (name, start, size) in enumerate(zip(names, starts, sizes, strict=True)):
        rows = order[start : start + size]
        classes = np.unique(label[rows]) if label is not None else np.array([], dtype=np.int64)
        where = f"graph {name} of {given.path}"
        if len(classes) > 1:
            raise DataError(f"All nodes of a graph have its class as `label`, but {where} has {classes[:5].tolist()}.")
        known = int(classes[0]) if len(classes) else None
        own = by_graph[cuts[number] : cuts[number + 1]]
        pairs = torch.from_numpy(ends[:, own])
        both, edge_attr = _both_ways(pairs, int(size), None if kinds is None else kinds[own], where)
        found.append(PlainGraph(where, int(size), both, None if x is None else x[rows], known, edge_attr))
    return found


def _ends(
    nodes: Table,
    edges: Table,
    files: tuple[Path, Path],
    graph: Whole,
    place: Whole,
    names: Whole,
    sizes: Whole,
) -> Whole:
    """Source and target of each edge, counted from 0 within their graph."""
    nodes_file, edges_file = files
    edge_graph = _whole(edges, "graph", edges_file)
    strange = np.setdiff1d(edge_graph, names)
    if len(strange):
        raise DataError(f"{edges_file} has edges of graph {strange[0]}, but {nodes_file} has no node of it.")
    said = np.stack([_whole(edges, end, edges_file) for end in ("source", "target")])
    if "node" not in nodes:
        ends = said
        most = sizes[np.searchsorted(names, edge_graph)]
        wrong = np.nonzero(((said < 0) | (said >= most)).any(0))[0]
    else:
        node = _whole(nodes, "node", nodes_file)
        known = {(one, other): spot for one, other, spot in zip(graph.tolist(), node.tolist(), place, strict=True)}
        if len(known) < len(node):
            raise DataError(f"`node` must name a node once within its graph, but {nodes_file} has one twice.")
        of = edge_graph.tolist()
        spots = [[known.get(pair, -1) for pair in zip(of, end, strict=True)] for end in said.tolist()]
        ends = np.array(spots, dtype=np.int64).reshape(2, -1)
        wrong = np.nonzero((ends < 0).any(0))[0]
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"Row {row + 1} of {edges_file} joins {said[0, row]} and {said[1, row]} of graph {edge_graph[row]}, but "
            f"{nodes_file} does not have both."
        )
    return ends


def _both_ways(pairs: Tensor, size: int, kinds: Tensor | None, where: str) -> tuple[Tensor, Tensor | None]:
    """Each edge once in each direction, without loops, in the order of the nodes; and the features of each."""
    proper = pairs[0] != pairs[1]
    pairs = pairs[:, proper]
    codes, spots = torch.unique(
        torch.cat([pairs[0] * size + pairs[1], pairs[1] * size + pairs[0]]), return_inverse=True
    )
    ends = torch.stack([codes // size, codes % size])
    if kinds is None:
        return ends, None
    said = kinds[proper].repeat(2, 1)
    kept = said.new_empty(len(codes), said.shape[1])
    kept[spots] = said
    odd = (kept[spots] != said).any(1).nonzero().view(-1)
    if odd.numel():
        source, target = ends[:, spots[odd[0]]].tolist()
        raise DataError(
            f"An edge has the same features in both directions, but {where} says two things of the one between its "
            f"nodes {source} and {target}, counted from 0."
        )
    return ends, kept


def _features(nodes: Table, file: Path, others: tuple[str, ...]) -> Tensor | None:
    columns = [name for name in nodes if name not in others]
    if not columns:
        return None
    for name in columns:
        if nodes[name].dtype.kind not in "iufb":
            raise DataError(f"A feature must be a number, but column `{name}` of {file} holds others.")
    whole = all(nodes[name].dtype.kind in "iub" for name in columns)
    kind = np.int64 if whole else np.float32
    return torch.from_numpy(np.stack([nodes[name].astype(kind) for name in columns], axis=1))


def _whole(table: Table, name: str, file: Path) -> Whole:
    values = table[name]
    if values.dtype.kind not in "iu":
        raise DataError(f"Column `{name}` of {file} must hold whole numbers, none missing.")
    return values.astype(np.int64)


def _read(file: Path, wanted: tuple[str, ...]) -> Table:
    import pyarrow as pa

    try:
        if file.suffix == ".csv":
            from pyarrow import csv

            table = csv.read_csv(file)
        else:
            from pyarrow import parquet

            table = parquet.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} cannot be read as a table: {str(error).splitlines()[0]}") from None
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        raise DataError(f"{file} must have the columns {', '.join(wanted)}, but has no `{missing[0]}`.")
    return {name: table.column(name).to_numpy() for name in table.column_names}
