"""The softening of logits: fixed, or learned against the student between two bounds."""

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError


class _ReverseContext(Protocol):
    strength: float


class _ReverseGradient(torch.autograd.Function):
    """The identity forwards; backwards the gradient times ``-strength``."""

    @staticmethod
    def forward(ctx: _ReverseContext, value: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return value.view_as(value)

    @staticmethod
    def backward(ctx: _ReverseContext, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def cosine_ramp(done: float, ramp: float) -> float:
    """Strength of the reversal: 0 at the start, 1 from the share `ramp` of training on, a half cosine between.

    Source: CTKD, released code 7d52522, `models/temp_global.py` (there over 10 epochs of 240).
    """
    return 1.0 if done >= ramp else 0.5 * (1 - math.cos(math.pi * done / ramp))


class FixedTemperature(nn.Module):
    """One number, from beginning to end."""

    def __init__(self, value: float) -> None:
        super().__init__()
        if not value > 0:
            raise ConfigError(f"`temperature > 0` must hold, but got {value}.")
        self.value = value

    def forward(self, done: float) -> float:
        """The temperature, whatever the share `done` of training."""
        return self.value


class AdversarialTemperature(nn.Module):
    """One learned number in (low, high) that makes the student's loss larger while the student makes it smaller.

    ``τ = low + (high − low) · σ(w)`` with `w` behind a gradient reversal, stepped by the student's own optimiser.

    Args:
        low: smallest temperature.
        high: largest temperature.
        ramp: share of training over which the reversal grows to full strength.
        device: where the parameter lives.

    Source: CTKD (Li et al., AAAI 2023), released code 7d52522; there low = 1 and high = 21.
    """

    def __init__(self, low: float, high: float, device: torch.device, ramp: float = 0.1) -> None:
        super().__init__()
        if not 0 < low < high:
            raise ConfigError(f"`0 < temperature/low < temperature/high` must hold, but got {low} and {high}.")
        self.low, self.high, self.ramp = low, high, ramp
        self.w = nn.Parameter(torch.zeros((), device=device))

    def forward(self, done: float) -> Tensor:
        """The temperature after a share `done` of training.

        Shapes:
            returns: scalar
        """
        w: Tensor = _ReverseGradient.apply(self.w, cosine_ramp(done, self.ramp))  # type: ignore[no-untyped-call]
        return self.low + (self.high - self.low) * torch.sigmoid(w)
