"""Graphs for a model that is there already: features as its prior says, whatever these graphs hold of them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric.data import Data

from acgkd.datasets._given.given_files import GivenFiles
from acgkd.datasets._given.graph_columns import PlainGraph, check_graph
from acgkd.errors import DataError
from acgkd.modules.columns import blocks_of, strange_kinds
from acgkd.priors import GraphPrior


def read_unlabelled(given: GivenFiles, prior: GraphPrior) -> list[PlainGraph]:
    """Saved graphs or tables, whether or not they say classes.

    Raises:
        DataError: they cannot be read.
    """
    if given.kind == "tables":
        from acgkd.datasets._given.graph_tables import read_tables

        return read_tables(given, edge_labels=bool(prior.edge_columns), labelled=False)
    from acgkd.datasets._given.saved_graphs import read_saved

    return read_saved(given.files, labelled=False)


def by_prior(graphs: Sequence[PlainGraph], prior: GraphPrior) -> list[Data]:
    """The graphs with features as a model of this prior reads them.

    Whole numbers are kinds, of which there may be fewer here than the prior knows; what has as many columns as the
    model reads is taken as it is.

    Raises:
        DataError: a graph that no model could read, or one without the features that this one does.
    """
    found = []
    for graph in graphs:
        check_graph(graph)
        data = Data(x=_nodes(graph, prior), edge_index=graph.edges)
        if prior.edge_columns:
            rows = graph.edge_attr
            if rows is None and not graph.edges.shape[1]:
                rows = torch.zeros(0, prior.edge_features, device="cpu")
            if rows is None:
                raise DataError(f"The student reads features of edges, but {graph.where} has none.")
            if len(rows) != graph.edges.shape[1]:
                raise DataError(f"{graph.where} has {graph.edges.shape[1]} edges, but features of {len(rows)}.")
            data.edge_attr = _encoded(rows, prior.edge_columns, prior.edge_features, "edges", graph.where)
        found.append(data)
    return found


def _nodes(graph: PlainGraph, prior: GraphPrior) -> Tensor:
    wanted = prior.feature_count
    if prior.features == "constant":
        return torch.ones(graph.nodes, wanted, device="cpu")
    if prior.features == "degree":
        degree = torch.bincount(graph.edges[1], minlength=graph.nodes).clamp(max=wanted - 1)
        return torch.nn.functional.one_hot(degree, wanted).float()
    if graph.x is None:
        raise DataError(f"The student reads {wanted} columns of node features, but {graph.where} has none.")
    columns = (prior.node_columns or (wanted,)) if prior.features == "categorical" else ()
    return _encoded(graph.x, columns, wanted, "nodes", graph.where)


def _encoded(rows: Tensor, columns: Sequence[int], wanted: int, of: str, where: str) -> Tensor:
    """One-hot blocks of whole numbers, or rows as they are.

    Shapes:
        rows: ``[nodes or edges, columns]``, or without columns; returns: ``[nodes or edges, wanted]``
    """
    rows = rows.to("cpu")
    rows = rows.view(-1, 1) if rows.dim() == 1 else rows
    if rows.shape[1] == wanted and (wanted > 1 or not columns):
        return rows.float()
    if rows.is_floating_point() or rows.shape[1] != len(columns):
        raise DataError(f"It reads {wanted} columns of features of {of}, but {where} has {rows.shape[1]}.")
    if (strange := strange_kinds(rows, columns)) is not None:
        number, lowest, highest = strange
        raise DataError(
            f"`0 <= kind < {columns[number]}` must hold for the {of} of what the student reads, but column {number} of "
            f"{where} has {lowest} to {highest}."
        )
    return blocks_of(rows.long(), columns)
