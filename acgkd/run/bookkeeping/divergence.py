"""Whether a run has left the finite numbers, and what to do about it."""

import math
from collections.abc import Mapping

import torch
from torch import nn

from acgkd.errors import DivergedError
from acgkd.method import Stage


def require_finite_losses(losses: Mapping[str, float], step: int, stage: Stage) -> None:
    """Raises `DivergedError` where a loss of a step is not finite."""
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    if bad:
        raise DivergedError(
            f"`{bad[0]}` must stay finite, but was {losses[bad[0]]} at step {step}/{stage.steps} of {stage.name}. "
            "Lower the stage's `rate`."
        )


def require_finite_weights(student: nn.Module, stage: Stage) -> None:
    """Raises `DivergedError` where a weight of a student is not finite."""
    bad = [name for name, value in student.named_parameters() if not bool(torch.isfinite(value).all())]
    if bad:
        raise DivergedError(
            f"The student's weights must stay finite, but `{bad[0]}` did not in {stage.name}. Lower the stage's `rate`."
        )
