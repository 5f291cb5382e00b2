"""GraphSAGE: weighted means over neighbours, BatchNorm after each layer."""

import torch
from torch import Tensor, nn
from torch_geometric.nn import SAGEConv

from acgkd.models._networks.graph_classifier import GraphClassifier
from acgkd.models._networks.neighbours import AddsEdges, sums_alone, weighted_sum


class WeightedSAGEConv(AddsEdges, SAGEConv):  # type: ignore[misc]
    """`SAGEConv` whose mean is weighted: ``W_1 Σ_j w_ij x_j / max(1, Σ_j w_ij) + W_2 x_i``.

    The sum of the weights counts as 1 where it is less: a node whose edges fade becomes one without neighbours by and
    by, where a plain quotient would jump at 0. Teachers of one's own are weighted alike.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__(in_width, width, aggr="sum")

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, edges: Tensor | None = None) -> Tensor:
        """Averages weighted neighbours, each with the embedded features of its edge, if any; adds the node itself.

        Shapes:
            x: ``[nodes, in_width]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]``; edges: ``[edges, in_width]``
            returns: ``[nodes, width]``
        """
        if edges is None and sums_alone(self, x, edge_weight):
            gathered = weighted_sum(x, edge_index, edge_weight)
        else:
            # propagate_type: (x: Tensor, edge_weight: OptTensor, edges: OptTensor)
            size = (x.shape[0], x.shape[0])
            gathered = self.propagate(edge_index, x=x, edge_weight=edge_weight, edges=edges, size=size)
        each = x.new_ones(edge_index.shape[1]) if edge_weight is None else edge_weight
        total = x.new_zeros(x.shape[0]).index_add(0, edge_index[1], each).clamp(min=1)
        updated: Tensor = self.lin_l(gathered / total.unsqueeze(1)) + self.lin_r(x)
        return updated


class SAGE(GraphClassifier):
    """GraphSAGE with the mean over neighbours, BatchNorm, ReLU and a residual from the second layer.

    Neighbours are not sampled and rows not normalised: graphs are small, and BatchNorm follows.

    Source: Hamilton et al. (2017), arXiv:1706.02216, the mean aggregator as torch_geometric has it; layout as of the
        other models.
    """

    kind = "sage"
    sums_lifted = False

    def layer(self, in_width: int, width: int, device: torch.device) -> nn.Module:
        """A weighted mean over neighbours; made under `with device`, as SAGEConv takes no device of its own."""
        return WeightedSAGEConv(in_width, width)
