"""A student lifted to its teacher's width, so that it can end in the teacher's own classifier."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import scatter

from acgkd.modules.graph_module import GraphModule
from acgkd.modules.readout import pooled
from acgkd.modules.teacher_protocol import graph_parts

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
        x: ``[nodes, in_width]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]`` or None
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

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Attends over neighbours and self."""
        h = self.lift(x).view(x.shape[0], self.heads, -1)
        source, target = (h * self.attend_source).sum(-1), (h * self.attend_target).sum(-1)
        own = F.leaky_relu(source + target, 0.2)
        edge = F.leaky_relu(source.index_select(0, edge_index[0]) + target.index_select(0, edge_index[1]), 0.2)
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
        gathered = self.propagate(edge_index, h=h, pull=pull.unsqueeze(-1), size=(x.shape[0], x.shape[0]))
        attended: Tensor = (gathered + self_pull.unsqueeze(-1) * h) / total.unsqueeze(-1)
        return attended.flatten(1)

    def message(self, h_j: Tensor, pull: Tensor) -> Tensor:
        """A neighbour's value, times how much it is attended to."""
        return pull * h_j


class ProjectedStudent(GraphModule):
    """Student, GAT projection to the teacher's width, readout, the teacher's classifier (frozen).

    The projection is normalised as the teacher's last layer is (BatchNorm, ReLU), so that its readout lands where
    the borrowed classifier expects it. Satisfies the teacher protocol itself.

    Args:
        student: satisfies the teacher protocol; its own classifier is taken off, since nothing uses it any more.
        classifier: the teacher's; copied and frozen.
        width: the teacher's width.
        heads: of the attention.
        device: where the parameters live.

    Source: ACGKD, arXiv:2504.00540, abstract (reconstruction: the published text gives no formula); SimKD (Chen et
        al., CVPR 2022) for the reused classifier.
    """

    def __init__(
        self, student: nn.Module, classifier: nn.Module, width: int, device: torch.device, heads: int = 4
    ) -> None:
        super().__init__()
        self.student = student
        self.student.classifier = nn.Identity()
        self.width = width
        self.heads = heads if width % heads == 0 else 1
        self.gat = WeightedGAT(graph_parts(student).width, width, self.heads, device)
        self.norm = nn.BatchNorm1d(width, device=device)
        self.classifier = copy.deepcopy(classifier).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "ProjectedStudent":
        """Sets the mode of all but the borrowed classifier, whose memory stays as it was and whose dropout is off."""
        super().train(mode)
        self.classifier.eval()
        return self

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        """Node embeddings at the teacher's width.

        Shapes:
            returns: ``[nodes, width]``
        """
        nodes = graph_parts(self.student).encode(x, edge_index, edge_weight, batch)
        return F.relu(self.norm(self.gat(nodes, edge_index, edge_weight)))

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """The student's own pooling, of the lifted nodes.

        Shapes:
            returns: ``[graphs, width]``
        """
        return pooled(graph_parts(self.student).readout, nodes, batch, graphs)
