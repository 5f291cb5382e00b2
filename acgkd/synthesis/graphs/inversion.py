"""Inversion: pseudo-graphs learned from the teacher by gradient, structure and features together."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.pseudo.candidates import regrown
from acgkd.graphs.pseudo.structures import Pairs
from acgkd.losses import softened_kl
from acgkd.method import GraphContext, State
from acgkd.runtime import backward
from acgkd.settings.graph_inversion import GraphInversionConfig
from acgkd.synthesis.graphs.graph_synthesis import Untrained, in_parts
from acgkd.synthesis.graphs.inversion_loss import InversionLoss

# Pairs that come later would not be learned any more: the rate is low by then.
LAST_REGROWTH = 2 / 3


class GraphInversion(Untrained):
    """Learns pseudo-graphs by gradient, structure and features together in one backward pass.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
    """

    def __init__(self, config: GraphInversionConfig, context: GraphContext) -> None:
        self._parts = in_parts(config.graphs, config.graphs_at_once)
        super().__init__(config, context, config.steps * len(self._parts))
        self.config = config
        self._node_ends = [0, *self.graphs.candidates.sizes.cumsum(0).tolist()]
        self._pair_ends = [0, *self.graphs.candidates.counts.cumsum(0).tolist()]
        misjudged = config.class_terms == "misjudged"
        self._teacher_loss = InversionLoss(config, context, class_weight=config.class_weight, misjudged=misjudged)
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
            # The last part's momentum would keep moving it.
            self._optimizer = self._fresh_optimizer()
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.rate * 0.5 * (1 + math.cos(math.pi * within / self.config.steps))
        self._anneal(within)
        every = self.config.regrowth.every
        if every is not None and 0 < within <= LAST_REGROWTH * self.config.steps and within % every == 0:
            self._regrow(self._parts[number])
        part = self._parts[number] if len(self._parts) > 1 else None
        batch = self.graphs.relaxed(self.context.streams.generator("synthesis"), part)
        terms = self._loss(batch, self._parts[number], student)
        self._optimizer.zero_grad(set_to_none=True)
        backward(terms["loss"])
        nn.utils.clip_grad_norm_(self.graphs.parameters(), 10.0)
        self._optimizer.step()
        self.done += 1
        self._count(self.context.teacher, batch)
        if "disagreement" in terms and student is not None:
            self._count(student, batch)
        return {name: term.detach() for name, term in terms.items()}

    def _loss(self, batch: GraphBatch, part: Tensor, student: nn.Module | None) -> dict[str, Tensor]:
        """The terms for a batch that was drawn from the graphs `part`, and their weighted sum ``loss``."""
        config, first, last = self.config, int(part[0]), int(part[-1]) + 1
        rows = self.graphs.feature_logits()
        if rows is not None:
            rows = rows[self._node_ends[first] : self._node_ends[last]]
        edge_rows: Tensor | None = self.graphs.edge_features
        if edge_rows is not None:
            edge_rows = edge_rows[self._pair_ends[first] : self._pair_ends[last]]
        logits, terms = self._teacher_loss(batch, self._targets[first:last], rows, edge_rows)
        wanted = self.context.prior.mean_degree
        if wanted is not None and config.degree_weight > 0:
            assert batch.edge_weight is not None, "pseudo-graphs always carry weights"
            terms["degree"] = (batch.edge_weight.sum() / (batch.x.shape[0] * wanted) - 1) ** 2
            terms["loss"] = terms["loss"] + config.degree_weight * terms["degree"]
        if student is not None and config.adversarial_weight > 0:
            student.eval()
            terms["disagreement"] = softened_kl(logits, GRAPHS.logits(student, batch), 1.0).mean()
            terms["loss"] = terms["loss"] - config.adversarial_weight * terms["disagreement"]
        return terms

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
        self.graphs.restart(places)
        for learned in (structure.logits, self.graphs.edge_features):
            moments = {} if learned is None else self._optimizer.state[learned]
            for name in ("exp_avg", "exp_avg_sq") if moments else ():
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
        self._work += 3 * self._costs[model](batch)

    def state_dict(self) -> State:
        """Learned parameters, optimiser, position; candidates where they do not follow from the seed."""
        pairs = None if self.config.regrowth.every is None else self.graphs.candidates.pairs
        return {
            "pairs": pairs,
            "done": self.done,
            "multiply_adds": self.multiply_adds,
            "graphs": self.graphs.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        self.done = int(state["done"])
        self._work = float(state["multiply_adds"])
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
