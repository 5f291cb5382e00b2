"""Makes a plain torch_geometric module satisfy the teacher protocol, edge weights and their gradients included.

How each kind of layer gets its weights is in `acgkd.teachers.message_weights`.
"""

import inspect
from collections.abc import Callable

from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.modules.graph_module import GraphModule
from acgkd.modules.readout import pooled
from acgkd.teachers.message_weights import check_layer, graph_layers, weighted

_POOLS = {"sum": "global_add_pool", "mean": "global_mean_pool", "max": "global_max_pool"}


def adapt(
    module: nn.Module,
    *,
    encode: str | Callable[..., Tensor] = "encode",
    readout: str | Callable[..., Tensor] = "sum",
    classifier: str = "classifier",
    width: int | None = None,
) -> "AdaptedTeacher":
    """Wraps a trained module so that it satisfies the teacher protocol, and is called as ``(x, edge_index, batch)``.

    Args:
        module: holds the layers; its weights are shared, not copied.
        encode: from nodes to their embeddings: the name of a method or submodule of `module`, called with
            ``x, edge_index``; or a function, called with ``module, x, edge_index``. Either gets ``batch=`` too if it
            has a parameter of that name.
        readout: ``sum``, ``mean`` or ``max`` over a graph's nodes; or a function of ``nodes, batch`` and, if it
            likes, ``graphs``, their number.
        classifier: the name of the submodule that makes class scores of a graph's embedding.
        width: of the graph embeddings; None reads it off the classifier's first linear layer.

    Raises:
        TeacherError: a part is not there, or a layer cannot take edge weights; the message says why.

    Example:
        >>> class Net(torch.nn.Module):  # doctest: +SKIP
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.gnn = torch_geometric.nn.GIN(7, 64, num_layers=4)
        ...         self.head = torch.nn.Linear(64, 2)
        >>> teacher = acgkd.adapt(net, encode="gnn", readout="sum", classifier="head")  # doctest: +SKIP
    """
    if isinstance(encode, str):
        _part(module, "encode", encode)
    elif isinstance(encode, nn.Module) or not callable(encode):
        raise TeacherError(f"`encode` must be the name of a part or a function, but got {type(encode).__name__}.")
    head = _part(module, "classifier", classifier)
    if not isinstance(head, nn.Module):
        raise TeacherError(f"`classifier` must name a torch.nn.Module, but `{classifier}` is {type(head).__name__}.")
    if isinstance(readout, str) and readout not in _POOLS:
        raise TeacherError(f"`readout` must be one of {', '.join(_POOLS)} or a function, but got '{readout}'.")
    for name, layer in graph_layers(module):
        check_layer(name, layer)
    return AdaptedTeacher(module, encode, readout, classifier, _width(head) if width is None else width)


def _part(module: nn.Module, role: str, name: str) -> object:
    part = getattr(module, name, None)
    if not callable(part):
        has = [child for child, _ in module.named_children()]
        raise TeacherError(
            f"`{role}` must name a part of the module, but {type(module).__name__} has no '{name}'. "
            f"Its submodules: {', '.join(has) or 'none'}."
        )
    return part


def _width(head: nn.Module) -> int:
    for part in head.modules():
        for name in ("in_features", "in_channels"):
            if isinstance(getattr(part, name, None), int):
                return int(getattr(part, name))
    raise TeacherError("`width` cannot be read off a classifier without linear layers; pass `width=`.")


class AdaptedTeacher(GraphModule):
    """A module with the parts of the teacher protocol; made by `adapt`, which says what the arguments are."""

    def __init__(
        self,
        module: nn.Module,
        encode: str | Callable[..., Tensor],
        readout: str | Callable[..., Tensor],
        classifier: str,
        width: int,
    ) -> None:
        super().__init__()
        self.module = module
        self.width = width
        # So that a student which borrows the classifier can pool as it was trained on; None where only the user knows.
        self.pooling = readout if isinstance(readout, str) else None
        # Names and functions of the module, never bound parts of it: a deep copy must use its own layers.
        self._encode = encode
        self._readout = readout
        self._classifier = classifier

    @property
    def classifier(self) -> nn.Module:
        """The submodule that makes class scores."""
        head: nn.Module = getattr(self.module, self._classifier)
        return head

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        """Embeds every node, each graph layer weighting its messages.

        Shapes:
            returns: ``[nodes, width of the nodes]``
        """
        named = isinstance(self._encode, str)
        target: Callable[..., Tensor] = (
            getattr(self.module, self._encode) if isinstance(self._encode, str) else self._encode
        )
        parameters = inspect.signature(target.forward if isinstance(target, nn.Module) else target).parameters
        given = (x, edge_index) if named else (self.module, x, edge_index)
        with weighted(self.module, edge_index.shape[1], edge_weight):
            nodes: Tensor = target(*given, **({"batch": batch} if "batch" in parameters else {}))
        return nodes

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """Pools the nodes of each graph.

        Shapes:
            returns: ``[graphs, width]``
        """
        if not isinstance(self._readout, str):
            return pooled(self._readout, nodes, batch, graphs)
        from torch_geometric import nn as layers

        result: Tensor = getattr(layers, _POOLS[self._readout])(nodes, batch, graphs)
        return result
