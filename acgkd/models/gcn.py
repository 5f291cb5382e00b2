"""Graph convolutional network: neighbours averaged by the symmetric norm of the weighted graph."""

from typing import TYPE_CHECKING

from acgkd.facts import linear, normalisation
from acgkd.models._graph_family import graph_family

if TYPE_CHECKING:
    from acgkd.models._networks.gcn import GCN


def _network() -> "type[GCN]":
    from acgkd.models._networks.gcn import GCN

    return GCN


def _layer(before: int, width: int) -> int:
    return linear(before, width) + normalisation(width)


MODEL = graph_family("gcn", _network, _layer)
