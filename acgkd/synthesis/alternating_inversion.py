"""GFKD's synthesis: directed pseudo-graphs, features by gradient and structure by an estimate of it, by turns."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from acgkd.batch_norm import BatchNormStatistics, Statistic
from acgkd.config import Config
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.prior import Prior
from acgkd.graphs.pseudo.directed import DirectedGraphs, antithetic_edges
from acgkd.graphs.pseudo.directed_parts import DirectedPart
from acgkd.losses import feature_entropy
from acgkd.method import MethodContext
from acgkd.runtime import backward
from acgkd.synthesis.graph_synthesis import PseudoGraphSource
from acgkd.synthesis.pseudo_graph_config import check_count
from acgkd.transfer.recipe import filled
from acgkd.transfer.transfer import Samples

Recipe = Literal["released", "paper"]


class SynthesisConfig(Config):
    """How pseudo-graphs are learned from the teacher.

    Args:
        recipe: what is not said is `released`: 1,500 steps, rates divided by 10 after every 700; or `paper`: 2,500
            steps, after every 1,000. The paper's structure rate is 5 on PROTEINS, COLLAB and REDDIT-BINARY: say so
            with `structure_rate`.
        graphs: how many.
        graphs_at_once: how many are learned at a time, one such part after the other; None learns all together. Parts
            share nothing.
        labels: `uniform` draws each by itself, `balanced` makes as many of every class.
        density: `released` begins with every ordered pair as likely an edge as not; `prior` begins at the prior's mean
            degree and, as the estimator's noise would lead away from it at once, shifts the log-odds of each graph
            after every step so that it stays. `released` where the mean degree is unknown.
        steps: of features and structure each, for every part.
        feature_rate: Adam's learning rate for features. Where features are degrees or constant they follow from the
            structure, and there is nothing to learn but that.
        structure_rate: Adam's learning rate for log-odds.
        decay_every: steps after which both are divided by 10, again and again.
        statistics: distance between BatchNorm's memory and what it sees.
        statistics_weight: its weight.
        entropy_weight: weight of the feature distributions' entropy (categorical features).
    """

    recipe: Recipe = "released"
    graphs: int = Field(default=131, ge=2)
    graphs_at_once: int | None = Field(default=None, ge=1)
    labels: Literal["uniform", "balanced"] = "uniform"
    density: Literal["released", "prior"] = "released"
    steps: int = Field(default=1500, ge=1)
    feature_rate: float = Field(default=0.01, gt=0)
    structure_rate: float = Field(default=1.0, gt=0)
    decay_every: int = Field(default=700, ge=1)
    statistics: Statistic = "norm"
    statistics_weight: float = Field(default=0.01, ge=0)
    entropy_weight: float = Field(default=1e-6, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, values: Any) -> Any:
        return filled(values, "paper", {"steps": 2500, "decay_every": 1000})


def build_directed_graphs(config: SynthesisConfig, context: MethodContext) -> DirectedGraphs:
    """Graphs as they are before anything is learned.

    Raises:
        ConfigError: fewer pseudo-graphs than classes.
    """
    prior: Prior = context.prior
    check_count(config.graphs, prior)
    host = context.streams.host("pseudo-graphs")
    sizes = prior.sizes(config.graphs, host)
    labels = prior.labels(config.graphs)
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


class AlternatingInversion:
    """Learns directed pseudo-graphs, features by gradient and structure by its estimate.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
    """

    def __init__(self, config: SynthesisConfig, context: MethodContext) -> None:
        self.config = config
        self.context = context
        self.graphs = build_directed_graphs(config, context)
        together = config.graphs_at_once or config.graphs
        everything = torch.arange(config.graphs, device="cpu")
        self._parts = torch.tensor_split(everything, -(-config.graphs // together))
        self._number, self._part = 0, self._cut(0)
        self.steps = config.steps * len(self._parts)
        self.done = 0
        self._statistics = BatchNormStatistics(context.teacher, config.statistics)
        self._statistics.warn_if_absent(config.statistics_weight)
        self._cost = GRAPHS.unit_cost(context.teacher, context.prior.feature_count)
        # Edges are counted where they are: how many a draw has is known on the device alone.
        self._work, self._edges = 0.0, torch.zeros((), dtype=torch.long, device=context.device)
        self._begin()

    def _cut(self, number: int) -> DirectedPart:
        return self.graphs.parts(self._parts[number] if len(self._parts) > 1 else None)

    def _begin(self) -> None:
        """Optimisers of what is learned, and no lowest loss yet."""
        config, graphs = self.config, self.graphs
        self._lowest = torch.full((), torch.inf, device=self.context.device)
        self._structure = torch.optim.Adam([graphs.logits], lr=config.structure_rate, fused=True)
        self._features = (
            None if graphs.features is None else torch.optim.Adam([graphs.features], lr=config.feature_rate, fused=True)
        )

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
            # The last part's momentum would go on moving it.
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
        config = self.config
        edges = self.graphs.most_likely(part)
        batch = self.graphs.learning(part, edges)
        with self._statistics.listening():
            scores = GRAPHS.logits(self.context.teacher, batch)
        self._count(batch, edges, 1 if self._features is None else 3)
        terms = {
            "cross_entropy": F.cross_entropy(scores, part.labels),
            "statistics": self._statistics.distance(self.context.device),
        }
        loss = terms["cross_entropy"] + config.statistics_weight * terms["statistics"]
        feature_logits = self.graphs.feature_logits(part)
        if feature_logits is not None and config.entropy_weight > 0:
            terms["entropy"] = feature_entropy(feature_logits)
            loss = loss + config.entropy_weight * terms["entropy"]
        return {"loss": loss, **terms}

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
            with self._statistics.listening():
                scores = GRAPHS.logits(self.context.teacher, batch)
            self._count(batch, edges, 1)
            distance = self.config.statistics_weight * self._statistics.distance(self.context.device)
            losses.append(F.cross_entropy(scores, part.labels, reduction="none") + distance)
        return (losses[0] - losses[1])[part.graph] * (noise - 0.5)

    def _count(self, batch: GraphBatch, edges: Tensor, passes: int) -> None:
        """Adds so many passes of the teacher; a backward pass counts as two, a pair that is no edge as nothing."""
        self._work += passes * self._cost.total(int(batch.x.shape[0]), 0, batch.graphs)
        self._edges = self._edges + passes * edges.sum()

    def source(self, samples: Samples) -> PseudoGraphSource:
        """Batches for transfer."""
        generator = self.context.streams.generator("transfer-draws")
        return PseudoGraphSource(self.graphs, samples=samples, generator=generator)

    def samples(self, count: int) -> GraphBatch:
        """The graphs in turn as they would be written out now, each as often as it takes to make `count`."""
        return self.graphs.thresholded(torch.arange(count, device="cpu") % self.graphs.count)

    def facts(self) -> Mapping[str, float]:
        """Ordered pairs, and the edges among them as they would be written out, both halved to compare with pairs."""
        return {
            "candidate_edges": int(self.graphs.counts.sum()) // 2,
            "kept_edges": float((self.graphs.kept >= 0).sum()) / 2,
        }

    def state_dict(self) -> dict[str, Any]:
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

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        self.done = int(state["done"])
        self._work = float(state["work"])
        self._edges = state["edges"].to(self.context.device)
        self._lowest = state["lowest"].to(self.context.device)
        self.graphs.load_state_dict(state["graphs"])
        self._structure.load_state_dict(state["structure"])
        if self._features is not None:
            self._features.load_state_dict(state["features"])
