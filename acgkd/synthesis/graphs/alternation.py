"""GFKD's synthesis: directed pseudo-graphs, features by gradient and structure by an estimate of it, by turns."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.draws import balanced_labels, uniform_sizes
from acgkd.graphs.pseudo.directed import DirectedGraphs, antithetic_edges
from acgkd.graphs.pseudo.directed_parts import DirectedPart
from acgkd.method import GraphContext, State
from acgkd.runtime import backward
from acgkd.settings.alternating_inversion import AlternatingInversionConfig
from acgkd.synthesis.graphs.drawn_graphs import check_count
from acgkd.synthesis.graphs.graph_synthesis import GraphSynthesis, in_parts
from acgkd.synthesis.graphs.inversion_loss import InversionLoss


def build_directed_graphs(config: AlternatingInversionConfig, context: GraphContext) -> DirectedGraphs:
    """Graphs as they are before anything is learned.

    Raises:
        ConfigError: fewer pseudo-graphs than classes.
    """
    prior = context.prior
    check_count(config.graphs, prior)
    host = context.streams.host("pseudo-graphs")
    sizes = uniform_sizes(prior, config.graphs, host)
    labels = balanced_labels(prior.classes, config.graphs)
    if config.labels == "uniform":
        labels = torch.randint(prior.classes, (config.graphs,), generator=host, device="cpu")
    return DirectedGraphs(
        sizes,
        labels,
        prior,
        mean_degree=prior.mean_degree if config.density == "prior" else None,
        generator=context.streams.generator("pseudo-graphs"),
        device=context.device,
    )


class AlternatingInversion(GraphSynthesis[DirectedGraphs]):
    """Learns directed pseudo-graphs, features by gradient and structure by its estimate.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
    """

    def __init__(self, config: AlternatingInversionConfig, context: GraphContext) -> None:
        self._parts = in_parts(config.graphs, config.graphs_at_once)
        super().__init__(context, build_directed_graphs(config, context), config.steps * len(self._parts))
        self.config = config
        self._number, self._part = 0, self._cut(0)
        self._loss = InversionLoss(config, context)
        self._cost = GRAPHS.unit_cost(context.teacher, context.prior.feature_count, context.prior.edge_features)
        # Edges are counted where they are: how many a draw has is known on the device alone.
        self._edges = torch.zeros((), dtype=torch.long, device=context.device)
        self._begin()

    def _cut(self, number: int) -> DirectedPart:
        return self.graphs.parts(self._parts[number] if len(self._parts) > 1 else None)

    def _begin(self) -> None:
        """Optimisers of what is learned, and no lowest loss yet."""
        config, graphs = self.config, self.graphs
        self._lowest = torch.full((), torch.inf, device=self.context.device)
        self._structure = torch.optim.Adam([graphs.logits], lr=config.structure_rate, fused=True)
        learned = [rows for rows in (graphs.features, graphs.edge_features) if rows is not None]
        self._features = torch.optim.Adam(learned, lr=config.feature_rate, fused=True) if learned else None

    @property
    def multiply_adds(self) -> float:
        """Of all steps so far; asking waits for the device."""
        return self._work + self._cost.edge * int(self._edges)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """A feature step and a structure step over one part; returns each term of the feature step's loss."""
        number, within = divmod(self.done, self.config.steps)
        if number != self._number:
            self._number, self._part = number, self._cut(number)
        if within == 0 and number > 0:
            # The last part's momentum would keep moving it.
            self._begin()
        decay = 0.1 ** (within // self.config.decay_every)
        for optimizer, rate in (
            (self._features, self.config.feature_rate),
            (self._structure, self.config.structure_rate),
        ):
            for group in () if optimizer is None else optimizer.param_groups:
                group["lr"] = rate * decay
        terms = self._feature_step(self._part)
        self._structure_step(self._part)
        self.done += 1
        return {name: term.detach() for name, term in terms.items()}

    def _feature_step(self, part: DirectedPart) -> dict[str, Tensor]:
        terms = self.feature_loss(part)
        loss = terms["loss"].detach()
        lower = loss < self._lowest
        self._lowest = torch.where(lower, loss, self._lowest)
        self.graphs.keep(part, lower)
        if self._features is not None:
            self._features.zero_grad(set_to_none=True)
            backward(terms["loss"])
            self._features.step()
        return terms

    def feature_loss(self, part: DirectedPart) -> dict[str, Tensor]:
        """The loss of the most likely structure and its terms; gradients reach the features."""
        edges = self.graphs.most_likely(part)
        batch = self.graphs.learning(part, edges)
        _, terms = self._loss(batch, part.labels, self.graphs.feature_logits(part), self.graphs.edge_logits(part))
        self._count(batch, edges, 1 if self._features is None else 3)
        return terms

    def _structure_step(self, part: DirectedPart) -> None:
        noise = torch.rand(
            part.graph.shape, generator=self.context.streams.generator("synthesis"), device=self.context.device
        )
        # Pairs of other parts, whose gradient was 0 so far, stay exactly where they are.
        everywhere = torch.zeros_like(self.graphs.logits)
        part.put(self.structure_gradient(part, noise), everywhere)
        self.graphs.logits.grad = everywhere
        self._structure.step()
        self.graphs.hold(part)

    @torch.no_grad()
    def structure_gradient(self, part: DirectedPart, noise: Tensor) -> Tensor:
        """The estimate of the expected loss's gradient over the log-odds.

        Shapes:
            noise: ``[pairs of the part]`` in (0, 1); returns: the same
        """
        losses = []
        for edges in antithetic_edges(part.pairs_of(self.graphs.logits), noise):
            batch = self.graphs.learning(part, edges)
            scores, distance = self._loss.heard(batch)
            self._count(batch, edges, 1)
            entropies = F.cross_entropy(scores, part.labels, reduction="none")
            losses.append(entropies + self.config.statistics_weight * distance)
        return (losses[0] - losses[1])[part.graph] * (noise - 0.5)

    def _count(self, batch: GraphBatch, edges: Tensor, passes: int) -> None:
        """Adds so many passes of the teacher; a backward pass counts as two, a pair that is no edge as nothing."""
        self._work += passes * self._cost.total(int(batch.x.shape[0]), 0, batch.graphs)
        self._edges = self._edges + passes * edges.sum()

    def samples(self, count: int) -> GraphBatch:
        """The graphs in turn as they would be written out now."""
        return self.graphs.thresholded(self._in_turn(count))

    def facts(self) -> Mapping[str, float]:
        """Ordered pairs, and the edges among them as they would be written out, both halved to compare with pairs."""
        return {
            "candidate_edges": int(self.graphs.counts.sum()) // 2,
            "pseudo_samples": self.graphs.count,
            "kept_edges": float((self.graphs.kept >= 0).sum()) / 2,
        }

    def state_dict(self) -> State:
        """What is learned and what is kept, optimisers, position."""
        return {
            "done": self.done,
            "work": self._work,
            "edges": self._edges,
            "lowest": self._lowest,
            "graphs": self.graphs.state_dict(),
            "structure": self._structure.state_dict(),
            "features": None if self._features is None else self._features.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        self.done = int(state["done"])
        self._work = float(state["work"])
        self._edges = state["edges"].to(self.context.device)
        self._lowest = state["lowest"].to(self.context.device)
        self.graphs.load_state_dict(state["graphs"])
        self._structure.load_state_dict(state["structure"])
        if self._features is not None:
            self._features.load_state_dict(state["features"])
