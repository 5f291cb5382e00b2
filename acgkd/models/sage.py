"""GraphSAGE: the mean of the neighbours, beside the node itself, each through weights of its own."""

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
    from acgkd.models._networks.sage import SAGE

    return SAGE(
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
        # The node's own weights have no bias.
        layers = sum(linear(count, width) + count * width + normalisation(width) for count in inputs)
        return layers + linear(width, classes)

    return DeclaredFacts(batch_norm=True, numbers=numbers)


MODEL = Model(
    modality="graphs",
    build=_build,
    facts=_facts,
    presets=("sage-5-64", "sage-5-32", "sage-3-64", "sage-3-32", "sage-2-64", "sage-2-32"),
)
