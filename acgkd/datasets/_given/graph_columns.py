"""Many graphs as a few long columns, as they are kept in the cache; and what is measured on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from acgkd.datasets._given.measured import Measured
from acgkd.datasets._readers.column_types import GraphColumns
from acgkd.errors import DataError

_TAIL = 0.95
# Of all columns together: more are quantities, or numbers that name things.
_MOST_KINDS = 1000


@dataclass(frozen=True)
class PlainGraph:
    """A graph as a file says it.

    Args:
        where: how messages call it.
        nodes: how many it has.
        edges: from source to target.
        x: features, or None.
        label: its class; None where it is not known, and need not be.
        edge_attr: features of its edges, or None.

    Shapes:
        edges: ``[2, edges]``; x: ``[nodes, columns]``; edge_attr: ``[edges, columns]`` or ``[edges]``
    """

    where: str
    nodes: int
    edges: Tensor
    x: Tensor | None
    label: int | None
    edge_attr: Tensor | None = None


def columns_of(graphs: Sequence[PlainGraph], *, edge_labels: bool = False) -> GraphColumns:
    """The columns of some graphs, with the kinds of nodes where features are one-hot rows or whole numbers.

    Args:
        graphs: all of them.
        edge_labels: whether features of edges, which are kinds too, are taken along.

    Raises:
        DataError: a graph that no model could read, or features that differ in what they are.
    """
    if not graphs:
        raise DataError("There is no graph in it.")
    for graph in graphs:
        check_graph(graph)
    widths = {0 if graph.x is None else int(graph.x.shape[1]): graph.where for graph in graphs}
    if len(widths) > 1:
        (one, here), (other, there) = list(widths.items())[:2]
        raise DataError(f"All graphs must have as many columns of features, but {here} has {one} and {there} {other}.")
    kinds, values = _features([graph.x for graph in graphs if graph.x is not None])
    found: GraphColumns = {
        "nodes": torch.tensor([graph.nodes for graph in graphs], device="cpu"),
        "edges": torch.tensor([graph.edges.shape[1] for graph in graphs], device="cpu"),
        "edge_index": torch.cat([graph.edges for graph in graphs], dim=1).to(torch.int32),
        "kinds": kinds,
        "kind_count": 0 if kinds is None else _kind_count(kinds, graphs),
        "values": values,
        "labels": torch.tensor([graph.label for graph in graphs], device="cpu"),
    }
    if kinds is not None and kinds.dim() == 2:
        columns = counted_kinds(kinds, "nodes")
        found |= {"kind_count": sum(columns), "node_columns": columns}
    if edge_labels:
        edge_kinds, columns = _edge_kinds(graphs)
        found |= {"edge_kinds": edge_kinds, "edge_columns": columns}
    return found


def measured_on(columns: GraphColumns) -> Measured:
    """The figures of a set.

    Raises:
        DataError: its classes are not counted from 0, or it has one alone.
    """
    labels, nodes = columns["labels"], columns["nodes"]
    counts = class_counts(labels)
    starts = nodes.cumsum(0) - nodes
    targets = columns["edge_index"][1].long() + starts.repeat_interleave(columns["edges"])
    degrees = torch.bincount(targets, minlength=int(nodes.sum()))
    ascending = nodes.sort().values
    most = int(ascending[min(len(ascending) - 1, int(_TAIL * len(ascending)))])
    least = max(2, int(ascending[0]))
    return Measured(
        counts=counts,
        nodes=(least, max(least, most)),
        mean_degree=round(float(degrees.double().mean()), 2),
        kinds=int(columns["kind_count"]),
        values=0 if columns["values"] is None else int(columns["values"].shape[1]),
        max_degree=int(degrees.max()),
        node_columns=tuple(columns.get("node_columns", ())),
        edge_columns=tuple(columns.get("edge_columns", ())),
    )


def class_counts(labels: Tensor) -> tuple[int, ...]:
    """Samples of each class.

    Raises:
        DataError: classes are not counted from 0, or there is one alone.
    """
    if int(labels.min()) < 0:
        raise DataError(f"Classes are counted from 0, but a sample is of class {int(labels.min())}.")
    if int(labels.max()) > labels.numel():
        raise DataError(f"Every class up to the last needs a sample, but {labels.numel()} have one {labels.max()}.")
    counts = tuple(torch.bincount(labels).tolist())
    if 0 in counts:
        raise DataError(
            f"Every class up to the last needs a sample, but none of {labels.numel()} is of class {counts.index(0)}, "
            f"and the last is {len(counts) - 1}."
        )
    if len(counts) < 2:
        raise DataError(f"At least two classes are needed, but all {labels.numel()} samples are of class 0.")
    return counts


def check_graph(graph: PlainGraph) -> None:
    """Refuses a graph that no model could read.

    Raises:
        DataError: it has no node, edges to nodes that it does not have, or features of other shapes or no numbers.
    """
    if graph.nodes < 1:
        raise DataError(f"{graph.where} has no node.")
    ends = graph.edges
    if ends.numel() and not 0 <= int(ends.min()) <= int(ends.max()) < graph.nodes:
        raise DataError(
            f"`0 <= node < {graph.nodes}` must hold in the edges of {graph.where}, but they name "
            f"{int(ends.min())} to {int(ends.max())}."
        )
    if graph.x is None:
        return
    if graph.x.dim() != 2 or graph.x.shape[0] != graph.nodes:
        raise DataError(
            f"Features are `[nodes, columns]`, but {graph.where} has {graph.nodes} nodes and {list(graph.x.shape)}."
        )
    if graph.x.is_floating_point() and not bool(graph.x.isfinite().all()):
        raise DataError(f"A feature of {graph.where} is not a finite number.")


def _features(columns: Sequence[Tensor]) -> tuple[Tensor | None, Tensor | None]:
    """Kinds of nodes, or values: of one-hot rows the former, of whole numbers too, a column for each."""
    if not columns or columns[0].shape[1] == 0:
        return None, None
    x = torch.cat([column.to("cpu") for column in columns])
    if not x.is_floating_point():
        if x.shape[1] == 1 and int(x.min()) >= 0:
            return x.view(-1).to(torch.int32), None
        if int(x.min()) < 0:
            raise _no_kinds(x, "nodes")
        if int(x.max()) > 1:
            return x.to(torch.int32), None
    x = x.float()
    return (x.argmax(1).to(torch.int32), None) if _is_one_hot(x) else (None, x)


def _edge_kinds(graphs: Sequence[PlainGraph]) -> tuple[Tensor | None, tuple[int, ...]]:
    """Kinds of edges, a column for each, and how many there are: of whole numbers, or of one-hot rows."""
    joined = [graph for graph in graphs if graph.edges.shape[1]]
    rows = {graph.where: _edge_rows(graph) for graph in joined}
    featured = {where: row for where, row in rows.items() if row is not None}
    if not featured:
        return None, ()
    one, first = next(iter(featured.items()))
    for where, row in rows.items():
        width = 0 if row is None else int(row.shape[1])
        if width != first.shape[1]:
            raise DataError(
                f"Edges of all graphs must have as many columns of features, but {one} has {first.shape[1]} and "
                f"{where} {width}."
            )
    whole = torch.cat(list(featured.values()))
    if _is_one_hot(whole):
        return whole.argmax(1, keepdim=True).to(torch.int32), (int(whole.shape[1]),)
    if whole.is_floating_point() or int(whole.min()) < 0:
        raise _no_kinds(whole, "edges")
    return whole.to(torch.int32), counted_kinds(whole, "edges")


def _edge_rows(graph: PlainGraph) -> Tensor | None:
    if graph.edge_attr is None:
        return None
    rows = graph.edge_attr.to("cpu")
    rows = rows.view(-1, 1) if rows.dim() == 1 else rows
    if rows.dim() != 2 or rows.shape[0] != graph.edges.shape[1]:
        raise DataError(
            f"Features of edges are `[edges, columns]`, but {graph.where} has {graph.edges.shape[1]} edges and "
            f"{list(rows.shape)}."
        )
    rows = rows if rows.is_floating_point() else rows.long()
    return rows if rows.shape[1] else None


def _is_one_hot(x: Tensor) -> bool:
    return x.shape[1] > 1 and bool(((x == 0) | (x == 1)).all()) and bool((x.sum(1) == 1).all())


def counted_kinds(columns: Tensor, of: Literal["nodes", "edges"]) -> tuple[int, ...]:
    """How many kinds each column of whole numbers has.

    Raises:
        DataError: so many that they must be something else.
    """
    counts = tuple(int(most) + 1 for most in columns.max(0).values)
    if sum(counts) > _MOST_KINDS:
        raise _no_kinds(columns, of)
    return counts


def _no_kinds(x: Tensor, of: Literal["nodes", "edges"]) -> DataError:
    out = (
        "Where they are quantities, save them as floating point numbers."
        if of == "nodes"
        else "Leave `edge_labels` out, or save what are kinds alone."
    )
    columns = f"{x.shape[1]} column{'s' if x.shape[1] > 1 else ''}"
    return DataError(
        f"Whole numbers as features are kinds of {of}: counted from 0, {_MOST_KINDS:,} at most in several columns, or "
        f"one-hot rows. But these have {columns} from {float(x.min()):g} to {float(x.max()):g}. {out}"
    )


def _kind_count(kinds: Tensor, graphs: Sequence[PlainGraph]) -> int:
    first = graphs[0].x
    assert first is not None, "kinds come from features"
    return int(first.shape[1]) if first.shape[1] > 1 else int(kinds.max()) + 1
