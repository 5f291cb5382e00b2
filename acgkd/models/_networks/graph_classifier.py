"""What all graph models share: message passing, pooling of the last layer, one linear classifier."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import global_add_pool, global_mean_pool

from acgkd.errors import ConfigError
from acgkd.models import ModelConfig
from acgkd.models._networks.resting_norm import BatchNorm
from acgkd.modules.graph_module import GraphModule

_POOLS = {"sum": global_add_pool, "mean": global_mean_pool}


class GraphClassifier(GraphModule, ABC):
    """A model that satisfies the teacher protocol of graphs: `encode`, `readout`, `classifier`, `width`.

    Args:
        kind: key of the family, for `config`.
        depth: as the literature counts: message-passing layers plus the classifier.
        width: of every layer.
        in_features: columns of the node features.
        classes: how many it tells apart.
        pooling: `sum` or `mean`.
        device: where the parameters live.
        edge_features: columns of the edge features; 0 where it reads none.
    """

    def __init__(
        self,
        kind: str,
        depth: int,
        width: int,
        in_features: int,
        classes: int,
        pooling: str,
        device: torch.device,
        edge_features: int = 0,
    ) -> None:
        super().__init__()
        self.preset = f"{kind}-{depth}-{width}"
        self.width = width
        self.in_features = in_features
        self.classes = classes
        self.pooling = pooling
        self.norms = nn.ModuleList(BatchNorm(width, device=device) for _ in range(depth - 1))
        self.classifier = nn.Linear(width, classes, device=device)
        self.edge_features = edge_features
        if edge_features:
            # A layer adds them to what it sums: GIN and GraphSAGE to nodes as they come, GCN and GAT to lifted ones.
            as_they_come = kind in ("gin", "sage")
            widths = [in_features if as_they_come and layer == 0 else width for layer in range(depth - 1)]
            self.of_edges = nn.ModuleList(nn.Linear(edge_features, count, device=device) for count in widths)

    def edges_for(self, layer: int, edge_attr: Tensor | None) -> Tensor | None:
        """Edge features as a layer adds them to its messages; None where the model reads none.

        Shapes:
            edge_attr: ``[edges, edge features]``; returns: ``[edges, width of what the layer sums]``
        """
        if not self.edge_features:
            return None
        if edge_attr is None:
            raise ConfigError(
                f"This {self.preset} was built for {self.edge_features} columns of edge features: pass `edge_attr=`."
            )
        embedded: Tensor = self.of_edges[layer](edge_attr)
        return embedded

    def config(self) -> ModelConfig:
        """Plain values from which `acgkd.models.build_model` makes the same module."""
        made: ModelConfig = {
            "preset": self.preset,
            "in_features": self.in_features,
            "classes": self.classes,
            "pooling": self.pooling,
        }
        return {**made, "edge_features": self.edge_features} if self.edge_features else made

    @abstractmethod
    def encode(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor | None,
        batch: Tensor,
        *,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Embeds every node; an edge of weight 0 is as good as absent, None means that every edge counts 1.

        Shapes:
            x: ``[nodes, features]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]``; batch: ``[nodes]``;
            edge_attr: ``[edges, edge features]``
            returns: ``[nodes, width]``
        """

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """Pools the nodes of each graph.

        Args:
            nodes: embeddings.
            batch: graph of each node.
            graphs: how many there are; where it is None, the device is asked, which waits for it.

        Shapes:
            nodes: ``[nodes, width]``; batch: ``[nodes]``; returns: ``[graphs, width]``
        """
        pooled: Tensor = _POOLS[self.pooling](nodes, batch, graphs)
        return pooled

    def _finish(self, layer: int, before: Tensor, after: Tensor) -> Tensor:
        """BatchNorm, ReLU, and the residual from the second layer on, where the widths agree."""
        activated = F.relu(self.norms[layer](after))
        return activated + before if layer else activated
