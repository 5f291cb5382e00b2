"""Graph attention in which edges have weights: of the projection of students, and of the model `gat`."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.typing import OptTensor
from torch_geometric.utils import scatter

# Only an edge of weight 0 comes near it; its gradient stays finite.
_LARGEST_EXPONENT = 30.0


class WeightedGAT(MessagePassing):  # type: ignore[misc]
    """Graph attention in which an edge of weight w counts w times: at 0 it is as if it were not there.

    torch_geometric's `GATConv` takes features of an edge but no weight, and normalises over all edges that are
    listed. Here the attention of neighbour j is ``w_ij exp(e_ij)``, normalised; every node also attends to itself.

    Args:
        in_width: width of the nodes that come in.
        out_width: width of the nodes that go out, all heads together.
        heads: how many; must divide `out_width`.
        device: where the parameters live.

    Shapes:
        x: ``[nodes, in_width]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]`` or None; edges:
        ``[edges, out_width]`` or None
        returns: ``[nodes, out_width]``
    Source: Velickovic et al. (2018), arXiv:1710.10903, equations 1 to 4.
    """

    def __init__(self, in_width: int, out_width: int, heads: int, device: torch.device) -> None:
        super().__init__(aggr="add", node_dim=0)
        self.heads = heads
        self.lift = nn.Linear(in_width, out_width, bias=False, device=device)
        self.attend_source = nn.Parameter(torch.empty(1, heads, out_width // heads, device=device))
        self.attend_target = nn.Parameter(torch.empty(1, heads, out_width // heads, device=device))
        nn.init.xavier_uniform_(self.attend_source)
        nn.init.xavier_uniform_(self.attend_target)

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, edges: Tensor | None = None) -> Tensor:
        """Attends over neighbours and self; a neighbour is what it is plus the embedded features of its edge, if any.

        That holds of its value and of its attention. A node's edge to itself has no features.
        """
        lifted = self.lift(x)
        h = lifted.view(x.shape[0], self.heads, lifted.shape[1] // self.heads)
        source, target = (h * self.attend_source).sum(-1), (h * self.attend_target).sum(-1)
        own = F.leaky_relu(source + target, 0.2)
        sent = source.index_select(0, edge_index[0])
        if edges is not None:
            edges = edges.view(edges.shape[0], self.heads, h.shape[2])
            sent = sent + (edges * self.attend_source).sum(-1)
        edge = F.leaky_relu(sent + target.index_select(0, edge_index[1]), 0.2)
        # Any shift cancels in the quotient; this one keeps the exponentials finite. An edge of weight 0 has no say in
        # it: its exponential could be so large that nothing is left of the others.
        present = edge if edge_weight is None else edge.masked_fill((edge_weight == 0).unsqueeze(-1), -math.inf)
        where = edge_index[1].unsqueeze(-1).expand_as(edge)
        top = own.detach().scatter_reduce(0, where, present.detach(), "amax")
        pull = torch.exp((edge - top.index_select(0, edge_index[1])).clamp(max=_LARGEST_EXPONENT))
        if edge_weight is not None:
            pull = pull * edge_weight.unsqueeze(-1)
        self_pull = torch.exp(own - top)
        total = self_pull + scatter(pull, edge_index[1], dim=0, dim_size=x.shape[0], reduce="sum")
        # propagate_type: (h: Tensor, pull: Tensor, edges: OptTensor)
        size = (x.shape[0], x.shape[0])
        gathered = self.propagate(edge_index, h=h, pull=pull.unsqueeze(-1), edges=edges, size=size)
        attended: Tensor = (gathered + self_pull.unsqueeze(-1) * h) / total.unsqueeze(-1)
        return attended.flatten(1)

    # torch_geometric reads this signature, and cannot read `Tensor | None`.
    def message(self, h_j: Tensor, pull: Tensor, edges: OptTensor) -> Tensor:
        """A neighbour's value, times how much it is attended to."""
        return pull * (h_j if edges is None else h_j + edges)
