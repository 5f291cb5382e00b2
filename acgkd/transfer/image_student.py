"""A student that a generator of images plays against: how far it is from the teacher, and how it is moved."""

import logging

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from acgkd.errors import ConfigError
from acgkd.facts import why_no_attention
from acgkd.images import IMAGES, ImageBatch
from acgkd.images.image_losses import attention_distance
from acgkd.losses import logit_distance, softened_kl
from acgkd.method import ImageContext
from acgkd.modules.inspected_model import InspectedModel
from acgkd.runtime import warn_once
from acgkd.settings.image_game import PlayingStudentConfig
from acgkd.transfer.image_outputs import answer
from acgkd.transfer.optimizer import decayed
from acgkd.transfer.transfer import Transfer

logger = logging.getLogger(__name__)

# Of the released ZSKT, for wide residual networks of three groups.
ATTENTION_WEIGHT = 250.0


class PlayingStudent(Transfer[ImageBatch]):
    """The student's side of the game: a teaching stage with a loss of its own.

    Args:
        config: its settings.
        context: teacher, student, streams, device.

    Raises:
        ConfigError: attention is asked for, and the stages of both models do not fit each other.
    """

    config: PlayingStudentConfig

    def __init__(self, config: PlayingStudentConfig, context: ImageContext) -> None:
        super().__init__(config, context, IMAGES)
        self.attention_weight = _attention_weight(config.attention_weight, context)
        if config.clip is not None:
            learned, clip = list(self.student.parameters()), config.clip

            def shorten(*_: object) -> None:
                clip_grad_norm_(learned, clip)

            self._optimizer.register_step_pre_hook(shorten)

    @property
    def rate_left(self) -> float:
        """The share of its learning rate that the schedule leaves now."""
        return decayed(self.config, self.done / self.config.steps) / self.config.rate

    @property
    def softening(self) -> Tensor | float:
        """The temperature now, without gradients."""
        value = self._temperature(self.done / self.config.steps)
        return value.detach() if isinstance(value, Tensor) else float(value)

    def distance(self, target: Tensor, output: Tensor, temperature: Tensor | float) -> Tensor:
        """How far the student is from the teacher.

        Shapes:
            target, output: ``[images, classes]``; returns: scalar
        """
        if self.config.distance == "logits":
            return logit_distance(target, output)
        return softened_kl(target, output, temperature).mean() / target.shape[1]

    def _loss(self, batch: ImageBatch, temperature: Tensor | float) -> Tensor:
        if self.attention_weight == 0:
            with torch.no_grad():
                target = IMAGES.logits(self.context.teacher, batch)
            return self.distance(target, IMAGES.logits(self.student, batch), temperature)
        with torch.no_grad():
            right = answer(self.context.teacher, batch.x)
        said = answer(self.student, batch.x)
        apart = attention_distance(right.stages, said.stages)
        return self.distance(right.logits, said.logits, temperature) + self.attention_weight * apart


def _attention_weight(asked: float | None, context: ImageContext) -> float:
    """The weight that is used: what was asked for, or what the models allow."""
    if asked == 0:
        return 0.0
    teacher, student = (InspectedModel(model, context.device) for model in (context.teacher, context.student))
    why = why_no_attention(teacher, student, context.prior.shape)
    if not why:
        return ATTENTION_WEIGHT if asked is None else asked
    if asked is None:
        warn_once(logger, f"The attention term of the student's loss is absent: {why}")
        return 0.0
    raise ConfigError(f"`attention_weight > 0` needs stages that fit each other. {why} Use `attention_weight: 0`.")
