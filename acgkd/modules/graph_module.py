"""How a graph model is called: by a user in torch_geometric's order, and by evaluation in parts; both compute the same.

Presets, students that end in their teacher's classifier, and adapted teachers all derive from `GraphModule`.
"""

from typing import Any

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.modules.readout import pooled
from acgkd.modules.teacher_protocol import graph_parts


def embed(
    model: nn.Module, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor, graphs: int | None
) -> Tensor:
    """What the classifier of a model that satisfies the teacher protocol sees.

    Shapes:
        x: ``[nodes, features]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]``; batch: ``[nodes]``
        returns: ``[graphs, width]``
    """
    parts = graph_parts(model)
    nodes = parts.encode(x, edge_index, edge_weight, batch)
    return pooled(parts.readout, nodes, batch, graphs)


class GraphModule(nn.Module):
    """A module with the parts of the teacher protocol, which can be called and exported (`torch.export`)."""

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        batch: Tensor | None = None,
        *,
        edge_weight: Tensor | None = None,
        graphs: int | None = None,
    ) -> Tensor:
        """Class scores of each graph: the logits that evaluation computes, where the module is in evaluation mode.

        Args:
            x: node features.
            edge_index: edges, from source to target; there may be none.
            batch: graph of each node; None means that all nodes are one graph.
            edge_weight: of each edge, in [0, 1]; None means that every edge counts 1.
            graphs: how many there are; where it is None, `batch` is asked, which waits for the device.

        Shapes:
            x: ``[nodes, features]``; edge_index: ``[2, edges]``; batch: ``[nodes]``; edge_weight: ``[edges]``
            returns: ``[graphs, classes]``
        Raises:
            ConfigError: `batch` holds fractions, as edge weights do.
        """
        if batch is None:
            batch, graphs = x.new_zeros(x.shape[0], dtype=torch.long), 1
        elif batch.is_floating_point():
            raise ConfigError(
                f"`batch` must hold the graph of each node as whole numbers, but got {batch.dtype}. The order is "
                "`x, edge_index, batch`; edge weights are passed as `edge_weight=`."
            )
        if graphs is None:
            # Not through `int`: an exporter keeps the number open, and wants to hear that it is a size.
            counted: Any = batch.max().item() + 1
            torch._check(counted >= 1)  # type: ignore[no-untyped-call]
            graphs = counted
        scores: Tensor = graph_parts(self).classifier(embed(self, x, edge_index, edge_weight, batch, graphs))
        return scores
