"""Minibatches cut out of one large batch, without putting graphs together one by one."""

import torch
from torch import Tensor

from acgkd.graphs.batch import GraphBatch


class GraphSelector:
    """Picks graphs out of a batch by number.

    Index work is done on the host, where shapes are decided, so that picking never waits for the device.

    Args:
        batch: whose nodes stand graph by graph; its edges may stand in any order.
    """

    def __init__(self, batch: GraphBatch) -> None:
        node_graph = batch.batch.to("cpu")
        edge_graph = node_graph[batch.edge_index[0].to("cpu")]
        self._batch = batch
        self._node_counts = torch.bincount(node_graph, minlength=batch.graphs)
        self._edge_counts = torch.bincount(edge_graph, minlength=batch.graphs)
        self._node_starts = self._node_counts.cumsum(0) - self._node_counts
        self._edge_starts = self._edge_counts.cumsum(0) - self._edge_counts
        order = torch.argsort(edge_graph, stable=True)
        in_order = bool((edge_graph[1:] >= edge_graph[:-1]).all())
        self._order = None if in_order else order

    @property
    def count(self) -> int:
        """How many graphs there are to pick from."""
        return self._batch.graphs

    def __call__(self, indices: Tensor) -> GraphBatch:
        """The graphs at `indices`, in that order, as a batch of their own.

        Shapes:
            indices: ``[picked]`` on the CPU
        """
        sizes, counts = self._node_counts[indices], self._edge_counts[indices]
        nodes = ranges(self._node_starts[indices], sizes)
        edges = ranges(self._edge_starts[indices], counts)
        if self._order is not None:
            edges = self._order[edges]
        starts = sizes.cumsum(0) - sizes
        shift = (starts - self._node_starts[indices]).repeat_interleave(counts)
        graph = torch.arange(indices.numel(), device="cpu").repeat_interleave(sizes)
        whole, device = self._batch, self._batch.x.device
        nodes, edges, shift, graph = (t.to(device, non_blocking=True) for t in (nodes, edges, shift, graph))
        return GraphBatch(
            x=whole.x[nodes],
            edge_index=whole.edge_index[:, edges] + shift,
            edge_weight=None if whole.edge_weight is None else whole.edge_weight[edges],
            batch=graph,
            graphs=int(indices.numel()),
            labels=None if whole.labels is None else whole.labels[indices.to(device, non_blocking=True)],
            edge_attr=None if whole.edge_attr is None else whole.edge_attr[edges],
        )


def ranges(starts: Tensor, lengths: Tensor) -> Tensor:
    """``[start, start + 1, ...]`` of each length, one after the other.

    Shapes:
        starts, lengths: ``[ranges]`` on the CPU; returns: ``[lengths.sum()]``
    """
    ends = lengths.cumsum(0)
    total = int(ends[-1]) if ends.numel() else 0
    offsets = (starts - (ends - lengths)).repeat_interleave(lengths)
    return torch.arange(total, device="cpu") + offsets
