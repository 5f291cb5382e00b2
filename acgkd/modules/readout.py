"""Pooling by a module's own `readout`, whether or not it asks for the number of graphs."""

import inspect
from collections.abc import Callable
from weakref import WeakKeyDictionary

from torch import Tensor, nn

# How the third argument is called here and in torch_geometric's pools. Under other names it may mean anything.
_NAMES = ("graphs", "size", "num_graphs", "batch_size")

# Reading a signature takes as long as pooling a small batch.
_KNOWN: WeakKeyDictionary[object, bool] = WeakKeyDictionary()


def pooled(readout: Callable[..., Tensor], nodes: Tensor, batch: Tensor, graphs: int | None) -> Tensor:
    """Calls a readout with the number of graphs if it takes one: without, it has to ask the device.

    Args:
        readout: of the teacher protocol: a function of ``nodes, batch`` and perhaps the number of graphs.
        nodes: embeddings.
        batch: which graph each node belongs to.
        graphs: how many there are; None if nobody knows.

    Shapes:
        nodes: ``[nodes, width]``; batch: ``[nodes]``; returns: ``[graphs, width]``
    """
    called: Callable[..., Tensor] = readout.forward if isinstance(readout, nn.Module) else readout
    plain = getattr(called, "__func__", None)  # what a method of many objects is for all of them
    takes = None if plain is None else _KNOWN.get(plain)
    if takes is None:
        takes = _takes_graphs(called)
        if plain is not None:
            _KNOWN[plain] = takes
    return readout(nodes, batch, graphs) if takes else readout(nodes, batch)


def _takes_graphs(function: Callable[..., Tensor]) -> bool:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some built-in functions do not tell
        return True
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return True
    if len(parameters) < 3 or parameters[2].kind is inspect.Parameter.KEYWORD_ONLY:
        return False
    return parameters[2].name in _NAMES or parameters[2].default is inspect.Parameter.empty
