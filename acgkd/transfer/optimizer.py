"""How a model is moved: the optimiser, and what becomes of its learning rate."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from acgkd.settings.transfer_stage import OptimizerConfig

# What `decay: steps` divides the rate by.
STEP = 10.0


def build_optimizer(
    config: OptimizerConfig, learned: Iterable[nn.Parameter], *, undecayed: Iterable[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """The optimiser that `config` describes.

    Args:
        config: its settings.
        learned: parameters.
        undecayed: further ones that `weight_decay` leaves alone.
    """
    groups: list[dict[str, object]] = [{"params": list(learned), "weight_decay": config.weight_decay}]
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
