"""Inversion: pseudo-graphs learned from the teacher by gradient, structure and features together."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from acgkd.batch_norm import BatchNormStatistics, Statistic
from acgkd.config import Config
from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.pseudo.candidates import regrown
from acgkd.graphs.pseudo.structures import Pairs
from acgkd.losses import feature_entropy, softened_kl
from acgkd.method import MethodContext
from acgkd.runtime import backward
from acgkd.synthesis.graph_synthesis import Untrained
from acgkd.synthesis.pseudo_graph_config import PseudoGraphConfig

# Pairs that come later would not be learned any more: the rate is low by then.
LAST_REGROWTH = 2 / 3


class RegrowthConfig(Config):
    """Pruning and regrowing of candidate pairs while pseudo-graphs are learned, as sparse training does it.

    Args:
        every: steps between two regrowths, each of which waits for the device; None never regrows. None happens in the
            last third of the steps, when what is new would not be learned any more.
        share: of each graph's candidates, the least likely, that is replaced by pairs that are none yet.

    Source: Mocanu et al. (2018), Nature Communications 9:2383, for weights of networks; for candidate pairs, ours.
    """

    every: int | None = Field(default=None, ge=1)
    share: float = Field(default=0.1, gt=0, lt=1)


class SynthesisConfig(PseudoGraphConfig):
    """How pseudo-graphs are learned from the teacher.

    Args:
        steps: optimiser steps that each pseudo-graph takes part in.
        graphs_at_once: how many pseudo-graphs are learned at a time, one such part after the other, so that memory
            follows the part and not `graphs`; None learns all together. Parts share nothing, so that a smaller number
            is also a restart: several independent syntheses, joined.
        rate: Adam's learning rate for structure and features, a cosine to 0.
        statistics: distance between BatchNorm's memory and what it sees.
        statistics_weight: its weight.
        entropy_weight: weight of the feature distributions' entropy (categorical features).
        degree_weight: weight of the squared relative distance between the mean degree drawn and the prior's; a teacher
            that normalises by degree leaves it free otherwise. Nothing where the prior's is unknown.
        confidence: least probability that the teacher is asked to give to a pseudo-label. Below 1, what is asked
            for is spread evenly over the graphs of a class, from here to 1, so that some lie near the boundary.
        regrowth: pruning and regrowing of candidate pairs.
        final_concrete_temperature: λ at the last step, reached geometrically; None keeps it as it is.
            With communities 0.1 does better (docs/results/ablation.md).
        adversarial_weight: weight of the disagreement between teacher and student; above 0, synthesis and transfer
            run interleaved as one stage.
    """

    steps: int = Field(default=300, ge=1)
    graphs_at_once: int | None = Field(default=None, ge=1)
    rate: float = Field(default=0.5, gt=0)
    statistics: Statistic = "gaussian_kl"
    statistics_weight: float = Field(default=10.0, ge=0)
    entropy_weight: float = Field(default=0.1, ge=0)
    degree_weight: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=1.0, gt=0, le=1)
    regrowth: RegrowthConfig = RegrowthConfig()
    final_concrete_temperature: float | None = Field(default=None, gt=0)
    adversarial_weight: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _parts_that_fit(self) -> "SynthesisConfig":
        if self.adversarial_weight > 0 and self.graphs_at_once is not None:
            raise ConfigError(
                "`adversarial_weight > 0` needs `graphs_at_once: null`: the student plays against all pseudo-graphs, "
                "and parts that come late would be untrained for most of the game."
            )
        if self.structure.kind == "mlp" and self.graphs_at_once is not None:
            raise ConfigError(
                "`structure: mlp` needs `graphs_at_once: null`: all graphs share its network, and a part that comes "
                "later would change those that are done."
            )
        if self.regrowth.every is not None and self.complexity.mode == "threshold":
            raise ConfigError(
                "`regrowth/every` needs `complexity/mode: degree` or `ratio`: "
                "in `threshold` mode all pairs are candidates."
            )
        return self


class GraphInversion(Untrained):
    """Learns pseudo-graphs by gradient, structure and features together in one backward pass.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
    """

    def __init__(self, config: SynthesisConfig, context: MethodContext) -> None:
        super().__init__(config, context)
        self.config = config
        together = config.graphs_at_once or config.graphs
        everything = torch.arange(config.graphs, device="cpu")
        # As equal as can be: a small last part would know its statistics badly.
        self._parts = torch.tensor_split(everything, -(-config.graphs // together))
        self._node_ends = [0, *self.graphs.candidates.sizes.cumsum(0).tolist()]
        self.steps = config.steps * len(self._parts)
        self._statistics = BatchNormStatistics(context.teacher, config.statistics)
        self._statistics.warn_if_absent(config.statistics_weight)
        self._optimizer = self._fresh_optimizer()
        if config.regrowth.every is not None and not isinstance(self.graphs.structure, Pairs):
            raise ConfigError(
                "`regrowth/every` needs `structure: pairs` or `hubs`, where each pair has odds of its own."
            )
        self._targets = _targets(self.graphs.labels, context.prior.classes, config.confidence).to(context.device)
        self._costs: dict[nn.Module, Callable[[GraphBatch], float]] = {}

    def _fresh_optimizer(self) -> torch.optim.Adam:
        """Of all parameters: those without a gradient so far stay exactly where they are."""
        return torch.optim.Adam(self.graphs.parameters(), lr=self.config.rate, fused=True)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One optimiser step over one part of the pseudo-graphs; returns each term of the loss, detached."""
        number, within = divmod(self.done, self.config.steps)
        if within == 0 and number > 0:
            # The last part's momentum would go on moving it.
            self._optimizer = self._fresh_optimizer()
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.rate * 0.5 * (1 + math.cos(math.pi * within / self.config.steps))
        self._anneal(within)
        every = self.config.regrowth.every
        if every is not None and 0 < within <= LAST_REGROWTH * self.config.steps and within % every == 0:
            self._regrow(self._parts[number])
        part = self._parts[number] if len(self._parts) > 1 else None
        batch = self.graphs.relaxed(self.context.streams.generator("synthesis"), part)
        loss, terms = self._loss(batch, self._parts[number], student)
        self._optimizer.zero_grad(set_to_none=True)
        backward(loss)
        nn.utils.clip_grad_norm_(self.graphs.parameters(), 10.0)
        self._optimizer.step()
        self.done += 1
        self._count(self.context.teacher, batch)
        if "disagreement" in terms and student is not None:
            self._count(student, batch)
        return {"loss": loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    def _loss(self, batch: GraphBatch, part: Tensor, student: nn.Module | None) -> tuple[Tensor, dict[str, Tensor]]:
        """The synthesis loss of a batch that was drawn from the graphs `part`, and its terms."""
        config, first, last = self.config, int(part[0]), int(part[-1]) + 1
        with self._statistics.listening():
            logits = GRAPHS.logits(self.context.teacher, batch)
        terms = {
            "cross_entropy": F.cross_entropy(logits, self._targets[first:last]),
            "statistics": self._statistics.distance(self.context.device),
        }
        loss = terms["cross_entropy"] + config.statistics_weight * terms["statistics"]
        feature_logits = self.graphs.feature_logits()
        if feature_logits is not None and config.entropy_weight > 0:
            terms["entropy"] = feature_entropy(feature_logits[self._node_ends[first] : self._node_ends[last]])
            loss = loss + config.entropy_weight * terms["entropy"]
        wanted = self.context.prior.mean_degree
        if wanted is not None and config.degree_weight > 0:
            assert batch.edge_weight is not None, "pseudo-graphs always carry weights"
            terms["degree"] = (batch.edge_weight.sum() / (batch.x.shape[0] * wanted) - 1) ** 2
            loss = loss + config.degree_weight * terms["degree"]
        if student is not None and config.adversarial_weight > 0:
            student.eval()
            terms["disagreement"] = softened_kl(logits, GRAPHS.logits(student, batch), 1.0).mean()
            loss = loss - config.adversarial_weight * terms["disagreement"]
        return loss, terms

    def _regrow(self, part: Tensor) -> None:
        """Replaces the least likely candidates of the graphs `part`; what is new starts without momentum."""
        structure = self.graphs.structure
        assert isinstance(structure, Pairs), "checked at the start"
        candidates, places = regrown(
            self.graphs.candidates,
            structure.logits.detach().to("cpu"),
            self.config.regrowth.share,
            part,
            self.context.streams.host("regrowth"),
        )
        self.graphs.take(candidates)
        structure.restart(places)
        moments = self._optimizer.state[structure.logits]
        for name in ("exp_avg", "exp_avg_sq"):
            moments[name][places.to(self.context.device)] = 0

    def _anneal(self, within: int) -> None:
        """Sets λ for the step `within` its part."""
        first, last = self.config.concrete_temperature, self.config.final_concrete_temperature
        if last is None or self.config.steps == 1:
            return
        temperature = float(first * (last / first) ** (within / (self.config.steps - 1)))
        self.graphs.relaxing = replace(self.graphs.relaxing, temperature=temperature)

    def _count(self, model: nn.Module, batch: GraphBatch) -> None:
        """Adds a forward and backward pass of a model."""
        if model not in self._costs:
            self._costs[model] = GRAPHS.counter(model, batch)
        self.multiply_adds += 3 * self._costs[model](batch)

    def state_dict(self) -> dict[str, Any]:
        """Learned parameters, optimiser, position; candidates where they do not follow from the seed."""
        pairs = None if self.config.regrowth.every is None else self.graphs.candidates.pairs
        return {
            "pairs": pairs,
            "done": self.done,
            "multiply_adds": self.multiply_adds,
            "graphs": self.graphs.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        self.done = int(state["done"])
        self.multiply_adds = float(state["multiply_adds"])
        if state["pairs"] is not None:
            self.graphs.take(replace(self.graphs.candidates, pairs=state["pairs"].to("cpu")))
        self.graphs.load_state_dict(state["graphs"])
        self._optimizer.load_state_dict(state["optimizer"])


def _targets(labels: Tensor, classes: int, confidence: float) -> Tensor:
    """What the teacher is asked to say of every graph: class numbers, or probabilities where `confidence` is below 1.

    Shapes:
        labels: ``[graphs]`` on the CPU; returns: ``[graphs]`` or ``[graphs, classes]``
    """
    if confidence == 1:
        return labels
    if confidence < 1 / classes:
        raise ConfigError(f"`1/{classes} <= method/synthesis/confidence <= 1` must hold, but got {confidence}.")
    targets = torch.empty(labels.numel(), classes, device="cpu")
    for label in range(classes):
        members = torch.nonzero(labels == label).flatten()
        sure = torch.linspace(confidence, 1.0, members.numel(), device="cpu").unsqueeze(1)
        rows = ((1 - sure) / (classes - 1)).repeat(1, classes)
        rows[:, label] = sure.squeeze(1)
        targets[members] = rows
    return targets
