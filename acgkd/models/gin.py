"""Graph isomorphism network: sums over neighbours, two-layer perceptrons, BatchNorm inside and after."""

from typing import TYPE_CHECKING

from acgkd.facts import DeclaredFacts, linear, normalisation
from acgkd.models import Model

if TYPE_CHECKING:
    import torch
    from torch import nn


def _build(
    depth: int,
    width: int,
    *,
    in_features: int,
    classes: int,
    pooling: str,
    device: "torch.device",
    edge_features: int = 0,
) -> "nn.Module":
    from acgkd.models._networks.gin import GIN

    return GIN(
        depth,
        width,
        in_features=in_features,
        classes=classes,
        pooling=pooling,
        device=device,
        edge_features=edge_features,
    )


def _facts(depth: int, width: int) -> DeclaredFacts:
    def numbers(in_features: int, classes: int) -> int:
        inputs = (in_features, *[width] * (depth - 2))
        # One more for the ε that every layer keeps.
        layer = linear(width, width) + 2 * normalisation(width) + 1
        return sum(linear(count, width) + layer for count in inputs) + linear(width, classes)

    return DeclaredFacts(batch_norm=True, numbers=numbers)


MODEL = Model(
    modality="graphs",
    build=_build,
    facts=_facts,
    presets=("gin-5-64", "gin-5-32", "gin-3-64", "gin-3-32", "gin-2-64", "gin-2-32"),
)
