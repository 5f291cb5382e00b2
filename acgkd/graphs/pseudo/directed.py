"""Directed pseudo-graphs: one log-odds for every ordered pair of nodes, drawn without regard to the opposite pair."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.pseudo.concrete import degree_features
from acgkd.graphs.pseudo.directed_parts import DirectedPart, DirectedParts
from acgkd.graphs.pseudo.kinds import Kinds, starting_logits
from acgkd.priors import GraphPrior


def antithetic_edges(logits: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Two draws of the same edges from one uniform noise, each right by itself and as unlike as can be.

    ``(f(first) − f(second)) · (noise − ½)`` is an unbiased estimate of the gradient of E f over the log-odds, for any
    f of the edges, differentiable or not.

    Shapes:
        logits, noise: ``[pairs]``; returns: two of bool ``[pairs]``
    Source: ARM, Yin and Zhou (2019), arXiv:1807.11143, theorem 1.
    """
    return noise > torch.sigmoid(-logits), noise < torch.sigmoid(logits)


class DirectedGraphs(nn.Module):
    """K graphs of given sizes whose every ordered pair of nodes may be an edge; features by nodes, and by pairs.

    What is learned (`logits`, `features`, `edge_features`) is kept apart from what is handed on: the structure
    that was kept (`kept`) with the features as they are.

    Args:
        sizes: nodes of each graph, at least 2.
        labels: pseudo-label of each graph.
        prior: feature kind, feature count, columns.
        mean_degree: of the most likely graphs, at the start and wherever `hold` is asked for it; None starts with every
            pair as likely an edge as not, and holds nothing.
        generator: for the initial noise; on `device`.
        device: where the parameters live.

    Shapes:
        sizes, labels: ``[graphs]`` on the CPU
    Source: Deng and Zhang (2021), arXiv:2105.07519; released code e68e4d6.
    """

    def __init__(
        self,
        sizes: Tensor,
        labels: Tensor,
        prior: GraphPrior,
        *,
        mean_degree: float | None,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.labels = labels
        self.counts = sizes * (sizes - 1)
        self.prior = prior
        self.device = device
        self.parts = DirectedParts(sizes, labels, device)
        self._wanted: Tensor | None = None
        if mean_degree is not None:
            self._wanted = (mean_degree * sizes).round().long().clamp(min=1).minimum(self.counts)
        u = torch.rand(int(self.counts.sum()), generator=generator, device=device)
        self.logits = nn.Parameter(torch.log(u + 1e-7) - torch.log1p(1e-7 - u))
        self.features: nn.Parameter | None = None
        if prior.features in ("categorical", "continuous"):
            noise = torch.randn(int(sizes.sum()), prior.feature_count, generator=generator, device=device)
            self.features = nn.Parameter(noise)
        self._kinds, self._edge_kinds = Kinds(prior.node_columns), Kinds(prior.edge_columns)
        self.edge_features: nn.Parameter | None = None
        if prior.edge_columns:
            pairs = int(self.counts.sum())
            self.edge_features = nn.Parameter(starting_logits(pairs, prior.edge_features, generator, device))
        self.hold(self.parts.all)
        self.kept: Tensor
        self.register_buffer("kept", self.logits.detach().clone())

    @property
    def count(self) -> int:
        """Number of graphs."""
        return int(self.sizes.numel())

    @property
    def load(self) -> Tensor:
        """Nodes and edges that a pass over each graph goes through at most.

        Shapes:
            returns: ``[graphs]`` on the CPU
        """
        return self.sizes + self.counts

    # ---- while they are learned

    def learning(self, part: DirectedPart, edges: Tensor) -> GraphBatch:
        """The part with given edges; gradients reach its features, which are probabilities where categorical.

        Shapes:
            edges: bool ``[pairs of the part]``
        """
        return self._hard(part, edges, self._probabilities(part), self._edge_probabilities(part))

    def most_likely(self, part: DirectedPart) -> Tensor:
        """The edges that are at least as likely as not, by what is being learned.

        Shapes:
            returns: bool ``[pairs of the part]``
        """
        return part.pairs_of(self.logits.detach()) >= 0

    @torch.no_grad()
    def keep(self, part: DirectedPart, lower: Tensor) -> None:
        """Keeps the part's structure where `lower` is true, without asking the device whether it is.

        Shapes:
            lower: bool scalar
        """
        part.put(torch.where(lower, part.pairs_of(self.logits), part.pairs_of(self.kept)), self.kept)

    @torch.no_grad()
    def hold(self, part: DirectedPart) -> None:
        """Shifts the log-odds of the part's graphs so that the most likely ones have the mean degree, if one was given.

        All log-odds of a graph move alike, so which pairs are likelier than others stays as it was learned.
        """
        if self._wanted is not None:
            logits = part.pairs_of(self.logits)
            last = part.largest(logits, self._wanted[part.numbers])
            part.put(logits - last[part.graph], self.logits)

    def feature_logits(self, part: DirectedPart) -> Tensor | None:
        """The part's feature logits where features are categorical, for their entropy."""
        return self._rows(part) if self.prior.features == "categorical" else None

    def edge_logits(self, part: DirectedPart) -> Tensor | None:
        """Logits of the edge features of the part's pairs, where there are any."""
        return None if self.edge_features is None else part.pairs_of(self.edge_features)

    # ---- handed on

    @torch.no_grad()
    def thresholded(self, indices: Tensor | None = None) -> GraphBatch:
        """The most likely graphs, as they are written out.

        Args:
            indices: which graphs, on the CPU; all where None.
        """
        part = self.parts(indices)
        rows = self._rows(part)
        if rows is not None and self.prior.features == "categorical":
            rows = self._kinds.likeliest(rows)
        kinds = self.edge_logits(part)
        kinds = None if kinds is None else self._edge_kinds.likeliest(kinds)
        return self._hard(part, part.pairs_of(self.kept) >= 0, rows, kinds)

    @torch.no_grad()
    def sampled(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """Graphs drawn afresh: every ordered pair an edge or none, every categorical feature one-hot."""
        part = self.parts(indices)
        rows = self._rows(part)
        probability = torch.sigmoid(part.pairs_of(self.kept))
        edges = torch.rand(probability.shape, generator=generator, device=self.device) < probability
        if rows is not None and self.prior.features == "categorical":
            rows = self._kinds.sampled(rows, generator)
        kinds = self.edge_logits(part)
        kinds = None if kinds is None else self._edge_kinds.sampled(kinds, generator)
        return self._hard(part, edges, rows, kinds)

    @torch.no_grad()
    def soft(self, indices: Tensor | None = None) -> GraphBatch:
        """The distribution itself as one weighted graph: edges weigh their probability, features are probabilities."""
        part = self.parts(indices)
        weights = torch.sigmoid(part.pairs_of(self.kept))
        every = replace(part.structure, edge_weight=weights, edge_attr=self._edge_probabilities(part))
        return self._with_nodes(part, every, self._probabilities(part))

    # ---- both

    def _rows(self, part: DirectedPart) -> Tensor | None:
        return None if self.features is None else part.nodes_of(self.features)

    def _probabilities(self, part: DirectedPart) -> Tensor | None:
        rows = self._rows(part)
        return self._kinds.probable(rows) if rows is not None and self.prior.features == "categorical" else rows

    def _edge_probabilities(self, part: DirectedPart) -> Tensor | None:
        logits = self.edge_logits(part)
        return None if logits is None else self._edge_kinds.probable(logits)

    def _hard(self, part: DirectedPart, edges: Tensor, rows: Tensor | None, kinds: Tensor | None) -> GraphBatch:
        """The part with edges of weight 1.

        On a CPU pairs that are no edge are left out. On another device their number is not known without waiting for
        it, so they stay, with weight 0: as good as none.
        """
        every = replace(part.structure, edge_weight=None, edge_attr=kinds)
        if self.device.type != "cpu":
            return self._with_nodes(part, replace(every, edge_weight=edges.float()), rows)
        return self._with_nodes(part, every.with_edges(edges.nonzero().squeeze(1)), rows)

    def _with_nodes(self, part: DirectedPart, batch: GraphBatch, rows: Tensor | None) -> GraphBatch:
        nodes, columns, weights = part.nodes.shape[0], self.prior.feature_count, batch.edge_weight
        if rows is None and self.prior.features == "degree":
            counted = torch.ones(batch.edge_index.shape[1], device=self.device) if weights is None else weights
            rows = degree_features(counted, batch.edge_index, nodes, columns)
        elif rows is None:
            rows = torch.ones(nodes, columns, device=self.device)
        return replace(batch, x=rows)
