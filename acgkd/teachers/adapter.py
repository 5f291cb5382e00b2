"""Makes a plain torch_geometric module satisfy the teacher protocol, edge weights and their gradients included.

Most layers of torch_geometric know no edge weights. Here each layer gets them in the way that keeps the three laws
(1 = None, 0 = absent, gradients flow), by how it gathers its messages:

* it takes ``edge_weight`` itself (GCNConv, GraphConv, ...): it is handed the weights;
* it sums its messages (GINConv, SAGEConv("sum"), ...): each message is multiplied by its weight;
* it averages them (SAGEConv's default): the weighted sum is divided by the weights' sum, and by 1 where that is less,
  so that a node fades into one without neighbours instead of jumping;
* it attends with self-loops (GATConv, GATv2Conv): weights enter the softmax, ``w_j exp(e_j) / Σ_k w_k exp(e_k)``;
* all others (max, several aggregations, attention inside messages) are refused with the reason.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.graph_module import GraphModule
from acgkd.readout import pooled

_POOLS = {"sum": "global_add_pool", "mean": "global_mean_pool", "max": "global_max_pool"}
# A weight cannot be brought into their softmax from outside: it is taken within `message`.
_INNER_SOFTMAX = frozenset(
    {"TransformerConv", "SuperGATConv", "AGNNConv", "FeaStConv", "RGATConv", "HGTConv", "HANConv", "GeneralConv"}
)


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
    for name, layer in _graph_layers(module):
        _check_layer(name, layer)
    return AdaptedTeacher(module, encode, readout, classifier, _width(head) if width is None else width)


def _part(module: nn.Module, role: str, name: str) -> Any:
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
        target: Any = getattr(self.module, self._encode) if isinstance(self._encode, str) else self._encode
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


def _graph_layers(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """The layers that pass messages, known by their hooks, so that this file needs no torch_geometric."""
    return ((name, part) for name, part in module.named_modules() if hasattr(part, "register_message_forward_hook"))


def _kind(layer: Any) -> str:
    names = {kind.__name__ for kind in type(layer).__mro__}
    if names & {"GATConv", "GATv2Conv"}:
        return "attention"
    if "edge_weight" in inspect.signature(layer.forward).parameters:
        return "native"
    return "mean" if layer.aggr == "mean" else "sum"


def _check_layer(name: str, layer: Any) -> None:
    """Refuses a layer for which no way of weighting keeps the three laws."""
    kind, what = type(layer).__name__, f"The layer `{name}` ({type(layer).__name__})"
    if kind in _INNER_SOFTMAX:
        raise TeacherError(f"{what} normalises attention inside its messages, where edge weights cannot be brought in.")
    if _kind(layer) == "attention":
        if not layer.add_self_loops:
            raise TeacherError(f"{what} must add self-loops: without, attention over faded edges only is undefined.")
        return
    if getattr(layer, "cached", False):
        raise TeacherError(f"{what} caches the norm of one graph; build it with `cached=False`.")
    if layer.aggr not in ("add", "sum", "mean"):
        raise TeacherError(
            f"{what} gathers messages by {layer.aggr!r}, and a weight cannot fade a message out of that: only sums, "
            "means and attention with self-loops can be weighted."
        )
    if _kind(layer) == "native" and layer.aggr == "mean":
        raise TeacherError(
            f"{what} averages weighted messages over all listed edges, so that a weight of 0 still counts."
        )


@contextmanager
def weighted(module: nn.Module, edges: int, weight: Tensor | None) -> Iterator[None]:
    """Lets every graph layer of `module` weight its messages inside the block.

    Args:
        module: holds the layers.
        edges: how many edges are passed in.
        weight: of each edge; None does nothing.

    Shapes:
        weight: ``[edges]``
    Raises:
        TeacherError: weights would be lost, since a compiler or exporter is at work.
    """
    if weight is None:
        yield
        return
    with ExitStack() as stack:
        for name, layer in _graph_layers(module):
            if torch.compiler.is_compiling() and _kind(layer) != "native":
                # torch_geometric skips its own hooks there, and would export another function without a word.
                raise TeacherError(
                    f"The layer `{name}` ({type(layer).__name__}) takes no edge weights itself, and what weights its "
                    "messages cannot be exported or compiled. Leave `edge_weight` out: every edge then counts 1."
                )
            for handle in _HOOKS[_kind(layer)](layer, name, edges, weight):
                stack.callback(handle.remove)
        yield


def _extended(name: str, messages: int, edges: int, weight: Tensor, nodes: int | None) -> Tensor:
    """The weights of all messages of a layer: self-loops that it appended weigh 1.

    Shapes:
        weight: ``[edges]``; returns: ``[messages]``
    """
    if messages == edges:
        return weight
    if nodes is not None and messages == edges + nodes:
        return torch.cat([weight, weight.new_ones(nodes)])
    raise TeacherError(
        f"The layer `{name}` sends {messages} messages over {edges} edges, so weights cannot be told to messages. "
        "Let `encode` hand each layer the edges that it was given, without self-loops of their own."
    )


def _spread(weight: Tensor, like: Tensor) -> Tensor:
    return weight.view(-1, *[1] * (like.dim() - 1))


def _native(layer: Any, name: str, edges: int, weight: Tensor) -> list[Any]:
    place = list(inspect.signature(layer.forward).parameters).index("edge_weight")

    def hand_over(
        _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # Whatever the module itself passes there wins.
        if len(args) > place:
            own = weight if args[place] is None else args[place]
            return (*args[:place], own, *args[place + 1 :]), kwargs
        own = weight if kwargs.get("edge_weight") is None else kwargs["edge_weight"]
        return args, {**kwargs, "edge_weight": own}

    return [layer.register_forward_pre_hook(hand_over, with_kwargs=True)]


def _sum(layer: Any, name: str, edges: int, weight: Tensor) -> list[Any]:
    def scale(_: nn.Module, inputs: Any, message: Tensor) -> Tensor:
        return message * _spread(_extended(name, message.shape[0], edges, weight, None), message)

    return [layer.register_message_forward_hook(scale)]


def _mean(layer: Any, name: str, edges: int, weight: Tensor) -> list[Any]:
    def rescale(_: nn.Module, inputs: tuple[dict[str, Any]], gathered: Tensor) -> Tensor:
        index, nodes = inputs[0]["index"], gathered.shape[0]
        count = weight.new_zeros(nodes).index_add(0, index, torch.ones_like(weight))
        total = weight.new_zeros(nodes).index_add(0, index, weight)
        return gathered * _spread(count / total.clamp(min=1), gathered)

    return [*_sum(layer, name, edges, weight), layer.register_aggregate_forward_hook(rescale)]


def _attention(layer: Any, name: str, edges: int, weight: Tensor) -> list[Any]:
    def enter_softmax(_: nn.Module, inputs: tuple[Any, ...], attention: Tensor) -> Tensor:
        index, nodes = inputs[2]["index"], inputs[2]["dim_size"]
        pull = attention * _spread(_extended(name, attention.shape[0], edges, weight, nodes), attention)
        total = pull.new_zeros(nodes, *pull.shape[1:]).index_add(0, index, pull)
        return pull / total[index]

    return [layer.register_edge_update_forward_hook(enter_softmax)]


_HOOKS: dict[str, Callable[[Any, str, int, Tensor], list[Any]]] = {
    "native": _native,
    "sum": _sum,
    "mean": _mean,
    "attention": _attention,
}
