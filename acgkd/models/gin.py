"""Graph isomorphism network: sums over neighbours, two-layer perceptrons, BatchNorm inside and after."""

from typing import TYPE_CHECKING

from acgkd.facts import linear, normalisation
from acgkd.models._graph_family import graph_family

if TYPE_CHECKING:
    from acgkd.models._networks.gin import GIN


def _network() -> "type[GIN]":
    from acgkd.models._networks.gin import GIN

    return GIN


def _layer(before: int, width: int) -> int:
    # A perceptron of two layers with a norm inside, and one more number for the ε that every layer keeps.
    return linear(before, width) + linear(width, width) + 2 * normalisation(width) + 1


MODEL = graph_family("gin", _network, _layer)
