"""Graph isomorphism network: sums over neighbours, two-layer perceptrons, BatchNorm inside and after."""

import torch
from torch import Tensor, nn
from torch_geometric.nn import GINConv
from torch_geometric.typing import OptTensor

from acgkd.models._networks.graph_classifier import GraphClassifier
from acgkd.models._networks.neighbours import sums_alone, weighted_sum
from acgkd.models._networks.resting_norm import BatchNorm


class WeightedGINConv(GINConv):  # type: ignore[misc]
    """`GINConv` whose messages carry edge weights: ``h((1 + ε) x_i + Σ_j w_ij x_j)``.

    With embedded edge features e it is GINE: a message is ``w_ij ReLU(x_j + e_ij)`` (Hu et al. (2020),
    arXiv:1905.12265).
    """

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, edges: Tensor | None = None) -> Tensor:
        """Sums weighted neighbours, adds the node itself, applies the perceptron.

        Shapes:
            x: ``[nodes, in_width]``; edges: ``[edges, in_width]``; returns: ``[nodes, width]``
        """
        if edges is None and sums_alone(self, x, edge_weight):
            gathered = weighted_sum(x, edge_index, edge_weight)
        else:
            # propagate_type: (x: Tensor, edge_weight: OptTensor, edges: OptTensor)
            size = (x.shape[0], x.shape[0])
            gathered = self.propagate(edge_index, x=x, edge_weight=edge_weight, edges=edges, size=size)
        updated: Tensor = self.nn(torch.addcmul(gathered, 1 + self.eps, x))
        return updated

    # torch_geometric reads this signature, and cannot read `Tensor | None`.
    def message(self, x_j: Tensor, edge_weight: OptTensor, edges: OptTensor) -> Tensor:
        """A neighbour, times the weight of the edge it comes over."""
        if edges is not None:
            x_j = (x_j + edges).relu()
        return x_j if edge_weight is None else edge_weight.unsqueeze(-1) * x_j


class GIN(GraphClassifier):
    """GIN as the data-free literature builds it: ε fixed at 0, residual from the second layer, no dropout.

    Source: Xu et al. (2019), arXiv:1810.00826; layout of the released GFKD code (e68e4d6, adopted from GraphNorm),
        where `GIN5_64` has four message-passing layers.
    """

    kind = "gin"
    sums_lifted = False

    def layer(self, in_width: int, width: int, device: torch.device) -> nn.Module:
        """A weighted sum over neighbours, then a perceptron."""
        return WeightedGINConv(_perceptron(in_width, width, device))


def _perceptron(in_width: int, width: int, device: torch.device) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_width, width, device=device),
        BatchNorm(width, device=device),
        nn.ReLU(),
        nn.Linear(width, width, device=device),
    )
