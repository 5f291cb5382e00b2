"""What all graph models share: layers of message passing, pooling of the last one, one linear classifier."""

from abc import ABC, abstractmethod
from typing import ClassVar

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

    Every layer is followed by BatchNorm and ReLU, and from the second on by a residual.

    Args:
        depth: as the literature counts: message-passing layers plus the classifier.
        width: of every layer.
        in_features: columns of the node features.
        classes: how many it tells apart.
        pooling: `sum` or `mean`.
        device: where the parameters live.
        edge_features: columns of the edge features; 0 where it reads none.
    """

    kind: ClassVar[str]
    """Key of the family, for `config`."""
    sums_lifted: ClassVar[bool]
    """Whether layers lift nodes to their own width before they sum them; edges are then as wide."""

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
        super().__init__()
        self.preset = f"{self.kind}-{depth}-{width}"
        self.width = width
        self.in_features = in_features
        self.classes = classes
        self.pooling = pooling
        self.norms = nn.ModuleList(BatchNorm(width, device=device) for _ in range(depth - 1))
        self.classifier = nn.Linear(width, classes, device=device)
        self.edge_features = edge_features
        widths = [in_features if layer == 0 else width for layer in range(depth - 1)]
        if edge_features:
            summed = [width if self.sums_lifted else lower for lower in widths]
            self.of_edges = nn.ModuleList(nn.Linear(edge_features, count, device=device) for count in summed)
        self.layers = nn.ModuleList(self.layer(lower, width, device) for lower in widths)

    @abstractmethod
    def layer(self, in_width: int, width: int, device: torch.device) -> nn.Module:
        """One layer of message passing, called with nodes, edges, their weights and their embedded features.

        Shapes:
            of the module: ``[nodes, in_width]`` → ``[nodes, width]``
        """

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
        for number, layer in enumerate(self.layers):
            edges = self.edges_for(number, edge_attr)
            x = self.finish(number, x, layer(x, edge_index, edge_weight, edges))
        return x

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

    def finish(self, layer: int, before: Tensor, after: Tensor) -> Tensor:
        """BatchNorm, ReLU, and the residual from the second layer on, where the widths agree.

        Shapes:
            before: ``[nodes, width before]``; after: ``[nodes, width]``; returns: ``[nodes, width]``
        """
        activated = F.relu(self.norms[layer](after))
        return activated + before if layer else activated
