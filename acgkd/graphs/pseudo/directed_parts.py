"""Which nodes and ordered pairs belong to some of many directed graphs, as index tensors ready on the device."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.select import GraphSelector


@dataclass(frozen=True)
class DirectedPart:
    """Some of the graphs.

    Args:
        numbers: of the graphs among all graphs.
        nodes: number of each node among all nodes.
        pairs: number of each ordered pair among all pairs.
        whole: whether these are all graphs, in order.
        structure: every ordered pair as an edge, nodes numbered within the part; its features say nothing.
        labels: pseudo-label of each graph.
        graph: of each ordered pair, numbered within the part.
        counts: ordered pairs of each graph.

    Shapes:
        nodes: ``[nodes]``; pairs, graph: ``[pairs]``; labels: ``[graphs]``; numbers, counts: ``[graphs]`` on the CPU
    """

    numbers: Tensor
    nodes: Tensor
    pairs: Tensor
    whole: bool
    structure: GraphBatch
    labels: Tensor
    graph: Tensor
    counts: Tensor

    def pairs_of(self, values: Tensor) -> Tensor:
        """Values of the part's pairs, out of those of all pairs."""
        return values if self.whole else values[self.pairs]

    def nodes_of(self, rows: Tensor) -> Tensor:
        """Rows of the part's nodes, out of those of all nodes."""
        return rows if self.whole else rows[self.nodes]

    def put(self, values: Tensor, into: Tensor) -> None:
        """Writes values of the part's pairs to where they stand among all pairs; no other is touched.

        Shapes:
            values: ``[pairs]``; into: ``[all pairs]``
        """
        if self.whole:
            into.copy_(values)
        else:
            into.index_copy_(0, self.pairs, values)

    def largest(self, values: Tensor, ranks: Tensor) -> Tensor:
        """For each graph the value that has the wanted rank among its pairs.

        Args:
            values: of the pairs.
            ranks: 1 asks for the largest.

        Shapes:
            values: ``[pairs]``; ranks: ``[graphs]`` on the CPU; returns: ``[graphs]``
        """
        places, longest = self._table
        table = torch.full((self.counts.numel() * longest,), -torch.inf, device=values.device)
        ordered = table.index_copy_(0, places, values).view(-1, longest).topk(int(ranks.max()), dim=1).values
        return ordered.gather(1, (ranks - 1).unsqueeze(1).to(values.device, non_blocking=True)).squeeze(1)

    @cached_property
    def _table(self) -> tuple[Tensor, int]:
        """Where each pair stands in a table of one row a graph, and how long its rows are."""
        longest = int(self.counts.max())
        starts = (self.counts.cumsum(0) - self.counts).repeat_interleave(self.counts)
        row = torch.arange(self.counts.numel(), device="cpu").repeat_interleave(self.counts)
        places = row * longest + torch.arange(row.numel(), device="cpu") - starts
        return places.to(self.pairs.device, non_blocking=True), longest


class DirectedParts:
    """Cuts parts out of directed graphs; index work is done on the host, so that no shape waits for the device.

    Args:
        sizes: nodes of each graph, at least 2.
        labels: pseudo-label of each graph.
        device: where the index tensors are wanted.

    Shapes:
        sizes, labels: ``[graphs]`` on the CPU
    """

    def __init__(self, sizes: Tensor, labels: Tensor, device: torch.device) -> None:
        self._counts = sizes * (sizes - 1)
        self._device = device
        pairs = ordered_pairs(sizes)
        # The numbers of nodes and pairs stand where features and weights do: a selection takes them along.
        self._select = GraphSelector(
            GraphBatch(
                x=torch.arange(int(sizes.sum()), device=device),
                edge_index=pairs.to(device),
                edge_weight=torch.arange(pairs.shape[1], device=device),
                batch=torch.arange(sizes.numel(), device="cpu").repeat_interleave(sizes).to(device),
                graphs=int(sizes.numel()),
                labels=labels.to(device),
            )
        )
        everything = torch.arange(sizes.numel(), device="cpu")
        self.all = self._cut(everything, whole=True)

    def __call__(self, indices: Tensor | None) -> DirectedPart:
        """The graphs at `indices`, in that order; all where None.

        Shapes:
            indices: ``[picked]`` on the CPU
        """
        return self.all if indices is None else self._cut(indices, whole=False)

    def _cut(self, indices: Tensor, *, whole: bool) -> DirectedPart:
        picked, counts = self._select(indices), self._counts[indices]
        assert picked.edge_weight is not None, "selected with the rest"
        assert picked.labels is not None, "selected with the rest"
        graph = torch.arange(indices.numel(), device="cpu").repeat_interleave(counts)
        return DirectedPart(
            numbers=indices,
            nodes=picked.x,
            pairs=picked.edge_weight,
            whole=whole,
            structure=picked,
            labels=picked.labels,
            graph=graph.to(self._device, non_blocking=True),
            counts=counts,
        )


def ordered_pairs(sizes: Tensor) -> Tensor:
    """All ordered pairs of two different nodes of each graph, as node numbers within the whole batch.

    Shapes:
        sizes: ``[graphs]`` on the CPU; returns: ``[2, pairs]`` on the CPU
    """
    # Every node is first of one pair with each other node of its graph.
    others = (sizes - 1).repeat_interleave(sizes)
    first = torch.arange(int(sizes.sum()), device="cpu").repeat_interleave(others)
    start = (sizes.cumsum(0) - sizes).repeat_interleave(sizes * (sizes - 1))
    second = start + torch.arange(first.numel(), device="cpu") - (others.cumsum(0) - others).repeat_interleave(others)
    return torch.stack([first, second + (second >= first).long()])
