"""What is kept of a set of graphs: a few long columns."""

from typing import NotRequired, TypedDict

from torch import Tensor


class GraphColumns(TypedDict):
    """A whole set: what its graphs have, one after the other.

    `nodes` and `edges` are how many each graph has. Without kinds, or without values, its nodes have None.
    `node_columns` says of several columns of kinds how many each has; what is of edges is there where it was asked for.

    Shapes:
        nodes, edges, labels: ``[graphs]``; edge_index: ``[2, edges]``, counted from 0 within a graph
        kinds: ``[nodes]`` or ``[nodes, columns]``; values: ``[nodes, columns]``; edge_kinds: ``[edges, columns]``
    """

    nodes: Tensor
    edges: Tensor
    edge_index: Tensor
    kinds: Tensor | None
    kind_count: int
    values: Tensor | None
    labels: Tensor
    node_columns: NotRequired[tuple[int, ...]]
    edge_kinds: NotRequired[Tensor | None]
    edge_columns: NotRequired[tuple[int, ...]]
