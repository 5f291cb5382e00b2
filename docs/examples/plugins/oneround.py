"""A graph network that passes messages once: a node takes the weighted sum of its neighbours, then a perceptron."""

import torch
from torch import Tensor, nn
from torch_geometric.nn import global_add_pool, global_mean_pool

from acgkd.facts import DeclaredFacts
from acgkd.models import Model
from acgkd.modules.graph_module import GraphModule


class OneRound(GraphModule):
    """Satisfies the teacher protocol: `encode`, `readout`, `classifier`, `width`, and `config` to be rebuilt from."""

    def __init__(self, width: int, *, in_features: int, classes: int, pooling: str, device: torch.device) -> None:
        super().__init__()
        self.width, self.in_features, self.classes, self.pooling = width, in_features, classes, pooling
        self.inner = nn.Linear(in_features, width, device=device)
        self.norm = nn.BatchNorm1d(width, device=device)
        self.classifier = nn.Linear(width, classes, device=device)

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        """Adds to each node what its neighbours say, as much as each edge counts."""
        source, target = edge_index
        said = x[source] if edge_weight is None else x[source] * edge_weight.unsqueeze(1)
        hidden: Tensor = self.norm(self.inner(x.index_add(0, target, said))).relu()
        return hidden

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """Pools the nodes of each graph."""
        pool = global_add_pool if self.pooling == "sum" else global_mean_pool
        pooled: Tensor = pool(nodes, batch, graphs)
        return pooled

    def config(self) -> dict[str, object]:
        """What `acgkd.models.build_model` makes the same module of."""
        facts = {"in_features": self.in_features, "classes": self.classes, "pooling": self.pooling}
        return {"preset": f"oneround-{self.width}", **facts}


MODEL = Model(
    modality="graphs",
    build=OneRound,
    presets=("oneround-16",),  # names that the documentation may use
    numbers=(("width", 1, 8192),),
    facts=lambda width: DeclaredFacts(batch_norm=True),
)
