"""Residual networks with the stem for small images: ResNet-18 and -34, and the narrow ones of depth 6n + 2."""

from typing import TYPE_CHECKING

from acgkd.facts import DeclaredFacts, halvings, linear, normalisation
from acgkd.models import Model

if TYPE_CHECKING:
    import torch
    from torch import nn

WIDE = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
# Depths that everybody knows as networks of another kind of block, though they are 6n + 2.
_BOTTLENECKS = (50, 152)


def blocks(depth: int) -> tuple[int, ...]:
    """How many blocks each group has."""
    return WIDE.get(depth, ((depth - 2) // 6,) * 3)


def _build(depth: int, *, in_features: int, classes: int, device: "torch.device") -> "nn.Module":
    from acgkd.models._networks.resnet import ResNet

    return ResNet(depth, in_features=in_features, classes=classes, device=device)


def _law(depth: int) -> str | None:
    if depth in WIDE or (depth % 6 == 2 and depth not in _BOTTLENECKS):
        return None
    if depth in _BOTTLENECKS:
        return (
            f"A `resnet` here has plain blocks, but {depth} is known with bottlenecks. Take {depth - 6} or {depth + 6}."
        )
    return f"The depth of a `resnet` must be 18, 34 or 6n + 2 (8, 14, 20, ...), but got {depth}."


def _facts(depth: int) -> DeclaredFacts:
    counts, first = blocks(depth), 64 if depth in WIDE else 16

    def numbers(in_features: int, classes: int) -> int:
        before, found = first, in_features * first * 9 + normalisation(first)
        for group, count in enumerate(counts):
            maps = first << group
            for _ in range(count):
                found += 9 * before * maps + 9 * maps * maps + 2 * normalisation(maps)
                found += before * maps + normalisation(maps) if before != maps else 0
                before = maps
        return found + linear(before, classes)

    return DeclaredFacts(batch_norm=True, stages=halvings(len(counts)), numbers=numbers)


MODEL = Model(
    modality="images",
    build=_build,
    facts=_facts,
    presets=("resnet-34", "resnet-18", "resnet-20", "resnet-8"),
    numbers=(("depth", 8, 1202),),
    law=_law,
)
