"""Wide residual networks: blocks that normalise first, three groups, widened by a factor."""

from typing import TYPE_CHECKING

from acgkd.facts import DeclaredFacts, halvings, linear, normalisation
from acgkd.models import Model

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(depth: int, factor: int, *, in_features: int, classes: int, device: "torch.device") -> "nn.Module":
    from acgkd.models._networks.wrn import WideResNet

    return WideResNet(depth, factor, in_features=in_features, classes=classes, device=device)


def _law(depth: int, factor: int) -> str | None:
    if depth % 6 == 4:
        return None
    return f"The depth of a `wrn` must be 6n + 4 (10, 16, 22, 28, 40, ...), but got {depth}."


def _facts(depth: int, factor: int) -> DeclaredFacts:
    def numbers(in_features: int, classes: int) -> int:
        before, found = 16, in_features * 16 * 9
        for maps in (16 * factor, 32 * factor, 64 * factor):
            for _ in range((depth - 4) // 6):
                found += 9 * before * maps + 9 * maps * maps + normalisation(before) + normalisation(maps)
                found += before * maps if before != maps else 0
                before = maps
        return found + normalisation(before) + linear(before, classes)

    return DeclaredFacts(batch_norm=True, stages=halvings(3), numbers=numbers)


MODEL = Model(
    modality="images",
    build=_build,
    facts=_facts,
    presets=("wrn-40-2", "wrn-16-2", "wrn-16-1", "wrn-10-1"),
    numbers=(("depth", 10, 1000), ("factor", 1, 64)),
    law=_law,
)
