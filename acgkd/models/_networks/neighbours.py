"""Sums over weighted neighbours, on a CPU without a row in memory for every message.

torch_geometric gathers one row for each edge, multiplies it by its weight and adds it to where it is going: three
passes over ``[edges, width]``, all kept for the way back, when there are as many again. `embedding_bag` does the same
sum row by row and keeps nothing. It wants its edges in the order of the nodes that they reach; that order is found
once for an edge list.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.weak import WeakTensorKeyDictionary
from torch_geometric.typing import OptTensor

from acgkd.modules.backward import Context

# A memo by identity: it goes when the edge list goes. An attribute of the tensor would travel into users' files.
_KEPT = WeakTensorKeyDictionary()
_HOOKS = tuple(
    f"_{part}_forward_{when}"
    for part in ("propagate", "message", "aggregate", "message_and_aggregate", "edge_update")
    for when in ("pre_hooks", "hooks")
)


@dataclass(frozen=True)
class Order:
    """Edges in the order of the nodes where they are gathered.

    Args:
        edges: number of each edge.
        others: the node at its other end.
        nodes: the node where it is gathered, ascending.
        starts: where the edges of every node begin.

    Shapes:
        edges, others, nodes: ``[edges]``; starts: ``[all nodes]``
    """

    edges: Tensor
    others: Tensor
    nodes: Tensor
    starts: Tensor

    @classmethod
    def of(cls, ends: Tensor, others: Tensor, count: int) -> "Order":
        """Edges by `ends`, for a graph of `count` nodes; edges of one node stay in the order that they had."""
        nodes, edges = torch.sort(ends.to(torch.int32), stable=True)
        every = torch.arange(count, dtype=torch.int32, device=ends.device)
        starts = torch.searchsorted(nodes, every, out_int32=True)
        return cls(edges=edges, others=others[edges].to(torch.int32), nodes=nodes, starts=starts)

    def gathered(self, x: Tensor, weight: Tensor | None) -> Tensor:
        """For every node the sum of the rows at the other ends.

        Shapes:
            x: ``[all nodes, width]``; weight: ``[edges]``; returns: ``[all nodes, width]``
        """
        own = None if weight is None else weight[self.edges]
        return F.embedding_bag(self.others, x, self.starts, mode="sum", per_sample_weights=own)

    def products(self, x: Tensor, others: Tensor) -> Tensor:
        """For every edge the inner product of a row of `x` and the row of `others` at its other end.

        Shapes:
            x, others: ``[all nodes, width]``; returns: ``[edges]``, as the edges were listed
        """
        products: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
            x, others, self.others, self.starts, self.nodes, 0
        )
        return torch.empty_like(products).index_copy_(0, self.edges, products)


@dataclass(frozen=True)
class Neighbours:
    """An edge list, ready to be summed over in both directions.

    Args:
        edge_index: the list.
        count: nodes.
        version: of the list's contents, as torch counts them.
    """

    edge_index: Tensor
    count: int
    version: int

    @cached_property
    def into(self) -> Order:
        """Edges by target, for sums over what comes in."""
        return Order.of(self.edge_index[1], self.edge_index[0], self.count)

    @cached_property
    def out_of(self) -> Order:
        """Edges by source, for what comes back in derivatives."""
        return Order.of(self.edge_index[0], self.edge_index[1], self.count)


def neighbours(edge_index: Tensor, count: int) -> Neighbours:
    """The order of an edge list, found once as long as the tensor lives and is not written to."""
    if edge_index.is_inference():  # such tensors do not count their versions
        return Neighbours(edge_index, count, 0)
    kept: Neighbours | None = _KEPT.get(edge_index)  # type: ignore[no-untyped-call]
    if kept is None or kept.version != edge_index._version or kept.count != count:
        # An alias: the memo must not keep its own key alive.
        kept = Neighbours(edge_index.detach(), count, edge_index._version)
        _KEPT[edge_index] = kept
    return kept


class _SumContext(Context, Protocol):
    around: Neighbours


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _SumContext, x: Tensor, weight: Tensor | None, around: Neighbours) -> Tensor:
        learned = weight is not None and weight.requires_grad
        ctx.save_for_backward(x if learned else None, weight)
        ctx.around = around
        return around.into.gathered(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: _SumContext, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        gradient, around = gradients[0].contiguous(), ctx.around
        return (
            around.out_of.gathered(gradient, weight) if ctx.needs_input_grad[0] else None,
            around.into.products(gradient, x) if ctx.needs_input_grad[1] else None,
            None,
        )


def weighted_sum(x: Tensor, edge_index: Tensor, edge_weight: Tensor | None) -> Tensor:
    """``Σ_j w_ij x_j`` over the edges j → i; once differentiable, in nodes and weights.

    Shapes:
        x: ``[nodes, width]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]`` or None, where every edge counts 1
        returns: ``[nodes, width]``
    """
    around = neighbours(edge_index, x.shape[0])
    summed: Tensor = _WeightedSum.apply(x.contiguous(), edge_weight, around)  # type: ignore[no-untyped-call]
    return summed


def sums_alone(layer: nn.Module, x: Tensor, edge_weight: Tensor | None) -> bool:
    """Whether `weighted_sum` may stand in for `layer.propagate`.

    Not where somebody listens to the layer's messages, nor on a device other than a CPU, whose kernels are another
    matter, nor where a compiler follows, which sees through plain operations only.
    """
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and (edge_weight is None or edge_weight.dtype == x.dtype)
        and not torch.compiler.is_compiling()
        and not layer.explain
        and not any(getattr(layer, hooks, None) for hooks in _HOOKS)
    )


class AddsEdges:
    """A layer whose messages are neighbours plus the embedded features of their edges, times the edges' weights."""

    # torch_geometric reads this signature, and cannot read `Tensor | None`.
    def message(self, x_j: Tensor, edge_weight: OptTensor, edges: OptTensor) -> Tensor:
        """A neighbour with its edge's features, times the weight of the edge.

        Shapes:
            x_j, edges: ``[edges, width]``; edge_weight: ``[edges]``; returns: ``[edges, width]``
        """
        if edges is not None:
            x_j = x_j + edges
        return x_j if edge_weight is None else edge_weight.view(-1, 1) * x_j
