"""Which nodes and candidate pairs belong to some of many graphs, as index tensors that are ready on the device."""

from dataclasses import dataclass

import torch
from torch import Tensor

from acgkd.graphs.pseudo.candidates import Candidates
from acgkd.graphs.select import ranges


@dataclass(frozen=True)
class Part:
    """Some of the graphs.

    Args:
        nodes: their nodes among the nodes of all graphs; None means all.
        pairs: their candidate pairs among those of all graphs; None means all.
        edge_index: every pair one way, then every pair the other way; nodes numbered within the part.
        batch: graph of each node, numbered within the part.
        graphs: how many.
        node_count: how many nodes.
        labels: pseudo-label of each graph.

    Shapes:
        nodes, batch: ``[nodes]``; pairs: ``[pairs]``; edge_index: ``[2, 2 * pairs]``; labels: ``[graphs]``
    """

    nodes: Tensor | None
    pairs: Tensor | None
    edge_index: Tensor
    batch: Tensor
    graphs: int
    node_count: int
    labels: Tensor

    @property
    def ends(self) -> Tensor:
        """The nodes i < j of each pair.

        Shapes:
            returns: ``[2, pairs]``
        """
        return self.edge_index[:, : self.edge_index.shape[1] // 2]


class Parts:
    """Cuts parts out of candidate pairs; all index work is done on the host, so that no shape waits for the device.

    Args:
        candidates: of all graphs.
        labels: pseudo-label of each graph, on the CPU.
        device: where the index tensors are wanted.
    """

    def __init__(self, candidates: Candidates, labels: Tensor, device: torch.device) -> None:
        self._candidates = candidates
        self._labels = labels
        self._device = device
        zero = candidates.sizes.new_zeros(1)
        self._node_starts = torch.cat([zero, candidates.sizes.cumsum(0)])
        self._pair_starts = torch.cat([zero, candidates.counts.cumsum(0)])
        self._all = self._cut(None)

    def __call__(self, indices: Tensor | None) -> Part:
        """The graphs at `indices`, in that order; all where None.

        Shapes:
            indices: ``[picked]`` on the CPU
        """
        return self._all if indices is None else self._cut(indices)

    def _cut(self, indices: Tensor | None) -> Part:
        sizes, counts, pairs = self._candidates.sizes, self._candidates.counts, self._candidates.pairs
        nodes = chosen = None
        if indices is not None:
            nodes = ranges(self._node_starts[indices], sizes[indices])
            chosen = ranges(self._pair_starts[indices], counts[indices])
            sizes, counts = sizes[indices], counts[indices]
            starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)[:-1]])
            pairs = pairs[:, chosen] + (starts - self._node_starts[indices]).repeat_interleave(counts)
        batch = torch.arange(sizes.numel(), device="cpu").repeat_interleave(sizes)
        labels = self._labels if indices is None else self._labels[indices]
        return Part(
            nodes=None if nodes is None else self._send(nodes),
            pairs=None if chosen is None else self._send(chosen),
            edge_index=self._send(torch.cat([pairs, pairs.flip(0)], dim=1)),
            batch=self._send(batch),
            graphs=int(sizes.numel()),
            node_count=int(sizes.sum()),
            labels=self._send(labels),
        )

    def _send(self, host: Tensor) -> Tensor:
        return host.to(self._device, non_blocking=True)
