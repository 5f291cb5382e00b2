"""Pseudo-graphs: distributions over graphs whose parameters are learned from the teacher alone."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.pseudo.candidates import Candidates
from acgkd.graphs.pseudo.concrete import degree_features
from acgkd.graphs.pseudo.kinds import Kinds, starting_logits
from acgkd.graphs.pseudo.parts import Part, Parts
from acgkd.graphs.pseudo.structures import Structure
from acgkd.priors import GraphPrior
from acgkd.settings.choices import Relaxation


@dataclass(frozen=True)
class Relaxing:
    """How pseudo-graphs are drawn while they are optimised.

    Args:
        temperature: λ of edges and features.
        edges: relaxed weights, or 0/1 with their gradient.
        features: simplex points, or one-hot with their gradient.
        threshold: edges whose relaxed weight is below take no part in message passing at all.
    """

    temperature: float = 0.5
    edges: Relaxation = "straight_through"
    features: Relaxation = "straight_through"
    threshold: float = 0.0


class PseudoGraphs(nn.Module):
    """K graphs of given sizes: a structure that says which candidate pairs are edges, and features of each node.

    Where edges have features, each candidate pair has logits of its own, and both its directions have the same kinds.

    Args:
        candidates: sizes and candidate pairs.
        labels: pseudo-label of each graph.
        prior: feature kind, feature count, columns.
        structure: of the candidate pairs.
        relaxing: how to draw while optimising.
        generator: for the initial noise; on `device`.
        device: where the parameters live.

    Shapes:
        labels: ``[graphs]`` on the CPU
    """

    def __init__(
        self,
        candidates: Candidates,
        labels: Tensor,
        prior: GraphPrior,
        *,
        structure: Structure,
        relaxing: Relaxing,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        super().__init__()
        self.candidates = candidates
        self.labels = labels
        self.prior = prior
        self.relaxing = relaxing
        self.device = device
        self.structure = structure
        self.features: nn.Parameter | None = None
        self._kinds, self._edge_kinds = Kinds(prior.node_columns), Kinds(prior.edge_columns)
        if prior.features == "categorical":
            self.features = nn.Parameter(starting_logits(candidates.nodes, prior.feature_count, generator, device))
        if prior.features == "continuous":
            noise = torch.randn(candidates.nodes, prior.feature_count, generator=generator, device=device)
            self.features = nn.Parameter(noise)
        self.edge_features: nn.Parameter | None = None
        if prior.edge_columns:
            pairs = int(candidates.counts.sum())
            self.edge_features = nn.Parameter(starting_logits(pairs, prior.edge_features, generator, device))
        self._parts = Parts(candidates, labels, device)

    def take(self, candidates: Candidates) -> None:
        """Continues with other candidate pairs, as many in each graph as before."""
        self.candidates = candidates
        self._parts = Parts(candidates, self.labels, self.device)

    @torch.no_grad()
    def restart(self, places: Tensor) -> None:
        """Forgets the edge features of the pairs at `places` (on the CPU): every kind is as likely as the others."""
        if self.edge_features is not None:
            self.edge_features[places.to(self.device)] = 0

    @property
    def count(self) -> int:
        """Number of pseudo-graphs."""
        return int(self.candidates.sizes.numel())

    @property
    def load(self) -> Tensor:
        """Nodes and edges that a pass over each graph goes through.

        Shapes:
            returns: ``[graphs]`` on the CPU
        """
        return self.candidates.sizes + 2 * self.candidates.counts

    @torch.no_grad()
    def kept_edges(self) -> Tensor:
        """Expected number of edges of the learned distribution.

        Shapes:
            returns: scalar
        """
        return self.structure.probabilities(self._parts(None)).sum()

    def _rows(self, part: Part) -> Tensor | None:
        """The part's rows of learned features, where features are learned."""
        return self.features if self.features is None or part.nodes is None else self.features[part.nodes]

    def _edge_rows(self, part: Part) -> Tensor | None:
        """The part's rows of edge features, one for each candidate pair."""
        learned = self.edge_features
        return learned if learned is None or part.pairs is None else learned[part.pairs]

    def _batch(self, part: Part, weights: Tensor, rows: Tensor | None, edge_rows: Tensor | None = None) -> GraphBatch:
        both = torch.cat([weights, weights])
        if rows is None:
            rows = self._structural_features(part, both)
        return GraphBatch(
            x=rows,
            edge_index=part.edge_index,
            edge_weight=both,
            batch=part.batch,
            graphs=part.graphs,
            labels=part.labels,
            edge_attr=None if edge_rows is None else torch.cat([edge_rows, edge_rows]),
        )

    def _structural_features(self, part: Part, weights: Tensor) -> Tensor:
        columns = self.prior.feature_count
        if self.prior.features == "degree":
            return degree_features(weights, part.edge_index, part.node_count, columns)
        return torch.ones(part.node_count, columns, device=self.device)

    def relaxed(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """Draws the graphs so that gradients reach structure and features.

        Args:
            generator: on the device.
            indices: which graphs, on the CPU; all where None.
        """
        part = self._parts(indices)
        rows, edge_rows = self._rows(part), self._edge_rows(part)
        how = self.relaxing
        weights, soft = self.structure.relaxed(
            part, temperature=how.temperature, relaxation=how.edges, generator=generator
        )
        if rows is not None and self.prior.features == "categorical":
            rows = self._kinds.relaxed(rows, temperature=how.temperature, relaxation=how.features, generator=generator)
        if edge_rows is not None:
            edge_rows = self._edge_kinds.relaxed(
                edge_rows, temperature=how.temperature, relaxation=how.features, generator=generator
            )
        if how.threshold == 0:
            return self._batch(part, weights, rows, edge_rows)
        # Put to 0 first: features that follow from the structure must not count what is dropped.
        dropped = soft < how.threshold
        faded = self._batch(part, weights.masked_fill(dropped, 0.0), rows, edge_rows)
        return faded.with_edges(~torch.cat([dropped, dropped]))

    @torch.no_grad()
    def sampled(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """Draws discrete graphs from the learned distribution: every edge 0 or 1, every categorical feature one-hot."""
        part = self._parts(indices)
        rows, edge_rows = self._rows(part), self._edge_rows(part)
        weights = self.structure.sampled(part, generator)
        if rows is not None and self.prior.features == "categorical":
            rows = self._kinds.sampled(rows, generator)
        if edge_rows is not None:
            edge_rows = self._edge_kinds.sampled(edge_rows, generator)
        return self._batch(part, weights, rows, edge_rows)

    @torch.no_grad()
    def thresholded(self, indices: Tensor | None = None) -> GraphBatch:
        """The most likely graph of each distribution, as GFKD writes its graphs out."""
        part = self._parts(indices)
        rows, edge_rows = self._rows(part), self._edge_rows(part)
        weights = self.structure.thresholded(part)
        if rows is not None and self.prior.features == "categorical":
            rows = self._kinds.likeliest(rows)
        if edge_rows is not None:
            edge_rows = self._edge_kinds.likeliest(edge_rows)
        return self._batch(part, weights, rows, edge_rows)

    @torch.no_grad()
    def soft(self, indices: Tensor | None = None) -> GraphBatch:
        """The distribution itself as one weighted graph: edges weigh their probability, features are probabilities."""
        part = self._parts(indices)
        rows, edge_rows = self._rows(part), self._edge_rows(part)
        if rows is not None and self.prior.features == "categorical":
            rows = self._kinds.probable(rows)
        if edge_rows is not None:
            edge_rows = self._edge_kinds.probable(edge_rows)
        return self._batch(part, self.structure.probabilities(part), rows, edge_rows)

    def feature_logits(self) -> Tensor | None:
        """Feature logits where features are categorical, for their entropy."""
        return self.features if self.prior.features == "categorical" else None
