"""Graph attention network: attention in which edges have weights, BatchNorm after each layer."""

import torch
from torch import nn

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

    kind = "gat"
    sums_lifted = True

    def layer(self, in_width: int, width: int, device: torch.device) -> nn.Module:
        """Attention with heads side by side."""
        return WeightedGAT(in_width, width, HEADS, device)
