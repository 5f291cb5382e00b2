"""A student lifted to its teacher's width, so that it can end in the teacher's own classifier."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.modules.encoding import encoded
from acgkd.modules.graph_module import GraphModule
from acgkd.modules.readout import pooled
from acgkd.modules.teacher_protocol import graph_parts
from acgkd.modules.weighted_attention import WeightedGAT


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

    def encode(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor | None,
        batch: Tensor,
        *,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Node embeddings at the teacher's width; edge features are for the student within, where it reads them.

        Shapes:
            returns: ``[nodes, width]``
        """
        nodes = encoded(self.student, x, edge_index, edge_weight, batch, edge_attr)
        return F.relu(self.norm(self.gat(nodes, edge_index, edge_weight)))

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """The student's own pooling, of the lifted nodes.

        Shapes:
            returns: ``[graphs, width]``
        """
        return pooled(graph_parts(self.student).readout, nodes, batch, graphs)
