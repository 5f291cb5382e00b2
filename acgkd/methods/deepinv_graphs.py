"""DeepInversion on graphs: features learned from BatchNorm statistics over random structure that stays as drawn.

The baseline that graph papers call DeepInvG: minimise CE(T(G), y) + w_bn Σ_layers D(batch, memory) + w_oh H(features)
over the features alone, then teach a plain student at one temperature. What ACGKD gains over it, it gains by structure.

No code of the baseline is public. DeepInversion's own statistics term is `statistics: norm`, and its students saw each
sample as it was written out, which is `samples: fixed`; the defaults, `gaussian_kl` and `resampled`, are ours. They
were chosen on validation splits before records were kept, so nothing shows how much better they are.
Source: Yin et al. (2020), arXiv:1912.08795, for images; Deng and Zhang (2021), arXiv:2105.07519, for graphs.
"""

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from acgkd.batch_norm import BatchNormStatistics, Statistic
from acgkd.config import Config
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.prior import Prior
from acgkd.graphs.pseudo.concrete import Relaxation
from acgkd.graphs.pseudo.fixed_structure import FixedStructure
from acgkd.losses import feature_entropy
from acgkd.method import Method, MethodConfig, MethodContext, MethodRun
from acgkd.runtime import backward
from acgkd.synthesis.graph_synthesis import PseudoGraphSource, synthesis_then_transfer
from acgkd.synthesis.pseudo_graph_config import PseudoGraphConfig, build_pseudo_graphs
from acgkd.transfer.plain import PlainTransferConfig
from acgkd.transfer.transfer import Samples

logger = logging.getLogger(__name__)


class SynthesisConfig(Config):
    """How features are learned from the teacher.

    Args:
        graphs: how many; their labels are balanced. Their structure is one draw of what `random_graphs` teaches with.
        sizes: as of `random_graphs`.
        steps: optimiser steps; none are taken where there is nothing to learn.
        rate: Adam's learning rate, a cosine to 0.
        statistics: distance between BatchNorm's memory and what it sees; `norm` is DeepInversion's own.
        statistics_weight: its weight.
        entropy_weight: weight of the feature distributions' entropy (where features are one-hot).
        concrete_temperature: λ of the features.
        features: relaxed or straight-through.
        degree_features: where features are degrees, `free` learns them as if they did not follow from the structure,
            which is what the baseline did; `structural` takes the degrees of the structure, and nothing is left to
            learn.
    """

    graphs: int = Field(default=160, ge=2)
    sizes: Literal["uniform", "matched", "long_tail"] = "uniform"
    steps: int = Field(default=300, ge=1)
    rate: float = Field(default=0.1, gt=0)
    statistics: Statistic = "gaussian_kl"
    statistics_weight: float = Field(default=10.0, ge=0)
    entropy_weight: float = Field(default=0.1, ge=0)
    concrete_temperature: float = Field(default=0.5, gt=0)
    features: Relaxation = "straight_through"
    degree_features: Literal["free", "structural"] = "free"


class DeepinvGraphsConfig(MethodConfig):
    """Settings of DeepInversion on graphs."""

    synthesis: SynthesisConfig = SynthesisConfig()
    transfer: PlainTransferConfig = PlainTransferConfig()


def build_fixed_structure(config: SynthesisConfig, context: MethodContext) -> FixedStructure:
    """One draw of the control's pseudo-graphs: same sizes, labels and degrees, but it stays.

    Raises:
        ConfigError: fewer pseudo-graphs than classes.
    """
    prior: Prior = context.prior
    untrained = build_pseudo_graphs(PseudoGraphConfig(graphs=config.graphs, sizes=config.sizes), context)
    learned = {
        "categorical": "logits",
        "continuous": "values",
        "degree": "logits" if config.degree_features == "free" else "given",
        "constant": "given",
    }[prior.features]
    if learned == "given":
        logger.warning(
            "Features that are `%s` follow from the structure, which deepinv_graphs does not change: there is nothing "
            "to learn, and it teaches with untrained graphs of fixed structure.",
            prior.features,
        )
    return FixedStructure(
        untrained.sampled(context.streams.generator("structure")),
        learned,
        prior.feature_count,
        temperature=config.concrete_temperature,
        relaxation=config.features,
        generator=context.streams.generator("features"),
    )


