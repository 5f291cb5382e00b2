"""Pseudo-graphs whose structure was drawn once and stays; only their features can be learned."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.pseudo.kinds import Kinds, starting_logits
from acgkd.graphs.select import GraphSelector
from acgkd.settings.choices import Relaxation


class FixedStructure(nn.Module):
    """One row of features, or of feature logits, for each node of given graphs; of logits for each edge with features.

    On the CPU it keeps `labels`, `sizes` (nodes) and `edge_counts` (undirected edges) of each graph.

    Args:
        structure: the graphs, with labels; edges of weight 0 are left out permanently.
        features: `logits` draws one-hot features from learned distributions, `values` learns the features
            themselves, `given` keeps those of `structure` and has nothing to learn.
        columns: of the features to learn.
        node_columns: how many kinds each of several categorical columns has.
        edge_columns: the same of the edges, whose features are learned where they have any.
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
        node_columns: Sequence[int] = (),
        edge_columns: Sequence[int] = (),
        temperature: float,
        relaxation: Relaxation,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self._kinds, self._edge_kinds = Kinds(node_columns), Kinds(edge_columns)
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
            noise = torch.randn(nodes, columns, generator=generator, device=device)
            self.features = nn.Parameter(0.5 * noise if self._discrete else noise)
        # Node numbers in place of features: a part of the graphs then says which rows it needs. The same of edges, of
        # which the first half are all pairs one way, the second half the same pairs the other way.
        kept = replace(structure, x=torch.arange(nodes, device=device)).with_edges(structure.edge_weight > 0)
        self.edge_features: nn.Parameter | None = None
        if edge_columns:
            pairs = kept.edge_index.shape[1] // 2
            self.edge_features = nn.Parameter(starting_logits(pairs, sum(edge_columns), generator, device))
            kept = replace(kept, edge_attr=torch.arange(pairs, device=device).repeat(2))
        self._all = kept
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

    def _part(self, indices: Tensor | None, draw: Callable[[Kinds, Tensor], Tensor]) -> GraphBatch:
        """The graphs at `indices`, with features that `draw` makes of logits."""
        part = self._all if indices is None else self._select(indices)
        rows = (self._given if self.features is None else self.features)[part.x]
        if self._discrete:
            rows = draw(self._kinds, rows)
        if self.edge_features is None or part.edge_attr is None:
            return replace(part, x=rows)
        # Both directions of an edge are of the same kinds: each is drawn once, whichever graphs are asked for.
        return replace(part, x=rows, edge_attr=draw(self._edge_kinds, self.edge_features)[part.edge_attr])

    def relaxed(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """The graphs with features drawn so that gradients reach what is learned.

        Args:
            generator: on the device.
            indices: which graphs, on the CPU; all where None.
        """

        def draw(kinds: Kinds, logits: Tensor) -> Tensor:
            return kinds.relaxed(
                logits, temperature=self._temperature, relaxation=self._relaxation, generator=generator
            )

        return self._part(indices, draw)

    @torch.no_grad()
    def sampled(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """The graphs with features drawn from the learned distributions, one-hot where there are any."""
        return self._part(indices, lambda kinds, logits: kinds.sampled(logits, generator))

    @torch.no_grad()
    def thresholded(self, indices: Tensor | None = None) -> GraphBatch:
        """The graphs with the most likely features."""
        return self._part(indices, Kinds.likeliest)

    @torch.no_grad()
    def soft(self, indices: Tensor | None = None) -> GraphBatch:
        """The graphs with the distributions themselves as features."""
        return self._part(indices, Kinds.probable)
