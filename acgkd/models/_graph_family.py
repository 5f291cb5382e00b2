"""What the entries of all graph networks share: how one is built, what is known of it before, which presets it has."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from acgkd.facts import DeclaredFacts, linear
from acgkd.models import Model

if TYPE_CHECKING:
    from torch import nn

    from acgkd.models._networks.graph_classifier import GraphClassifier

_LITERATURE = ((5, 64), (5, 32), (3, 64), (3, 32), (2, 64), (2, 32))


def graph_family(
    kind: str,
    network: "Callable[[], type[GraphClassifier]]",
    layer: Callable[[int, int], int],
    law: Callable[[int, int], str | None] | None = None,
) -> Model:
    """The entry of a family of layers of message passing, each followed by BatchNorm, and one linear classifier.

    Args:
        kind: its name.
        network: imports its class; called when a model is built.
        layer: ``layer(width before, width)``: how many numbers the weights and buffers of a layer and its norm are.
        law: what must hold between depth and width.
    """

    def build(depth: int, width: int, **options: object) -> "nn.Module":
        return network()(depth, width, **options)  # type: ignore[arg-type]

    def facts(depth: int, width: int) -> DeclaredFacts:
        def numbers(in_features: int, classes: int) -> int:
            before = (in_features, *[width] * (depth - 2))
            return sum(layer(lower, width) for lower in before) + linear(width, classes)

        return DeclaredFacts(batch_norm=True, numbers=numbers)

    presets = tuple(f"{kind}-{depth}-{width}" for depth, width in _LITERATURE)
    return Model(modality="graphs", build=build, facts=facts, presets=presets, law=law)
