"""A student that a generator of images plays against: how far it is from the teacher, and how it is moved."""

import logging
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from acgkd.cost import at_rest
from acgkd.errors import ConfigError
from acgkd.images import IMAGES, ImageBatch
from acgkd.images.image_losses import attention_distance
from acgkd.losses import logit_distance, softened_kl
from acgkd.method import MethodContext
from acgkd.transfer.image_outputs import answer
from acgkd.transfer.image_transfer import GeneratedTransferConfig, UnsoftenedConfig
from acgkd.transfer.optimizer import decayed
from acgkd.transfer.transfer import Transfer

logger = logging.getLogger(__name__)

# Of the released ZSKT, for wide residual networks of three groups.
ATTENTION_WEIGHT = 250.0


class PlayingStudentConfig(GeneratedTransferConfig):
    """How the student plays.

    Args:
        turn: its steps between two turns of the generator.
        distance: from the teacher, which the student makes less and the generator more: `kl`, the softened divergence
            divided by the number of classes, or `logits`, the mean absolute difference of logits.
        attention_weight: of the distance between both models' attention maps, for the student alone; None takes 250
            where their stages fit each other and 0 where they do not.
        clip: largest norm of the student's gradient; None leaves it as it is.
    """

    turn: int = Field(default=5, ge=1)
    distance: Literal["kl", "logits"] = "kl"
    temperature: UnsoftenedConfig = UnsoftenedConfig()
    attention_weight: float | None = Field(default=0.0, ge=0)
    clip: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _fresh_images(self) -> "PlayingStudentConfig":
        if self.samples == "fixed":
            raise ConfigError("`samples: fixed` needs a generator that is done, but this one plays; use `resampled`.")
        return self

    @model_validator(mode="after")
    def _bare_logits(self) -> "PlayingStudentConfig":
        if self.distance == "logits" and self.temperature != UnsoftenedConfig():
            raise ConfigError("`distance: logits` knows no temperature; leave `temperature` out or use `distance: kl`.")
        return self


class PlayingStudent(Transfer):
    """The student's side of the game: a teaching stage with a loss of its own.

    Args:
        config: its settings.
        context: teacher, student, streams, device.

    Raises:
        ConfigError: attention is asked for, and the stages of both models do not fit each other.
    """

    config: PlayingStudentConfig

    def __init__(self, config: PlayingStudentConfig, context: MethodContext) -> None:
        super().__init__(config, context, IMAGES)
        self.attention_weight = _attention_weight(config.attention_weight, context)
        if config.clip is not None:
            learned, clip = list(self.student.parameters()), config.clip

            def shorten(*_: Any) -> None:
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


def _attention_weight(asked: float | None, context: MethodContext) -> float:
    """The weight that is used: what was asked for, or what the models allow."""
    if asked == 0:
        return 0.0
    why = why_no_attention(context)
    if not why:
        return ATTENTION_WEIGHT if asked is None else asked
    if asked is None:
        logger.warning("The attention term of the student's loss is absent: %s", why)
        return 0.0
    raise ConfigError(f"`attention_weight > 0` needs stages that fit each other. {why} Use `attention_weight: 0`.")


def why_no_attention(context: MethodContext) -> str:
    """What keeps attention maps of teacher and student from being compared; nothing where they can be."""
    places = {}
    blank = torch.zeros(2, *context.prior.shape, device=context.device)
    for name, model in (("teacher", context.teacher), ("student", context.student)):
        parts: Any = model
        if not callable(getattr(model, "stages", None)) or not callable(getattr(model, "pool", None)):
            return f"The {name} has no `stages` and `pool`."
        with at_rest(model):
            places[name] = [tuple(maps.shape[2:]) for maps in parts.stages(blank)]
    if places["teacher"] == places["student"]:
        return ""
    return f"The teacher's maps are of sizes {places['teacher']}, the student's of {places['student']}."
