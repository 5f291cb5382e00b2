"""Many graphs as one: the batch that every graph method, teacher and student speaks."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from acgkd.method import Items


@dataclass(frozen=True)
class GraphBatch:
    """Graphs side by side, joined by no edge.

    Shapes:
        x: ``[nodes, features]``
        edge_index: ``[2, edges]``, from source to target; both directions of an undirected edge, and only of directed
            pseudo-graphs may one stand alone
        edge_weight: ``[edges]`` in [0, 1], or None where every edge counts 1
        batch: ``[nodes]``, the graph of each node, ascending
        labels: ``[graphs]`` or None
        edge_attr: ``[edges, edge features]``, one-hot blocks, or None where edges have no features
    """

    x: Tensor
    edge_index: Tensor
    edge_weight: Tensor | None
    batch: Tensor
    graphs: int
    labels: Tensor | None = None
    edge_attr: Tensor | None = None

    def to(self, device: torch.device) -> "GraphBatch":
        """The same batch on another device."""
        return GraphBatch(
            x=self.x.to(device),
            edge_index=self.edge_index.to(device),
            edge_weight=None if self.edge_weight is None else self.edge_weight.to(device),
            batch=self.batch.to(device),
            graphs=self.graphs,
            labels=None if self.labels is None else self.labels.to(device),
            edge_attr=None if self.edge_attr is None else self.edge_attr.to(device),
        )

    def detach(self) -> "GraphBatch":
        """The same batch, cut from the graph of derivatives."""
        return replace(
            self,
            x=self.x.detach(),
            edge_weight=None if self.edge_weight is None else self.edge_weight.detach(),
            edge_attr=None if self.edge_attr is None else self.edge_attr.detach(),
        )

    def with_edges(self, chosen: Tensor) -> "GraphBatch":
        """The same graphs with some of their edges alone.

        Shapes:
            chosen: bool ``[edges]``, or numbers of edges
        """
        return replace(
            self,
            edge_index=self.edge_index[:, chosen],
            edge_weight=None if self.edge_weight is None else self.edge_weight[chosen],
            edge_attr=None if self.edge_attr is None else self.edge_attr[chosen],
        )


def joined(first: GraphBatch, second: GraphBatch) -> GraphBatch:
    """Two batches as one, graphs of the first before those of the second; both weighted, or neither."""
    nodes = first.x.shape[0]

    def both(left: Tensor | None, right: Tensor | None) -> Tensor | None:
        return None if left is None or right is None else torch.cat([left, right])

    return GraphBatch(
        x=torch.cat([first.x, second.x]),
        edge_index=torch.cat([first.edge_index, second.edge_index + nodes], dim=1),
        edge_weight=both(first.edge_weight, second.edge_weight),
        batch=torch.cat([first.batch, second.batch + first.graphs]),
        graphs=first.graphs + second.graphs,
        labels=both(first.labels, second.labels),
        edge_attr=both(first.edge_attr, second.edge_attr),
    )


def collate(samples: Items, device: torch.device) -> GraphBatch:
    """Joins torch_geometric `Data` objects into one batch: `x`, `edge_index`, optional `edge_weight`, `edge_attr`, `y`.

    Edge features are taken along where every graph has them.
    """
    sizes = [int(sample.x.shape[0]) for sample in samples]
    starts = torch.tensor([0, *sizes[:-1]], device="cpu").cumsum(0).tolist()
    weighted = any(getattr(sample, "edge_weight", None) is not None for sample in samples)
    featured = all(getattr(sample, "edge_attr", None) is not None for sample in samples)
    labelled = all(getattr(sample, "y", None) is not None for sample in samples)
    weights = [
        sample.edge_weight
        if getattr(sample, "edge_weight", None) is not None
        else torch.ones(sample.edge_index.shape[1], device="cpu")
        for sample in samples
    ]
    return GraphBatch(
        x=torch.cat([sample.x for sample in samples]).to(device),
        edge_index=torch.cat([s.edge_index + start for s, start in zip(samples, starts, strict=True)], dim=1).to(
            device
        ),
        edge_weight=torch.cat(weights).to(device) if weighted else None,
        batch=torch.repeat_interleave(torch.arange(len(sizes), device="cpu"), torch.tensor(sizes, device="cpu")).to(
            device
        ),
        graphs=len(sizes),
        labels=torch.cat([sample.y.view(-1) for sample in samples]).to(device) if labelled else None,
        edge_attr=torch.cat([sample.edge_attr for sample in samples]).to(device) if featured else None,
    )
