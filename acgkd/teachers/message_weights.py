"""Edge weights for the layers of torch_geometric, most of which know none.

Each layer gets them in the way that keeps the three laws (1 = None, 0 = absent, gradients flow), by how it gathers its
messages:

* it takes ``edge_weight`` itself (GCNConv, GraphConv, ...): it is handed the weights;
* it sums its messages (GINConv, SAGEConv("sum"), ...): each message is multiplied by its weight;
* it averages them (SAGEConv's default): the weighted sum is divided by the weights' sum, and by 1 where that is less,
  so that a node fades into one without neighbours instead of jumping;
* it attends with self-loops (GATConv, GATv2Conv): weights enter the softmax, ``w_j exp(e_j) / Σ_k w_k exp(e_k)``;
* all others (max, several aggregations, attention inside messages) are refused with the reason.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Protocol, TypedDict, cast

import torch
from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.modules.open_sizes import hooks_run
from acgkd.teachers.matched_weights import extended, spread, without_loops

# A weight cannot be brought into their softmax from outside: it is taken within `message`.
_INNER_SOFTMAX = frozenset(
    {"TransformerConv", "SuperGATConv", "AGNNConv", "FeaStConv", "RGATConv", "HGTConv", "HANConv", "GeneralConv"}
)


_DROP_NODES = frozenset(
    {"TopKPooling", "SAGPooling", "ASAPooling", "EdgePooling", "PANPooling", "MemPooling", "ClusterPooling"}
)


class Handle(Protocol):
    """What takes a hook away again."""

    def remove(self) -> None:
        """Takes it away."""


class EdgeUpdate(TypedDict):
    """What torch_geometric hands to the hooks of an edge update."""

    index: Tensor
    dim_size: int


class MessageLayer(Protocol):
    """A layer of torch_geometric that passes messages, as far as it is dealt with here."""

    aggr: object
    add_self_loops: bool  # of layers that attend alone
    fill_value: object  # of those too
    forward: Callable[..., object]

    def register_forward_pre_hook(self, hook: Callable[..., object], *, with_kwargs: bool) -> Handle:
        """Of torch."""

    def register_message_forward_hook(self, hook: Callable[..., object]) -> Handle:
        """Of torch_geometric."""

    def register_aggregate_forward_hook(self, hook: Callable[..., object]) -> Handle:
        """Of torch_geometric."""

    def register_edge_update_forward_hook(self, hook: Callable[..., object]) -> Handle:
        """Of torch_geometric."""


def check_pooling(module: nn.Module) -> None:
    """Refuses parts that leave nodes out on the way: what is pooled is then no embedding of every node.

    Raises:
        TeacherError: the first one, by its name.
    """
    for name, part in module.named_modules():
        if type(part).__name__ in _DROP_NODES:
            raise TeacherError(
                f"The part `{name}` ({type(part).__name__}) drops nodes by their scores, but a graph teacher must "
                "embed every node: such a model cannot teach."
            )


def graph_layers(module: nn.Module) -> Iterator[tuple[str, MessageLayer]]:
    """The layers that pass messages, known by their hooks, so that this file needs no torch_geometric."""
    return (
        (name, cast(MessageLayer, part))
        for name, part in module.named_modules()
        if hasattr(part, "register_message_forward_hook")
    )


def _kind(layer: MessageLayer) -> str:
    names = {kind.__name__ for kind in type(layer).__mro__}
    if names & {"GATConv", "GATv2Conv"}:
        return "attention"
    if "edge_weight" in inspect.signature(layer.forward).parameters:
        return "native"
    return "mean" if layer.aggr == "mean" else "sum"


def check_layer(name: str, layer: MessageLayer) -> None:
    """Refuses a layer for which no way of weighting keeps the three laws."""
    what = f"The layer `{name}` ({type(layer).__name__})"
    if any(base.__name__ in _INNER_SOFTMAX for base in type(layer).__mro__):
        raise TeacherError(f"{what} normalises attention inside its messages, where edge weights cannot be brought in.")
    if _kind(layer) == "attention":
        if not layer.add_self_loops:
            raise TeacherError(f"{what} must add self-loops: without, attention over faded edges only is undefined.")
        if getattr(layer, "edge_dim", None) is not None and isinstance(getattr(layer, "fill_value", None), str):
            raise TeacherError(
                f"{what} gives its self-loops the {layer.fill_value} of its edges' features, where an edge of weight 0 "
                "still counts: only a number as `fill_value` can be weighted."
            )
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
def weighted(module: nn.Module, edges: int, weight: Tensor | None, nodes: int | None = None) -> Iterator[None]:
    """Lets every graph layer of `module` weight its messages inside the block.

    Args:
        module: holds the layers.
        edges: how many edges are passed in.
        weight: of each edge; None does nothing.
        nodes: how many are passed in, so that self-loops are known that the module appends to the edges: they weigh 1.

    Shapes:
        weight: ``[edges]``
    Raises:
        TeacherError: weights would be lost, since a compiler or exporter is at work.
    """
    if weight is None:
        yield
        return
    with ExitStack() as stack:
        for name, layer in graph_layers(module):
            if torch.compiler.is_compiling() and not hooks_run() and _kind(layer) != "native":
                # torch_geometric skips its own hooks there, and would export another function without a word.
                raise TeacherError(
                    f"The layer `{name}` ({type(layer).__name__}) takes no edge weights itself, and what weights its "
                    "messages cannot be exported or compiled. Leave `edge_weight` out: every edge then counts 1."
                )
            for handle in _HOOKS[_kind(layer)](layer, name, edges, weight, nodes):
                stack.callback(handle.remove)
        yield


def _native(layer: MessageLayer, name: str, edges: int, weight: Tensor, nodes: int | None) -> list[Handle]:
    parameters = list(inspect.signature(layer.forward).parameters)
    place = parameters.index("edge_weight")
    at = parameters.index("edge_index") if "edge_index" in parameters else None

    def hand_over(
        _: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        listed = kwargs.get("edge_index", args[at] if at is not None and len(args) > at else None)
        there = listed.shape[1] if isinstance(listed, Tensor) and listed.layout == torch.strided else edges
        given = extended(name, there, edges, weight, nodes)
        # Whatever the module itself passes there wins.
        if len(args) > place:
            own = given if args[place] is None else args[place]
            return (*args[:place], own, *args[place + 1 :]), kwargs
        own = given if kwargs.get("edge_weight") is None else kwargs["edge_weight"]
        return args, {**kwargs, "edge_weight": own}

    return [layer.register_forward_pre_hook(hand_over, with_kwargs=True)]


def _sum(layer: MessageLayer, name: str, edges: int, weight: Tensor, nodes: int | None) -> list[Handle]:
    def scale(_: nn.Module, inputs: object, message: Tensor) -> Tensor:
        return message * spread(extended(name, message.shape[0], edges, weight, nodes), message)

    return [layer.register_message_forward_hook(scale)]


def _mean(layer: MessageLayer, name: str, edges: int, weight: Tensor, nodes: int | None) -> list[Handle]:
    def rescale(_: nn.Module, inputs: tuple[Mapping[str, Tensor]], gathered: Tensor) -> Tensor:
        index, rows = inputs[0]["index"], gathered.shape[0]
        own = extended(name, index.shape[0], edges, weight, nodes)
        count = own.new_zeros(rows).index_add(0, index, torch.ones_like(own))
        total = own.new_zeros(rows).index_add(0, index, own)
        return gathered * spread(count / total.clamp(min=1), gathered)

    return [*_sum(layer, name, edges, weight, nodes), layer.register_aggregate_forward_hook(rescale)]


def _attention(layer: MessageLayer, name: str, edges: int, weight: Tensor, nodes: int | None) -> list[Handle]:
    listed: list[Tensor] = []

    def note(_: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        listed[:] = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor) and _lists_edges(value)]

    def enter_softmax(_: nn.Module, inputs: tuple[object, object, EdgeUpdate], attention: Tensor) -> Tensor:
        index, count = inputs[2]["index"], inputs[2]["dim_size"]
        # As many messages as edges: as many self-loops were left out, wherever they stood, as there are nodes.
        if torch.compiler.is_compiling() or attention.shape[0] != edges + count:
            own = without_loops(name, listed[0], edges, weight, nodes, count)
            torch._check(own.shape[0] == attention.shape[0])  # type: ignore[no-untyped-call]
        else:
            own = extended(name, attention.shape[0], edges, weight, count)
        pull = attention * spread(own, attention)
        total = pull.new_zeros(count, *pull.shape[1:]).index_add(0, index, pull)
        return pull / total[index]

    return [
        layer.register_forward_pre_hook(note, with_kwargs=True),
        layer.register_edge_update_forward_hook(enter_softmax),
    ]


def _lists_edges(value: Tensor) -> bool:
    return not value.is_floating_point() and value.dim() == 2


_HOOKS: dict[str, Callable[[MessageLayer, str, int, Tensor, int | None], list[Handle]]] = {
    "native": _native,
    "sum": _sum,
    "mean": _mean,
    "attention": _attention,
}
