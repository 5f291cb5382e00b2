"""Layers of several models over one joined batch: rows lie model after model, and each model has its own parameters.

The rows of a model are a slice, so that a layer is one call of torch for each model, in one node of the graph of
derivatives. Rows are not padded to equal numbers: BatchNorm must not see rows that are none.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from acgkd.modules.backward import Context

Counts = list[int]


class _RowsContext(Context, Protocol):
    counts: Counts


class _NormContext(_RowsContext, Protocol):
    memory: Sequence[Tensor]
    eps: float
    seen: Tensor


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _RowsContext, x: Tensor, weight: Tensor, bias: Tensor | None, counts: Counts) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.counts = counts
        out = x.new_empty(x.shape[0], weight.shape[1])
        for model, (rows, into) in enumerate(
            zip(x.split_with_sizes(counts), out.split_with_sizes(counts), strict=True)
        ):
            if bias is None:
                torch.mm(rows, weight[model].t(), out=into)
            else:
                torch.addmm(bias[model], rows, weight[model].t(), out=into)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: _RowsContext, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        gradient, needed = gradients[0].contiguous(), ctx.needs_input_grad
        of_x = torch.empty_like(x) if needed[0] else None
        of_weight = torch.empty_like(weight) if needed[1] else None
        into_x: Sequence[Tensor | None] = [None] * len(ctx.counts)
        into_x = into_x if of_x is None else of_x.split_with_sizes(ctx.counts)
        for model, (back, rows, into) in enumerate(
            zip(gradient.split_with_sizes(ctx.counts), x.split_with_sizes(ctx.counts), into_x, strict=True)
        ):
            if into is not None:
                torch.mm(back, weight[model], out=into)
            if of_weight is not None:
                torch.mm(back.t(), rows, out=of_weight[model])
        return of_x, of_weight, _summed(gradient, ctx.counts) if needed[2] else None, None


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _NormContext,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        memory: Sequence[Tensor],
        how: tuple[Counts, float, float],
    ) -> Tensor:
        (mean, var), (counts, momentum, eps) = memory, how
        ctx.save_for_backward(x, weight)
        ctx.memory, ctx.counts, ctx.eps = memory, counts, eps
        out, seen = torch.empty_like(x), x.new_empty(2, *weight.shape)
        for i, (rows, into) in enumerate(zip(x.split_with_sizes(counts), out.split_with_sizes(counts), strict=True)):
            torch.ops.aten.native_batch_norm.out(
                *(rows, weight[i], bias[i], mean[i], var[i], True, momentum, eps),
                out=into, save_mean=seen[0, i], save_invstd=seen[1, i],
            )  # fmt: skip
        ctx.seen = seen
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: _NormContext, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        back = gradients[0].contiguous().split_with_sizes(ctx.counts)
        found = [
            torch.ops.aten.native_batch_norm_backward(
                back[i],
                rows,
                weight[i],
                *(part[i] for part in ctx.memory),
                ctx.seen[0, i],
                ctx.seen[1, i],
                True,
                ctx.eps,
                [True] * 3,
            )
            for i, rows in enumerate(x.split_with_sizes(ctx.counts))
        ]
        of_x, of_weight, of_bias = zip(*found, strict=True)
        return torch.cat(of_x), torch.stack(of_weight), torch.stack(of_bias), None, None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _RowsContext, each: Tensor, counts: Counts) -> Tensor:
        ctx.counts = counts
        return torch.cat([one.expand(count, *one.shape) for one, count in zip(each, counts, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: _RowsContext, *gradients: Tensor) -> tuple[Tensor, None]:
        return _summed(gradients[0], ctx.counts), None


def _summed(rows: Tensor, counts: Counts) -> Tensor:
    return torch.stack([part.sum(0) for part in rows.split_with_sizes(counts)])


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, counts: Counts) -> Tensor:
    """``x_m W_mᵀ + b_m`` for the rows of each model m.

    Shapes:
        x: ``[rows, in]``; weight: ``[models, out, in]``; bias: ``[models, out]``; counts: rows of each model
        returns: ``[rows, out]``
    """
    out: Tensor = _Linear.apply(x, weight, bias, counts)  # type: ignore[no-untyped-call]
    return out


def batch_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    memory: tuple[Tensor, Tensor],
    counts: Counts,
    *,
    momentum: float,
    eps: float,
    training: bool,
) -> Tensor:
    """BatchNorm of the rows of each model, by its own statistics, which move where it is training.

    Args:
        x: rows.
        weight: scales.
        bias: shifts.
        memory: running mean and variance.
        counts: rows of each model, at least 2 where it is training.
        momentum: share of the new in the memory.
        eps: added to variances.
        training: whether rows are measured by themselves, or by the memory.

    Shapes:
        x: ``[rows, width]``; weight, bias and both of memory: ``[models, width]``
        returns: ``[rows, width]``
    """
    if training:
        out: Tensor = _Norm.apply(x, weight, bias, memory, (counts, momentum, eps))  # type: ignore[no-untyped-call]
        return out
    scale = weight * torch.rsqrt(memory[1] + eps)
    shift = bias - memory[0] * scale
    parts = zip(shift, x.split_with_sizes(counts), scale, strict=True)
    return torch.cat([torch.addcmul(add, rows, factor) for add, rows, factor in parts])


def spread(each: Tensor, counts: Counts) -> Tensor:
    """What each model has, once for each of its rows.

    Shapes:
        each: ``[models, ...]``; returns: ``[rows, ...]``
    """
    out: Tensor = _Spread.apply(each, counts)  # type: ignore[no-untyped-call]
    return out
