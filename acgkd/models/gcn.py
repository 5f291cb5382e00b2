"""Graph convolutional network: neighbours averaged by the symmetric norm of the weighted graph."""

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
    from acgkd.models._networks.gcn import GCN

    return GCN(
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
        return sum(linear(count, width) + normalisation(width) for count in inputs) + linear(width, classes)

    return DeclaredFacts(batch_norm=True, numbers=numbers)


MODEL = Model(
    modality="graphs",
    build=_build,
    facts=_facts,
    presets=("gcn-5-64", "gcn-5-32", "gcn-3-64", "gcn-3-32", "gcn-2-64", "gcn-2-32"),
)
