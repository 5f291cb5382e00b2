"""Attention of torch at rest, by products and a softmax: its own kernels ask for sizes that an exporter keeps open."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@contextmanager
def plain_attention(module: nn.Module) -> Iterator[None]:
    """Lets each layer of attention of a module compute so within a block.

    Args:
        module: its layers are put back.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    layers = [part for part in module.modules() if type(part) is nn.MultiheadAttention and _plain(part)]
    torch.backends.mha.set_fastpath_enabled(False)
    for layer in layers:
        layer.forward = _Attention(layer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for layer in layers:
            del layer.forward


def _plain(layer: nn.MultiheadAttention) -> bool:
    return layer.bias_k is None and layer.bias_v is None and not layer.add_zero_attn and layer._qkv_same_embed_dim


class _Attention:
    """What a layer of attention computes, without dropout.

    Args:
        layer: whose weights are used.
    """

    def __init__(self, layer: nn.MultiheadAttention) -> None:
        self._layer = layer

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As the layer is called.

        Shapes:
            query: ``[samples, length, width]`` where the layer is `batch_first`; returns: the same, and the attention
        """
        layer, given = self._layer, (query, key, value)
        if attn_mask is not None or is_causal or query.dim() != 3:
            masks = (key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal)
            return nn.MultiheadAttention.forward(layer, query, key, value, *masks)
        if not layer.batch_first:
            given = (query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1))
        weights, bias = layer.in_proj_weight.chunk(3), layer.in_proj_bias
        shifts = (None, None, None) if bias is None else bias.chunk(3)
        asked, keys, values = (
            F.linear(one, weight, shift).view(*one.shape[:2], layer.num_heads, layer.head_dim).transpose(1, 2)
            for one, weight, shift in zip(given, weights, shifts, strict=True)
        )
        scores = asked @ keys.transpose(-2, -1) / layer.head_dim**0.5
        if key_padding_mask is not None:
            hidden = key_padding_mask[:, None, None, :]
            scores = scores.masked_fill(hidden, float("-inf")) if hidden.dtype == torch.bool else scores + hidden
        attention = scores.softmax(dim=-1)
        mixed = layer.out_proj((attention @ values).transpose(1, 2).flatten(2))
        seen = attention.mean(dim=1) if average_attn_weights else attention
        return mixed if layer.batch_first else mixed.transpose(0, 1), seen if need_weights else None
