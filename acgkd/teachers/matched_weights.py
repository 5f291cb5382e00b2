"""Which weight belongs to which message of a layer: self-loops that are added weigh 1, those left out count nothing."""

import torch
from torch import Tensor

from acgkd.errors import TeacherError


def extended(name: str, messages: int, edges: int, weight: Tensor, nodes: int | None) -> Tensor:
    """The weights of all messages of a layer: self-loops that it appended weigh 1.

    Args:
        name: of the layer.
        messages: that it sends.
        edges: how many the module was handed.
        weight: of each of these.
        nodes: how many the module was handed; None where nobody knows.

    Shapes:
        weight: ``[edges]``; returns: ``[messages]``
    Raises:
        TeacherError: there are others.
    """
    if messages == edges:
        return weight
    if nodes is not None and messages == edges + nodes:
        return torch.cat([weight, weight.new_ones(nodes)])
    raise TeacherError(
        f"The layer `{name}` sends {messages} messages over {edges} edges, so weights cannot be matched to messages. "
        "Let each layer be handed the edges that the module was given, with self-loops behind them or without any."
    )


def spread(weight: Tensor, like: Tensor) -> Tensor:
    """Weights of messages, shaped so that they multiply them.

    Shapes:
        weight: ``[messages]``; like: ``[messages, ...]``; returns: ``[messages, 1, ...]``
    """
    return weight.view(-1, *[1] * (like.dim() - 1))


def without_loops(name: str, listed: Tensor, edges: int, weight: Tensor, nodes: int | None, count: int) -> Tensor:
    """The weights of what a layer attends to: its edges but for self-loops, and one of its own for each node.

    Args:
        name: of the layer.
        listed: the edges that it is handed.
        edges: how many the module was handed.
        weight: of each of these.
        nodes: as of `extended`.
        count: nodes that the layer is handed.

    Shapes:
        listed: ``[2, edges]``; weight: ``[edges]``; returns: ``[messages]``
    """
    own = extended(name, listed.shape[1], edges, weight, nodes)
    return torch.cat([own[listed[0] != listed[1]], own.new_ones(count)])
