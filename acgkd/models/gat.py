"""Graph attention network: each node attends to its neighbours and itself, four heads side by side."""

from typing import TYPE_CHECKING

from acgkd.facts import normalisation
from acgkd.models._graph_family import graph_family

if TYPE_CHECKING:
    from acgkd.models._networks.gat import GAT

HEADS = 4


def _network() -> "type[GAT]":
    from acgkd.models._networks.gat import GAT

    return GAT


def _layer(before: int, width: int) -> int:
    # No bias, and two vectors that attend: to where messages come from, and to where they go.
    return before * width + 2 * width + normalisation(width)


def _law(depth: int, width: int) -> str | None:
    if width % HEADS == 0:
        return None
    return f"The width of a `gat` must be a multiple of its {HEADS} heads, but got {width} in 'gat-{depth}-{width}'."


MODEL = graph_family("gat", _network, _layer, _law)
