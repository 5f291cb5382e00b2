"""LeNet-5 for images of 32 by 32, whole or with half of every width, plain or with BatchNorm."""

from typing import TYPE_CHECKING

from acgkd.facts import DeclaredFacts, linear, normalisation
from acgkd.models import Model

if TYPE_CHECKING:
    import torch
    from torch import nn

SIDE = 32
# Sides of the maps after each convolution and what belongs to it.
_SIDES = (14, 5, 1)


def sizes(half: bool) -> tuple[tuple[int, int, int], int]:
    """Maps of each convolution, and features before the classifier."""
    return ((3, 8, 60), 42) if half else ((6, 16, 120), 84)


def _build(*, half: bool, bn: bool, in_features: int, classes: int, device: "torch.device") -> "nn.Module":
    from acgkd.models._networks.lenet5 import LeNet5

    return LeNet5(half=half, bn=bn, in_features=in_features, classes=classes, device=device)


def _facts(*, half: bool, bn: bool) -> DeclaredFacts:
    def numbers(in_features: int, classes: int) -> int:
        maps, width = sizes(half)
        found = sum(linear(before * 25, after) for before, after in zip((in_features, *maps[:-1]), maps, strict=True))
        found += sum(map(normalisation, maps)) if bn else 0
        return found + linear(maps[-1], width) + linear(width, classes)

    stages = tuple((side, side) for side in _SIDES)
    return DeclaredFacts(batch_norm=bn, stages=lambda height, width: stages, numbers=numbers)


MODEL = Model(
    modality="images",
    build=_build,
    facts=_facts,
    presets=("lenet5", "lenet5-half", "lenet5-bn", "lenet5-half-bn"),
    numbers=(),
    words=("half", "bn"),
    side=SIDE,
)
