"""ACGKD: adversarial curriculum graph-free knowledge distillation, in our reading.

The full text of the paper (Jia et al., arXiv:2504.00540) could not be obtained: this is a reconstruction from its
abstract, its summaries and its edge formula, and no figure of this project is the paper's.

The algorithm on one page::

    pseudo-graphs   s_ij = σ((log α_ij + L) / λ) over the candidate pairs that ξ allows   graphs.concrete, .candidates
    synthesis       minimise over log α and features:                                     GraphInversion.step, below
                        CE(T(G), y) + w_bn Σ_layers D(batch, memory) + w_oh H(features) − w_adv KL(T ‖ S)
    student         plain, or lifted by graph attention into the teacher's classifier     projection
    transfer        at each step: the curriculum lets in the easiest share,               curriculum
                        graphs are drawn afresh from their distribution,                  methods._graphs
                        minimise τ² KL(T ‖ S), τ fixed or learned against the student     temperature, methods._transfer
"""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.losses import feature_entropy, softened_kl
from acgkd.methods import Method, MethodConfig, Run, Setting
from acgkd.methods._graphs import GraphTransferConfig, PseudoGraphConfig, Untrained, lift_to
from acgkd.methods._transfer import Transfer
from acgkd.methods._two_phase import Interleaved, TwoPhase
from acgkd.runtime import backward
from acgkd.statistics import BatchNormStatistics, Statistic

logger = logging.getLogger(__name__)


class SynthesisConfig(PseudoGraphConfig):
    """How pseudo-graphs are learned from the teacher.

    Args:
        steps: optimiser steps.
        rate: Adam's learning rate for structure and features, a cosine to 0.
        statistics: distance between BatchNorm's memory and what it sees.
        statistics_weight: its weight.
        entropy_weight: weight of the feature distributions' entropy (categorical features).
        degree_weight: weight of the squared relative distance between the mean degree drawn and the prior's; a teacher
            that normalises by degree leaves it free otherwise. Nothing where the prior's is unknown.
        confidence: least probability that the teacher is asked to give to a pseudo-label. Below 1, what is asked
            for is spread evenly over the graphs of a class, from here to 1, so that some lie near the boundary.
        final_concrete_temperature: λ at the last step, reached geometrically; None keeps it as it is.
        adversarial_weight: weight of the disagreement between teacher and student; above 0, synthesis and transfer
            run interleaved as one stage.
    """

    steps: int = Field(default=300, ge=1)
    rate: float = Field(default=0.5, gt=0)
    statistics: Statistic = "gaussian_kl"
    statistics_weight: float = Field(default=10.0, ge=0)
    entropy_weight: float = Field(default=0.1, ge=0)
    degree_weight: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=1.0, gt=0, le=1)
    final_concrete_temperature: float | None = Field(default=None, gt=0)
    adversarial_weight: float = Field(default=0.0, ge=0)


class AcgkdConfig(MethodConfig):
    """Settings of ACGKD."""

    synthesis: SynthesisConfig = SynthesisConfig()
    transfer: GraphTransferConfig = GraphTransferConfig()


class GraphInversion(Untrained):
    """Learns pseudo-graphs by gradient, structure and features together in one backward pass.

    Args:
        config: its settings.
        setting: teacher, prior, streams, device.
    """

    def __init__(self, config: SynthesisConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.config = config
        self.steps = config.steps
        self._statistics = BatchNormStatistics(setting.teacher, config.statistics)
        if config.statistics_weight > 0 and self._statistics.layers == 0:
            logger.warning("The teacher has no BatchNorm layer: the statistics term of the synthesis loss is absent.")
        self._optimizer = torch.optim.Adam(self.graphs.parameters(), lr=config.rate)
        self._targets = _targets(self.graphs.labels, setting.prior.classes, config.confidence).to(setting.device)
        self._costs: dict[nn.Module, Callable[[GraphBatch], float]] = {}

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One optimiser step over all pseudo-graphs; returns each term of the loss, detached."""
        config = self.config
        for group in self._optimizer.param_groups:
            group["lr"] = config.rate * 0.5 * (1 + math.cos(math.pi * self.done / self.steps))
        if config.final_concrete_temperature is not None:
            self.graphs.relaxing = replace(self.graphs.relaxing, temperature=self._concrete_temperature())
        batch = self.graphs.relaxed(self.setting.streams.generator("synthesis"))
        with self._statistics.listening():
            logits = GRAPHS.logits(self.setting.teacher, batch)
        terms = {
            "cross_entropy": F.cross_entropy(logits, self._targets),
            "statistics": self._statistics.distance(self.setting.device),
        }
        loss = terms["cross_entropy"] + config.statistics_weight * terms["statistics"]
        feature_logits = self.graphs.feature_logits()
        if feature_logits is not None and config.entropy_weight > 0:
            terms["entropy"] = feature_entropy(feature_logits)
            loss = loss + config.entropy_weight * terms["entropy"]
        wanted = self.setting.prior.mean_degree
        if wanted is not None and config.degree_weight > 0:
            assert batch.edge_weight is not None, "pseudo-graphs always carry weights"
            terms["degree"] = (batch.edge_weight.sum() / (batch.x.shape[0] * wanted) - 1) ** 2
            loss = loss + config.degree_weight * terms["degree"]
        if student is not None and config.adversarial_weight > 0:
            student.eval()
            terms["disagreement"] = softened_kl(logits, GRAPHS.logits(student, batch), 1.0).mean()
            loss = loss - config.adversarial_weight * terms["disagreement"]
        self._optimizer.zero_grad(set_to_none=True)
        backward(loss)
        nn.utils.clip_grad_norm_(self.graphs.parameters(), 10.0)
        self._optimizer.step()
        self.done += 1
        self._count(self.setting.teacher, batch)
        if "disagreement" in terms and student is not None:
            self._count(student, batch)
        return {"loss": loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    def _concrete_temperature(self) -> float:
        """λ of this step."""
        first, last = self.config.concrete_temperature, self.config.final_concrete_temperature
        if last is None or self.steps == 1:
            return first
        return float(first * (last / first) ** (self.done / (self.steps - 1)))

    def _count(self, model: nn.Module, batch: GraphBatch) -> None:
        """Adds a forward and backward pass of a model."""
        if model not in self._costs:
            self._costs[model] = GRAPHS.counter(model, batch)
        self.multiply_adds += 3 * self._costs[model](batch)

    def state_dict(self) -> dict[str, Any]:
        """Learned parameters, optimiser, position; candidates follow from the seed."""
        return {
            "done": self.done,
            "multiply_adds": self.multiply_adds,
            "graphs": self.graphs.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        self.done = int(state["done"])
        self.multiply_adds = float(state["multiply_adds"])
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


def _needs_student(config: AcgkdConfig) -> bool:
    return config.synthesis.adversarial_weight > 0


def _start(config: AcgkdConfig, setting: Setting) -> Run:
    synthesis = GraphInversion(config.synthesis, setting)
    samples = config.transfer.samples

    def transfer() -> Transfer:
        return Transfer(config.transfer, setting, GRAPHS, lift_to(setting.teacher, setting.device))

    if _needs_student(config):
        return Interleaved(synthesis, transfer(), samples=samples)
    return TwoPhase(synthesis, transfer, student=setting.student, transfer_steps=config.transfer.steps, samples=samples)


METHOD = Method(config=AcgkdConfig, modality="graphs", start=_start, needs_student=_needs_student)
