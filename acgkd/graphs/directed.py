"""Directed pseudo-graphs: one log-odds for every ordered pair of nodes, drawn without regard to the opposite pair."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.concrete import concrete_features, degree_features, one_hot
from acgkd.graphs.prior import Prior
from acgkd.graphs.select import GraphSelector


@dataclass(frozen=True)
class DirectedPart:
    """Some of the graphs, ready on the device.

    Args:
        numbers: the graphs as a batch that holds the number of each node among all nodes in place of features, and the
            number of each ordered pair among all pairs in place of edge weights.
        whole: whether these are all graphs, in order.
        graph: of each ordered pair, numbered within the part.
        wanted: edges of each graph at the mean degree, or None.
        slots: place of each pair in a table of one row a graph.
        longest: length of a row of that table.

    Shapes:
        graph, slots: ``[pairs]``; wanted: ``[graphs]``
    """

    numbers: GraphBatch
    whole: bool
    graph: Tensor
    wanted: Tensor | None
    slots: Tensor
    longest: int

    def pairs_of(self, values: Tensor) -> Tensor:
        """Values of the part's pairs, out of those of all pairs."""
        if self.whole:
            return values
        assert self.numbers.edge_weight is not None, "holds the numbers"
        return values[self.numbers.edge_weight]

    def nodes_of(self, values: Tensor) -> Tensor:
        """Rows of the part's nodes, out of those of all nodes."""
        return values if self.whole else values[self.numbers.x]


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
    """K graphs of given sizes whose every ordered pair of nodes may be an edge; features by nodes.

    What is learned (`logits`, `features`) is told from what is handed on: the structure that was kept (`kept`) with
    the features as they are.

    Args:
        sizes: nodes of each graph, at least 2.
        labels: pseudo-label of each graph.
        prior: feature kind, feature count.
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
        prior: Prior,
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
        self._mean_degree = mean_degree
        total, nodes = int(self.counts.sum()), int(sizes.sum())
        u = torch.rand(total, generator=generator, device=device)
        logits = torch.log(u + 1e-7) - torch.log1p(1e-7 - u)
        self.logits = nn.Parameter(logits)
        self.features: nn.Parameter | None = None
        if prior.features in ("categorical", "continuous"):
            noise = torch.randn(nodes, prior.feature_count, generator=generator, device=device)
            self.features = nn.Parameter(noise)
        self._select = GraphSelector(
            GraphBatch(
                x=torch.arange(nodes, device=device),
                edge_index=_ordered_pairs(sizes).to(device),
                edge_weight=torch.arange(total, device=device),
                batch=torch.arange(sizes.numel(), device="cpu").repeat_interleave(sizes).to(device),
                graphs=int(sizes.numel()),
                labels=labels.to(device),
            )
        )
        self.whole = self.part(torch.arange(sizes.numel(), device="cpu"))
        self.hold(self.whole)
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

    def part(self, indices: Tensor) -> DirectedPart:
        """The graphs at `indices`, in that order.

        Shapes:
            indices: ``[picked]`` on the CPU
        """
        counts = self.counts[indices]
        graph = torch.arange(indices.numel(), device="cpu").repeat_interleave(counts)
        starts = (counts.cumsum(0) - counts).repeat_interleave(counts)
        longest = int(counts.max())
        slots = graph * longest + torch.arange(graph.numel(), device="cpu") - starts
        wanted = None
        if self._mean_degree is not None:
            wanted = (self._mean_degree * self.sizes[indices]).round().long().clamp(min=1).minimum(counts)
        graph, slots = (host.to(self.device, non_blocking=True) for host in (graph, slots))
        return DirectedPart(
            numbers=self._select(indices),
            whole=indices.numel() == self.count and bool((indices[1:] > indices[:-1]).all()),
            graph=graph,
            wanted=wanted,
            slots=slots,
            longest=longest,
        )

    def learning(self, part: DirectedPart, edges: Tensor) -> GraphBatch:
        """The part with given edges; gradients reach its features, which are probabilities where categorical.

        Shapes:
            edges: bool ``[pairs of the part]``
        """
        return self._hard(part, edges, self._probabilities(part))

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
        kept = torch.where(lower, part.pairs_of(self.logits), part.pairs_of(self.kept))
        if part.whole:
            self.kept.copy_(kept)
        else:
            assert part.numbers.edge_weight is not None, "holds the numbers"
            self.kept[part.numbers.edge_weight] = kept

    @torch.no_grad()
    def hold(self, part: DirectedPart) -> None:
        """Shifts the log-odds of every graph so that the most likely one has the mean degree."""
        if part.wanted is None:
            return
        logits = part.pairs_of(self.logits)
        rows = part.wanted.numel()
        table = torch.full((rows * part.longest,), -torch.inf, device=self.device).index_copy(0, part.slots, logits)
        strongest = table.view(rows, part.longest).topk(int(part.wanted.max()), dim=1).values
        last = (part.wanted - 1).unsqueeze(1).to(self.device, non_blocking=True)
        shifted = logits - strongest.gather(1, last).squeeze(1)[part.graph]
        if part.whole:
            self.logits.copy_(shifted)
        else:
            assert part.numbers.edge_weight is not None, "holds the numbers"
            self.logits[part.numbers.edge_weight] = shifted

    @torch.no_grad()
    def thresholded(self, indices: Tensor | None = None) -> GraphBatch:
        """The most likely graphs, as they are written out.

        Args:
            indices: which graphs, on the CPU; all where None.
        """
        part = self.whole if indices is None else self.part(indices)
        rows = None if self.features is None else part.nodes_of(self.features)
        if rows is not None and self.prior.features == "categorical":
            rows = one_hot(rows.argmax(dim=1), rows.shape[1], rows.dtype)
        return self._hard(part, part.pairs_of(self.kept) >= 0, rows)

    @torch.no_grad()
    def sampled(self, generator: torch.Generator, indices: Tensor | None = None) -> GraphBatch:
        """Graphs drawn afresh: every ordered pair an edge or none, every categorical feature one-hot."""
        part = self.whole if indices is None else self.part(indices)
        rows = None if self.features is None else part.nodes_of(self.features)
        probability = torch.sigmoid(part.pairs_of(self.kept))
        edges = torch.rand(probability.shape, generator=generator, device=self.device) < probability
        if rows is not None and self.prior.features == "categorical":
            rows = concrete_features(rows, temperature=1.0, relaxation="straight_through", generator=generator)
        return self._hard(part, edges, rows)

    @torch.no_grad()
    def soft(self, indices: Tensor | None = None) -> GraphBatch:
        """The distribution itself as one weighted graph: edges weigh their probability, features are probabilities."""
        part = self.whole if indices is None else self.part(indices)
        weights = torch.sigmoid(part.pairs_of(self.kept))
        return self._batch(part.numbers, part.numbers.edge_index, weights, self._probabilities(part))

    def feature_logits(self, part: DirectedPart) -> Tensor | None:
        """The part's feature logits where features are categorical, for their entropy."""
        categorical = self.features is not None and self.prior.features == "categorical"
        return part.nodes_of(self.features) if categorical and self.features is not None else None

    def _probabilities(self, part: DirectedPart) -> Tensor | None:
        rows = None if self.features is None else part.nodes_of(self.features)
        return torch.softmax(rows, dim=1) if rows is not None and self.prior.features == "categorical" else rows

    def _hard(self, part: DirectedPart, edges: Tensor, rows: Tensor | None) -> GraphBatch:
        """The part with edges of weight 1.

        On a CPU pairs that are no edge are left out. On another device their number is not known without waiting for
        it, so they stay, with weight 0: as good as none.
        """
        if self.device.type != "cpu":
            return self._batch(part.numbers, part.numbers.edge_index, edges.float(), rows)
        edge_index = part.numbers.edge_index[:, edges.nonzero().squeeze(1)]
        return self._batch(part.numbers, edge_index, None, rows)

    def _batch(
        self, numbers: GraphBatch, edge_index: Tensor, weights: Tensor | None, rows: Tensor | None
    ) -> GraphBatch:
        nodes, columns = numbers.x.shape[0], self.prior.feature_count
        if rows is None and self.prior.features == "degree":
            counted = torch.ones(edge_index.shape[1], device=self.device) if weights is None else weights
            rows = degree_features(counted, edge_index, nodes, columns)
        elif rows is None:
            rows = torch.ones(nodes, columns, device=self.device)
        return replace(numbers, x=rows, edge_index=edge_index, edge_weight=weights)


def _ordered_pairs(sizes: Tensor) -> Tensor:
    """All ordered pairs of two different nodes of each graph, as node numbers within the whole batch.

    Shapes:
        sizes: ``[graphs]`` on the CPU; returns: ``[2, pairs]`` on the CPU
    """
    starts = sizes.cumsum(0) - sizes
    # Every node is first of one pair with each other node of its graph: it skips itself.
    others = (sizes - 1).repeat_interleave(sizes)
    first = torch.arange(int(sizes.sum()), device="cpu").repeat_interleave(others)
    rank = torch.arange(first.numel(), device="cpu") - (others.cumsum(0) - others).repeat_interleave(others)
    start = starts.repeat_interleave(sizes * (sizes - 1))
    second = start + rank + (rank >= first - start).long()
    return torch.stack([first, second])
