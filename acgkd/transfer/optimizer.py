"""How a model is moved: the optimiser, its settings, and what becomes of its learning rate."""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import nn

from acgkd.config import Config
from acgkd.errors import ConfigError

Decay = Literal["linear", "none", "cosine", "steps"]
Share = Annotated[float, Field(gt=0, lt=1)]

# What `decay: steps` divides the rate by.
STEP = 10.0


class OptimizerConfig(Config):
    """How a model is moved.

    Args:
        rate: learning rate at the start.
        optimizer: Adam, or stochastic gradient descent with `momentum`.
        momentum: of `sgd`.
        weight_decay: of either.
        decay: `linear` and `cosine` let the rate go to 0, `none` keeps it, `steps` divides it by 10 at each share of
            `decay_at`.
        decay_at: shares of all steps, rising.
    """

    rate: float = Field(default=0.01, gt=0)
    optimizer: Literal["adam", "sgd"] = "adam"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    decay: Decay = "linear"
    decay_at: tuple[Share, ...] = (0.4, 0.8)

    @model_validator(mode="after")
    def _shares_rise(self) -> "OptimizerConfig":
        if list(self.decay_at) != sorted(set(self.decay_at)):
            raise ConfigError(f"The shares of `decay_at` must rise, but got {list(self.decay_at)}.")
        return self


def build_optimizer(
    config: OptimizerConfig, learned: Iterable[nn.Parameter], *, undecayed: Iterable[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """The optimiser that `config` describes.

    Args:
        config: its settings.
        learned: parameters.
        undecayed: further ones that `weight_decay` leaves alone.
    """
    groups: list[dict[str, Any]] = [{"params": list(learned), "weight_decay": config.weight_decay}]
    alone = list(undecayed)
    if alone:
        groups.append({"params": alone, "weight_decay": 0.0})
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.rate, momentum=config.momentum)
    # The fused kernel spares most of Adam's cost, which for small models is most of a step.
    return torch.optim.Adam(groups, lr=config.rate, fused=True)


def decayed(config: OptimizerConfig, done: float) -> float:
    """The learning rate after a share `done` of all steps."""
    if config.decay == "linear":
        return config.rate * (1 - done)
    if config.decay == "cosine":
        return config.rate * (1 + math.cos(math.pi * done)) / 2
    if config.decay == "steps":
        # Rounded, or a share of 0.8 would not be reached by 8 steps of 10.
        passed = sum(round(done, 12) >= share for share in config.decay_at)
        return config.rate / STEP**passed
    return config.rate
