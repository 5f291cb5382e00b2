"""DeepInversion on graphs: features learned by gradient over random structure that stays as drawn."""

import logging
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.pseudo.fixed_structure import FixedStructure
from acgkd.method import GraphContext, State
from acgkd.runtime import backward, warn_once
from acgkd.settings.feature_inversion import FeatureInversionConfig
from acgkd.settings.pseudo_graphs import PseudoGraphConfig
from acgkd.synthesis.graphs.drawn_graphs import build_pseudo_graphs
from acgkd.synthesis.graphs.graph_synthesis import GraphSynthesis
from acgkd.synthesis.graphs.inversion_loss import InversionLoss

logger = logging.getLogger(__name__)


def build_fixed_structure(config: FeatureInversionConfig, context: GraphContext) -> FixedStructure:
    """One draw of the control's pseudo-graphs: same sizes, labels and degrees, but it stays.

    Raises:
        ConfigError: fewer pseudo-graphs than classes.
    """
    prior = context.prior
    untrained = build_pseudo_graphs(PseudoGraphConfig(graphs=config.graphs, sizes=config.sizes), context)
    learned = {
        "categorical": "logits",
        "continuous": "values",
        "degree": "logits" if config.degree_features == "free" else "given",
        "constant": "given",
    }[prior.features]
    if learned == "given" and not prior.edge_columns:
        warn_once(
            logger,
            f"Features that are `{prior.features}` follow from the structure, which deepinv_graphs does not change: "
            "there is nothing to learn, and it teaches with untrained graphs of fixed structure.",
        )
    return FixedStructure(
        untrained.sampled(context.streams.generator("structure")),
        learned,
        prior.feature_count,
        node_columns=prior.node_columns,
        edge_columns=prior.edge_columns,
        temperature=config.concrete_temperature,
        relaxation=config.features,
        generator=context.streams.generator("features"),
    )


class FeatureInversion(GraphSynthesis[FixedStructure]):
    """Learns the features of graphs whose structure stays.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
    """

    def __init__(self, config: FeatureInversionConfig, context: GraphContext) -> None:
        graphs = build_fixed_structure(config, context)
        super().__init__(context, graphs, config.steps if list(graphs.parameters()) else 0)
        self.config = config
        self._loss = InversionLoss(config, context, learns=self.steps > 0)
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
        _, terms = self._loss(batch, self._labels, self.graphs.feature_logits(), self.graphs.edge_features)
        optimizer.zero_grad(set_to_none=True)
        backward(terms["loss"])
        nn.utils.clip_grad_norm_(self.graphs.parameters(), 10.0)
        optimizer.step()
        self.done += 1
        if self._cost is None:
            self._cost = GRAPHS.counter(self.context.teacher, batch)
        self._work += 3 * self._cost(batch)
        return {name: term.detach() for name, term in terms.items()}

    def facts(self) -> Mapping[str, float]:
        """Every candidate is an edge: there is nothing to choose from."""
        edges = int(self.graphs.edge_counts.sum())
        return {"candidate_edges": edges, "kept_edges": edges, "pseudo_samples": self.graphs.count}

    def state_dict(self) -> State:
        """Learned features, optimiser, position; structure follows from the seed."""
        return {
            "done": self.done,
            "multiply_adds": self.multiply_adds,
            "graphs": self.graphs.state_dict(),
            "optimizer": None if self._optimizer is None else self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        self.done = int(state["done"])
        self._work = float(state["multiply_adds"])
        self.graphs.load_state_dict(state["graphs"])
        if self._optimizer is not None:
            self._optimizer.load_state_dict(state["optimizer"])
