"""GraphSAGE: the mean of the neighbours, beside the node itself, each through weights of its own."""

from typing import TYPE_CHECKING

from acgkd.facts import linear, normalisation
from acgkd.models._graph_family import graph_family

if TYPE_CHECKING:
    from acgkd.models._networks.sage import SAGE


def _network() -> "type[SAGE]":
    from acgkd.models._networks.sage import SAGE

    return SAGE


def _layer(before: int, width: int) -> int:
    # The node's own weights have no bias.
    return linear(before, width) + before * width + normalisation(width)


MODEL = graph_family("sage", _network, _layer)
