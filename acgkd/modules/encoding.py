"""Node embeddings by a module's own `encode`, which is handed edge features where there are any and it takes them."""

import inspect
from collections.abc import Callable
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from acgkd.modules.teacher_protocol import graph_parts

# Reading a signature takes as long as embedding a small batch.
_KNOWN: WeakKeyDictionary[object, bool] = WeakKeyDictionary()


def encoded(
    model: nn.Module,
    x: Tensor,
    edge_index: Tensor,
    edge_weight: Tensor | None,
    batch: Tensor,
    edge_attr: Tensor | None,
) -> Tensor:
    """Calls the `encode` of a model that satisfies the teacher protocol.

    Shapes:
        x: ``[nodes, features]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]``; batch: ``[nodes]``; edge_attr:
        ``[edges, edge features]``
        returns: ``[nodes, width of the nodes]``
    """
    parts = graph_parts(model)
    if edge_attr is None or not takes_edge_features(parts.encode):
        return parts.encode(x, edge_index, edge_weight, batch)
    return parts.encode(x, edge_index, edge_weight, batch, edge_attr=edge_attr)


def takes_edge_features(encode: Callable[..., object]) -> bool:
    """Whether a function has a parameter `edge_attr`, or takes whatever is named."""
    plain = getattr(encode, "__func__", None)  # what a method of many objects is for all of them
    known = None if plain is None else _KNOWN.get(plain)
    if known is None:
        parameters = inspect.signature(encode).parameters.values()
        known = any(p.name == "edge_attr" or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
        if plain is not None:
            _KNOWN[plain] = known
    return known
