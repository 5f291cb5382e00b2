"""Pseudo-graphs: distributions over graphs whose parameters are learned from the teacher alone."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.candidates import Candidates
from acgkd.graphs.concrete import (
    Noise,
    Relaxation,
    concrete_edges,
    concrete_features,
    degree_features,
    edge_noise,
    edge_probability,
    log_odds,
    one_hot,
)
from acgkd.graphs.prior import Prior
from acgkd.graphs.select import ranges


@dataclass(frozen=True)
class Relaxing:
    """How pseudo-graphs are drawn while they are optimised.

    Args:
        temperature: λ of edges and features.
        noise: of the edges.
        edges: relaxed weights, or 0/1 with their gradient.
        features: simplex points, or one-hot with their gradient.
        threshold: edges whose relaxed weight is below take no part in message passing at all.
    """

    temperature: float = 0.5
    noise: Noise = "logistic"
    edges: Relaxation = "straight_through"
    features: Relaxation = "straight_through"
    threshold: float = 0.0


@dataclass(frozen=True)
class _Selection:
    """Some of the graphs as index tensors on the device; made on the host, so that no shape waits for the device."""

    nodes: Tensor | None
    pairs: Tensor | None
    edge_index: Tensor
    batch: Tensor
    graphs: int
    node_count: int
    labels: Tensor


class PseudoGraphs(nn.Module):
    """K graphs of given sizes: one log-odds per candidate pair, one row of feature logits per node.

    Args:
        candidates: sizes and candidate pairs.
        labels: pseudo-label of each graph.
        prior: feature kind, feature count.
        edge_probability: initial probability that a candidate is an edge, of each graph.
        relaxing: how to draw while optimising.
        generator: for the initial noise; on `device`.
        device: where the parameters live.

    Shapes:
        labels, edge_probability: ``[graphs]`` on the CPU
    """

    def __init__(
        self,
        candidates: Candidates,
        labels: Tensor,
        prior: Prior,
        *,
        edge_probability: Tensor,
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
        zero = candidates.sizes.new_zeros(1)
        self._node_starts = torch.cat([zero, candidates.sizes.cumsum(0)])
        self._pair_starts = torch.cat([zero, candidates.counts.cumsum(0)])
        # Far down, or a known mean degree would be missed where all pairs of a large graph are candidates.
        odds = log_odds(edge_probability.clamp(1e-4, 0.98), relaxing.noise).repeat_interleave(candidates.counts)
        self.structure = nn.Parameter(odds.to(device) + 0.3 * _normal((odds.numel(),), generator, device))
        self.features: nn.Parameter | None = None
        if prior.features in ("categorical", "continuous"):
            scale = 0.5 if prior.features == "categorical" else 1.0
            self.features = nn.Parameter(scale * _normal((candidates.nodes, prior.feature_count), generator, device))
        self._all = self._select(None)

    @property
    def count(self) -> int:
        """Number of pseudo-graphs."""
        return int(self.candidates.sizes.numel())

    def kept_edges(self) -> Tensor:
        """Expected number of edges of the learned distribution.

        Shapes:
            returns: scalar
        """
        return edge_probability(self.structure.detach(), self.relaxing.noise).sum()

    def _select(self, indices: Tensor | None) -> _Selection:
        sizes, counts, pairs = self.candidates.sizes, self.candidates.counts, self.candidates.pairs
        nodes = chosen = None
        if indices is not None:
            nodes = ranges(self._node_starts[indices], sizes[indices])
            chosen = ranges(self._pair_starts[indices], counts[indices])
            sizes, counts = sizes[indices], counts[indices]
            starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)[:-1]])
            pairs = pairs[:, chosen] + (starts - self._node_starts[indices]).repeat_interleave(counts)
        batch = torch.arange(sizes.numel(), device="cpu").repeat_interleave(sizes)
        labels = self.labels if indices is None else self.labels[indices]

        def send(host: Tensor) -> Tensor:
            return host.to(self.device, non_blocking=True)

        return _Selection(
            nodes=None if nodes is None else send(nodes),
            pairs=None if chosen is None else send(chosen),
            edge_index=send(torch.cat([pairs, pairs.flip(0)], dim=1)),
            batch=send(batch),
            graphs=int(sizes.numel()),
            node_count=int(sizes.sum()),
            labels=send(labels),
        )

    def _parameters_of(self, selection: _Selection) -> tuple[Tensor, Tensor | None]:
        structure = self.structure if selection.pairs is None else self.structure[selection.pairs]
        if self.features is None:
            return structure, None
        return structure, self.features if selection.nodes is None else self.features[selection.nodes]

    def _batch(self, selection: _Selection, weights: Tensor, rows: Tensor | None) -> GraphBatch:
        both = torch.cat([weights, weights])
        if rows is None:
            rows = self._structural_features(selection, both)
        return GraphBatch(
            x=rows,
            edge_index=selection.edge_index,
            edge_weight=both,
            batch=selection.batch,
            graphs=selection.graphs,
            labels=selection.labels,
        )

    def _structural_features(self, selection: _Selection, weights: Tensor) -> Tensor:
        columns = self.prior.feature_count
        if self.prior.features == "degree":
            return degree_features(weights, selection.edge_index, selection.node_count, columns)
        return torch.ones(selection.node_count, columns, device=self.device)

    def relaxed(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """Draws the graphs so that gradients reach structure and features.

        Args:
            generator: on the device.
            indices: which graphs, on the CPU; all where None.
        """
        selection = self._all if indices is None else self._select(indices)
        logits, rows = self._parameters_of(selection)
        how = self.relaxing
        weights, soft = concrete_edges(
            logits, temperature=how.temperature, noise=how.noise, relaxation=how.edges, generator=generator
        )
        if rows is not None and self.prior.features == "categorical":
            rows = concrete_features(rows, temperature=how.temperature, relaxation=how.features, generator=generator)
        if how.threshold == 0:
            return self._batch(selection, weights, rows)
        # Put to 0 first: features that follow from the structure must not count what is dropped.
        dropped = soft < how.threshold
        return _without(self._batch(selection, weights.masked_fill(dropped, 0.0), rows), torch.cat([dropped, dropped]))

    @torch.no_grad()
    def sampled(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """Draws discrete graphs from the learned distribution: every edge 0 or 1, every categorical feature one-hot."""
        selection = self._all if indices is None else self._select(indices)
        logits, rows = self._parameters_of(selection)
        weights = (logits + edge_noise(logits, self.relaxing.noise, generator) > 0).to(logits.dtype)
        if rows is not None and self.prior.features == "categorical":
            rows = concrete_features(rows, temperature=1.0, relaxation="straight_through", generator=generator)
        return self._batch(selection, weights, rows)

    @torch.no_grad()
    def thresholded(self, indices: Tensor | None = None) -> GraphBatch:
        """The most likely graph of each distribution, as GFKD writes its graphs out."""
        selection = self._all if indices is None else self._select(indices)
        logits, rows = self._parameters_of(selection)
        weights = (edge_probability(logits, self.relaxing.noise) >= 0.5).to(logits.dtype)
        if rows is not None and self.prior.features == "categorical":
            rows = one_hot(rows.argmax(dim=1), rows.shape[1], rows.dtype)
        return self._batch(selection, weights, rows)

    @torch.no_grad()
    def soft(self, indices: Tensor | None = None) -> GraphBatch:
        """The distribution itself as one weighted graph: edges weigh their probability, features are probabilities."""
        selection = self._all if indices is None else self._select(indices)
        logits, rows = self._parameters_of(selection)
        if rows is not None and self.prior.features == "categorical":
            rows = torch.softmax(rows, dim=1)
        return self._batch(selection, edge_probability(logits, self.relaxing.noise), rows)

    def feature_logits(self) -> Tensor | None:
        """Feature logits where features are categorical, for their entropy."""
        return self.features if self.prior.features == "categorical" else None


def _without(batch: GraphBatch, dropped: Tensor) -> GraphBatch:
    """The batch with some edges taken out of message passing."""
    assert batch.edge_weight is not None, "pseudo-graphs always carry weights"
    kept = ~dropped
    return GraphBatch(
        x=batch.x,
        edge_index=batch.edge_index[:, kept],
        edge_weight=batch.edge_weight[kept],
        batch=batch.batch,
        graphs=batch.graphs,
        labels=batch.labels,
    )


def _normal(shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.randn(shape, generator=generator, device=device)
