"""What every inversion of a graph teacher minimises: doubt of the pseudo-labels, distance from its memory, blur."""

import torch.nn.functional as F
from torch import Tensor

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.losses import feature_entropy
from acgkd.method import GraphContext
from acgkd.modules.batch_norm import BatchNormStatistics
from acgkd.settings.choices import Statistic


class InversionLoss:
    """``CE(T(G), y) + w_bn Σ_layers D(batch, memory) + w_oh H(features)``.

    Args:
        context: teacher, device.
        statistics: the distance D.
        statistics_weight: w_bn; 0 where nothing is learned.
        entropy_weight: w_oh, where features are one-hot.
    """

    def __init__(
        self, context: GraphContext, *, statistics: Statistic, statistics_weight: float, entropy_weight: float
    ) -> None:
        self._context = context
        self._statistics_weight = statistics_weight
        self._entropy_weight = entropy_weight
        self._statistics = BatchNormStatistics(context.teacher, statistics)
        self._statistics.warn_if_absent(statistics_weight)

    def heard(self, batch: GraphBatch) -> tuple[Tensor, Tensor]:
        """The teacher's class scores, and how far what its BatchNorm layers saw is from their memory.

        Shapes:
            returns: ``[graphs, classes]`` and a scalar
        """
        with self._statistics.listening():
            logits = GRAPHS.logits(self._context.teacher, batch)
        return logits, self._statistics.distance(self._context.device)

    def __call__(
        self, batch: GraphBatch, targets: Tensor, feature_logits: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The teacher's class scores, and the terms; ``loss`` is their weighted sum.

        Args:
            batch: the graphs.
            targets: what the teacher is asked to say: class numbers, or probabilities.
            feature_logits: of the nodes, where features are one-hot.

        Shapes:
            targets: ``[graphs]`` or ``[graphs, classes]``; feature_logits: ``[nodes, features]``
            returns: ``[graphs, classes]`` and scalars
        """
        logits, distance = self.heard(batch)
        entropy = F.cross_entropy(logits, targets)
        terms = {
            "loss": entropy + self._statistics_weight * distance,
            "cross_entropy": entropy,
            "statistics": distance,
        }
        if feature_logits is not None and self._entropy_weight > 0:
            terms["entropy"] = feature_entropy(feature_logits)
            terms["loss"] = terms["loss"] + self._entropy_weight * terms["entropy"]
        return logits, terms
