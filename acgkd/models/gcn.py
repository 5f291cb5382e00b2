"""Graph convolutional network: neighbours averaged by the symmetric norm of the weighted graph."""

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from acgkd.models import Model
from acgkd.models._graph_classifier import GraphClassifier


def symmetric_norm(
    edge_index: Tensor, edge_weight: Tensor | None, nodes: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Self-loops of weight 1 added, then every weight divided by the roots of both ends' degrees.

    Degrees are sums of weights, so an edge of weight 0 leaves no trace and gradients reach the weights through the
    norm as well. torch_geometric's own `gcn_norm` looks for self-loops by a mask, which waits for the device.

    Args:
        edge_index: without self-loops.
        edge_weight: None means that every edge counts 1.
        nodes: how many.
        dtype: of the norm.

    Shapes:
        edge_index: ``[2, edges]``; edge_weight: ``[edges]``
        returns: ``[2, edges + nodes]`` and ``[edges + nodes]``
    Source: Kipf and Welling (2017), arXiv:1609.02907, equation 2.
    """
    device = edge_index.device
    own = torch.arange(nodes, device=device)
    ones = torch.ones(nodes, dtype=dtype, device=device)
    weight = torch.ones(edge_index.shape[1], dtype=dtype, device=device) if edge_weight is None else edge_weight
    scale = ones.index_add(0, edge_index[1], weight).rsqrt()
    weight = torch.cat([scale[edge_index[0]] * weight * scale[edge_index[1]], scale * scale])
    return torch.cat([edge_index, own.expand(2, nodes)], dim=1), weight


class GCN(GraphClassifier):
    """GCN with BatchNorm, ReLU and a residual from the second layer; the norm is computed once per forward pass.

    Source: Kipf and Welling (2017), arXiv:1609.02907; layout of the released GFKD code (e68e4d6), where `GCN5_64`
        has four message-passing layers.
    """

    def __init__(
        self, depth: int, width: int, *, in_features: int, classes: int, pooling: str, device: torch.device
    ) -> None:
        super().__init__("gcn", depth, width, in_features, classes, pooling, device)
        # Made under `with device` by `build_model`: GCNConv takes no device of its own.
        self.layers = nn.ModuleList(
            GCNConv(in_features if layer == 0 else width, width, normalize=False) for layer in range(depth - 1)
        )

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        """Embeds every node.

        Shapes:
            returns: ``[nodes, width]``
        """
        loops, weight = symmetric_norm(edge_index, edge_weight, x.shape[0], x.dtype)
        for number, layer in enumerate(self.layers):
            x = self._finish(number, x, layer(x, loops, weight))
        return x


MODEL = Model(
    modality="graphs",
    build=GCN,
    presets=("gcn-5-64", "gcn-5-32", "gcn-3-64", "gcn-3-32", "gcn-2-64", "gcn-2-32"),
)