class FeatureInversion:
    """Learns the features of graphs whose structure stays.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
    """

    def __init__(self, config: SynthesisConfig, context: MethodContext) -> None:
        self.config = config
        self.context = context
        self.graphs = build_fixed_structure(config, context)
        self.steps = 0 if self.graphs.features is None else config.steps
        self.done = 0
        self.multiply_adds = 0.0
        self._statistics = BatchNormStatistics(context.teacher, config.statistics)
        self._statistics.warn_if_absent(config.statistics_weight if self.steps > 0 else 0.0)
        self._optimizer = (
            torch.optim.Adam(self.graphs.parameters(), lr=config.rate, fused=True) if self.steps > 0 else None
        )
        self._labels = self.graphs.labels.to(context.device)
        self._cost: Callable[[GraphBatch], float] | None = None

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One optimiser step over all pseudo-graphs; returns each term of the loss, detached."""
        config, optimizer = self.config, self._optimizer
        assert optimizer is not None, "there are steps only where there is something to learn"
        for group in optimizer.param_groups:
            group["lr"] = config.rate * 0.5 * (1 + math.cos(math.pi * self.done / self.steps))
        batch = self.graphs.relaxed(self.context.streams.generator("synthesis"))
        with self._statistics.listening():
            logits = GRAPHS.logits(self.context.teacher, batch)
        terms = {
            "cross_entropy": F.cross_entropy(logits, self._labels),
            "statistics": self._statistics.distance(self.context.device),
        }
        loss = terms["cross_entropy"] + config.statistics_weight * terms["statistics"]
        feature_logits = self.graphs.feature_logits()
        if feature_logits is not None and config.entropy_weight > 0:
            terms["entropy"] = feature_entropy(feature_logits)
            loss = loss + config.entropy_weight * terms["entropy"]
        optimizer.zero_grad(set_to_none=True)
        backward(loss)
        nn.utils.clip_grad_norm_(self.graphs.parameters(), 10.0)
        optimizer.step()
        self.done += 1
        if self._cost is None:
            self._cost = GRAPHS.counter(self.context.teacher, batch)
        self.multiply_adds += 3 * self._cost(batch)
        return {"loss": loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    def source(self, samples: Samples) -> PseudoGraphSource:
        """Batches for transfer."""
        generator = self.context.streams.generator("transfer-draws")
        return PseudoGraphSource(self.graphs, samples=samples, generator=generator)

    def samples(self, count: int) -> GraphBatch:
        """Fresh draws of the graphs in turn, each as often as it takes to make `count`."""
        indices = torch.arange(count, device="cpu") % self.graphs.count
        return self.graphs.sampled(self.context.streams.generator("samples"), indices)

    def facts(self) -> Mapping[str, float]:
        """Every candidate is an edge: there is nothing to choose from."""
        edges = int(self.graphs.edge_counts.sum())
        return {"candidate_edges": edges, "kept_edges": edges}

    def state_dict(self) -> dict[str, Any]:
        """Learned features, optimiser, position; structure follows from the seed."""
        return {
            "done": self.done,
            "multiply_adds": self.multiply_adds,
            "graphs": self.graphs.state_dict(),
            "optimizer": None if self._optimizer is None else self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        self.done = int(state["done"])
        self.multiply_adds = float(state["multiply_adds"])
        self.graphs.load_state_dict(state["graphs"])
        if self._optimizer is not None:
            self._optimizer.load_state_dict(state["optimizer"])


def _start(config: DeepinvGraphsConfig, context: MethodContext) -> MethodRun:
    return synthesis_then_transfer(FeatureInversion(config.synthesis, context), config.transfer, context)


METHOD = Method(config=DeepinvGraphsConfig, modality="graphs", start=_start)
