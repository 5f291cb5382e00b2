"""What a generator that plays against a student minimises: agreement, and what may keep it near the teacher's data."""

from torch import Tensor, nn

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.losses import balance_loss, probability_distance
from acgkd.method import GraphContext
from acgkd.modules.batch_norm import BatchNormStatistics
from acgkd.settings.graph_game import DisagreementConfig


class Disagreement:
    """The generator's loss.

    Args:
        config: its terms.
        context: teacher, device.
    """

    def __init__(self, config: DisagreementConfig, context: GraphContext) -> None:
        self._config = config
        self._context = context
        self._statistics = BatchNormStatistics(context.teacher, config.statistics)
        self._statistics.warn_if_absent(config.statistics_weight)

    def __call__(self, student: nn.Module, batch: GraphBatch) -> Tensor:
        """Of one batch, which teacher and student pass over.

        Shapes:
            returns: scalar
        """
        config, teacher = self._config, self._context.teacher
        with self._statistics.listening(config.statistics_weight > 0):
            target = GRAPHS.logits(teacher, batch)
        loss = -probability_distance(target, GRAPHS.logits(student, batch))
        if config.balance_weight > 0:
            loss = loss + config.balance_weight * balance_loss(target)
        if config.statistics_weight > 0:
            loss = loss + config.statistics_weight * self._statistics.distance(self._context.device)
        return loss
