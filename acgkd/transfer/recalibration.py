"""BatchNorm's memory made anew: what a student remembers of its samples, measured with its final weights.

While a student learns, its memory is a running average over weights that it no longer has.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

B = TypeVar("B")


@torch.no_grad()
def recalibrate(model: nn.Module, forward: Callable[[B], object], batches: Iterable[B]) -> None:
    """Replaces the memory of the model's BatchNorm layers by the plain average over some batches.

    Layers that stay in evaluation mode when the model is put to training, as a borrowed classifier's do, keep theirs.

    Args:
        model: left in evaluation mode.
        forward: a pass of `model` over a batch.
        batches: at least one, or the memory is left empty.
    """
    model.train()
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, _BatchNorm) and layer.training and layer.running_mean is not None
    ]
    # All else rests: dropout would widen what the layers see.
    model.eval()
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    try:
        for batch in batches:
            forward(batch)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()
