"""Graph attention network: each node attends to its neighbours and itself, four heads side by side."""

from typing import TYPE_CHECKING

from acgkd.facts import DeclaredFacts, linear, normalisation
from acgkd.models import Model

if TYPE_CHECKING:
    import torch
    from torch import nn


HEADS = 4


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
    from acgkd.models._networks.gat import GAT

    return GAT(
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
        # No bias, and two vectors that attend: to where messages come from, and to where they go.
        layers = sum(count * width + 2 * width + normalisation(width) for count in inputs)
        return layers + linear(width, classes)

    return DeclaredFacts(batch_norm=True, numbers=numbers)


def _law(depth: int, width: int) -> str | None:
    if width % HEADS == 0:
        return None
    return f"The width of a `gat` must be a multiple of its {HEADS} heads, but got {width} in 'gat-{depth}-{width}'."


MODEL = Model(
    modality="graphs",
    build=_build,
    law=_law,
    facts=_facts,
    presets=("gat-5-64", "gat-5-32", "gat-3-64", "gat-3-32", "gat-2-64", "gat-2-32"),
)
