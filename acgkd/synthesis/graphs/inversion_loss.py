"""What every inversion of a graph teacher minimises: doubt of the pseudo-labels, distance from its memory, blur."""

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.losses import feature_entropy
from acgkd.method import GraphContext
from acgkd.modules.batch_norm import BatchNormStatistics
from acgkd.settings.choices import Statistic


class Terms(Protocol):
    """The settings of its terms, whatever else a method sets."""

    @property
    def statistics(self) -> Statistic:
        """The distance D."""

    @property
    def statistics_weight(self) -> float:
        """w_bn."""

    @property
    def entropy_weight(self) -> float:
        """w_oh, where features are one-hot."""


class InversionLoss:
    """``w_ce CE(T(G), y) + w_bn Σ_layers D(batch, memory) + w_oh H(features)``, of nodes and of edges.

    Args:
        config: of the terms.
        context: teacher, device.
        learns: whether anything is; if not, nobody misses a term.
        class_weight: w_ce.
        misjudged: count the cross-entropy of those graphs alone to which the teacher does not give the class asked for.
    """

    def __init__(
        self,
        config: Terms,
        context: GraphContext,
        *,
        learns: bool = True,
        class_weight: float = 1.0,
        misjudged: bool = False,
    ) -> None:
        self._config = config
        self._class_weight, self._misjudged = class_weight, misjudged
        self._context = context
        self._statistics = BatchNormStatistics(context.teacher, config.statistics)
        self._statistics.warn_if_absent(config.statistics_weight if learns else 0.0)

    def heard(self, batch: GraphBatch) -> tuple[Tensor, Tensor]:
        """The teacher's class scores, and how far what its BatchNorm layers saw is from their memory.

        Shapes:
            returns: ``[graphs, classes]`` and a scalar
        """
        with self._statistics.listening():
            logits = GRAPHS.logits(self._context.teacher, batch)
        return logits, self._statistics.distance(self._context.device)

    def __call__(
        self, batch: GraphBatch, targets: Tensor, feature_logits: Tensor | None, edge_logits: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The teacher's class scores, and the terms; ``loss`` is their weighted sum.

        Args:
            batch: the graphs.
            targets: what the teacher is asked to say: class numbers, or probabilities.
            feature_logits: of the nodes, where features are one-hot.
            edge_logits: of the edges or candidate pairs, where they have features.

        Shapes:
            targets: ``[graphs]`` or ``[graphs, classes]``; feature_logits: ``[nodes, features]``;
            edge_logits: ``[pairs, edge features]``
            returns: ``[graphs, classes]`` and scalars
        """
        logits, distance = self.heard(batch)
        entropy = misjudged_entropy(logits, targets) if self._misjudged else F.cross_entropy(logits, targets)
        terms = {
            "loss": self._class_weight * entropy + self._config.statistics_weight * distance,
            "cross_entropy": entropy,
            "statistics": distance,
        }
        if feature_logits is not None and self._config.entropy_weight > 0:
            terms["entropy"] = feature_entropy(feature_logits, self._context.prior.node_columns)
            terms["loss"] = terms["loss"] + self._config.entropy_weight * terms["entropy"]
        if edge_logits is not None and self._config.entropy_weight > 0:
            terms["edge_entropy"] = feature_entropy(edge_logits, self._context.prior.edge_columns)
            terms["loss"] = terms["loss"] + self._config.entropy_weight * terms["edge_entropy"]
        return logits, terms


def misjudged_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over all graphs of the cross-entropy, where one with the class asked for counts 0.

    Shapes:
        logits: ``[graphs, classes]``; targets: ``[graphs]``, or ``[graphs, classes]``; returns: scalar
    """
    asked = targets if targets.dim() == 1 else targets.argmax(dim=1)
    wrong = logits.argmax(dim=1) != asked
    return (F.cross_entropy(logits, targets, reduction="none") * wrong).mean()
