"""Graph attention network: attention in which edges have weights, BatchNorm after each layer."""

import torch
from torch import Tensor, nn

from acgkd.models._networks.graph_classifier import GraphClassifier
from acgkd.models.gat import HEADS
from acgkd.modules.weighted_attention import WeightedGAT


class GAT(GraphClassifier):
    """GAT with `HEADS` heads side by side in every layer, BatchNorm, ReLU and a residual from the second layer.

    A weight enters the attention: ``α_ij = w_ij exp(e_ij) / (exp(e_ii) + Σ_k w_ik exp(e_ik))``, so that weights of 1
    are torch_geometric's `GATConv`, an edge of weight 0 is absent, and every node attends to itself with weight 1.

    Source: Velickovic et al. (2018), arXiv:1710.10903; layout as of the other models, with ReLU for their ELU and
        without dropout.
    """

    def __init__(
        self,
        depth: int,
        width: int,
        *,
        in_features: int,
        classes: int,
        pooling: str,
        device: torch.device,
        edge_features: int = 0,
    ) -> None:
        super().__init__("gat", depth, width, in_features, classes, pooling, device, edge_features)
        self.layers = nn.ModuleList(
            WeightedGAT(in_features if layer == 0 else width, width, HEADS, device) for layer in range(depth - 1)
        )

    def encode(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor | None,
        batch: Tensor,
        *,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Embeds every node.

        Shapes:
            returns: ``[nodes, width]``
        """
        for number, layer in enumerate(self.layers):
            edges = self.edges_for(number, edge_attr)
            x = self._finish(number, x, layer(x, edge_index, edge_weight, edges))
        return x
