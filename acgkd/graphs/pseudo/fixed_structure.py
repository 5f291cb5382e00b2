"""Pseudo-graphs whose structure was drawn once and stays; only their features can be learned."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.pseudo.concrete import concrete_features, likeliest_features, sampled_features
from acgkd.graphs.select import GraphSelector
from acgkd.settings.choices import Relaxation


class FixedStructure(nn.Module):
    """One row of features, or of feature logits, for each node of given graphs.

    On the CPU it keeps `labels`, `sizes` (nodes) and `edge_counts` (undirected edges) of each graph.

    Args:
        structure: the graphs, with labels; edges of weight 0 are left out permanently.
        features: `logits` draws one-hot features from learned distributions, `values` learns the features
            themselves, `given` keeps those of `structure` and has nothing to learn.
        columns: of the features to learn.
        temperature: λ of the features while they are learned.
        relaxation: simplex points, or one-hot with their gradient, while they are learned.
        generator: for the initial noise; on the device of `structure`.
    """

    def __init__(
        self,
        structure: GraphBatch,
        features: str,
        columns: int,
        *,
        temperature: float,
        relaxation: Relaxation,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if structure.labels is None or structure.edge_weight is None:
            raise ValueError("Graphs of fixed structure need labels and edge weights.")
        self.labels = structure.labels.to("cpu")
        self._temperature = temperature
        self._relaxation = relaxation
        self._given = structure.x
        nodes, device = structure.x.shape[0], structure.x.device
        self.features: nn.Parameter | None = None
        self._discrete = features == "logits"
        if features != "given":
            scale = 0.5 if self._discrete else 1.0
            noise = torch.randn(nodes, columns, generator=generator, device=device)
            self.features = nn.Parameter(scale * noise)
        # Node numbers in place of features: a part of the graphs then says which rows it needs.
        kept = structure.edge_weight > 0
        self._all = replace(
            structure,
            x=torch.arange(nodes, device=device),
            edge_index=structure.edge_index[:, kept],
            edge_weight=structure.edge_weight[kept],
        )
        self._select = GraphSelector(self._all)
        graph = structure.batch.to("cpu")
        self.sizes = torch.bincount(graph, minlength=structure.graphs)
        self.edge_counts = torch.bincount(graph[self._all.edge_index[0].to("cpu")], minlength=structure.graphs) // 2

    @property
    def load(self) -> Tensor:
        """Nodes and directed edges that a pass over each graph goes through.

        Shapes:
            returns: ``[graphs]`` on the CPU
        """
        return self.sizes + 2 * self.edge_counts

    @property
    def count(self) -> int:
        """Number of graphs."""
        return self._all.graphs

    def feature_logits(self) -> Tensor | None:
        """Feature logits where there are any, for their entropy."""
        return self.features if self._discrete else None

    def _part(self, indices: Tensor | None) -> tuple[GraphBatch, Tensor]:
        """The graphs at `indices`, and their rows of features."""
        part = self._all if indices is None else self._select(indices)
        return part, (self._given if self.features is None else self.features)[part.x]

    def relaxed(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """The graphs with features drawn so that gradients reach what is learned.

        Args:
            generator: on the device.
            indices: which graphs, on the CPU; all where None.
        """
        part, rows = self._part(indices)
        if self._discrete:
            rows = concrete_features(
                rows, temperature=self._temperature, relaxation=self._relaxation, generator=generator
            )
        return replace(part, x=rows)

    @torch.no_grad()
    def sampled(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """The graphs with features drawn from the learned distributions, one-hot where there are any."""
        part, rows = self._part(indices)
        if self._discrete:
            rows = sampled_features(rows, generator)
        return replace(part, x=rows)

    @torch.no_grad()
    def thresholded(self, indices: Tensor | None = None) -> GraphBatch:
        """The graphs with the most likely features."""
        part, rows = self._part(indices)
        return replace(part, x=likeliest_features(rows) if self._discrete else rows)

    @torch.no_grad()
    def soft(self, indices: Tensor | None = None) -> GraphBatch:
        """The graphs with the distributions themselves as features."""
        part, rows = self._part(indices)
        return replace(part, x=torch.softmax(rows, dim=1) if self._discrete else rows)
