"""What a run cannot do and what it does without, seen from settings, models and prior before anything is learned.

Settings that mean the same have the same name in every method, so this goes by names: `synthesis/generator`,
`synthesis/statistics_weight`, `transfer/attention_weight`. Models may live on `meta`: only their shapes count.
"""

from typing import Any

import torch

from acgkd.batch_norm import ABSENT, BatchNormStatistics
from acgkd.errors import ConfigError
from acgkd.images.generator import ImageGenerator
from acgkd.method import MethodConfig, MethodContext
from acgkd.transfer.image_student import why_no_attention


def refused(config: MethodConfig, context: MethodContext) -> tuple[str, str] | None:
    """The setting that would end a run when it begins, by slash path, and why; None where none would.

    Args:
        config: of the method.
        context: its models, prior and device; they are looked at, not changed.
    """
    generator = getattr(config.synthesis, "generator", None)
    if generator is not None and getattr(config.synthesis, "source", "generator") == "generator":
        try:
            ImageGenerator(
                context.prior.shape, latent=1, width=2, ending="norm", eps=generator.eps, device=torch.device("meta")
            )
        except ConfigError as error:
            return "synthesis/generator", str(error)
    weight = _attention(config)
    why = why_no_attention(context) if weight else ""
    if why:
        return (
            "transfer/attention_weight",
            f"`attention_weight: {weight:g}` needs stages that fit each other. {why} Use `attention_weight: 0`.",
        )
    return None


def absent(config: MethodConfig, context: MethodContext) -> tuple[str, ...]:
    """The terms of losses that do nothing, because a model gives no ground for them: a sentence each.

    Args:
        config: of the method.
        context: its models and prior; they are looked at, not changed.
    """
    found = []
    synthesis: Any = config.synthesis
    weighs = getattr(synthesis, "statistics_weight", 0) > 0 and getattr(synthesis, "steps", 1) > 0
    if weighs and BatchNormStatistics(context.teacher, "norm").layers == 0:
        found.append(ABSENT)
    if hasattr(config.transfer, "attention_weight") and _attention(config) is None:
        why = why_no_attention(context)
        if why:
            found.append(f"The attention term of the student's loss is absent: {why}")
    return tuple(found)


def _attention(config: MethodConfig) -> float | None:
    """The weight that is asked for; None leaves it to the models."""
    weight: float | None = getattr(config.transfer, "attention_weight", 0.0)
    return weight
