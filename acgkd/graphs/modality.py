"""Graphs as a modality: what the rest of the package asks instead of asking "is this a graph?"."""

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor, nn

from acgkd.config import PriorConfig
from acgkd.errors import ConfigError
from acgkd.graphs.batch import GraphBatch, collate
from acgkd.graphs.check import check_graph_teacher
from acgkd.graphs.picture import picture
from acgkd.graphs.select import GraphSelector
from acgkd.method import Items, State
from acgkd.modality import Arrays
from acgkd.modules.cost import UnitCost, at_rest, counting, model_device, solve_unit_cost
from acgkd.modules.graph_module import embed
from acgkd.modules.teacher_protocol import graph_parts
from acgkd.priors import GraphPrior, ModalityName, Prior, graph_prior


class Graphs:
    """How to handle batches of graphs; implements `acgkd.modality.Modality`."""

    name: ModalityName = "graphs"

    def collate(self, samples: Items, device: torch.device) -> GraphBatch:
        """Joins torch_geometric `Data` objects into one batch on `device`."""
        return collate(samples, device)

    def to(self, batch: GraphBatch, device: torch.device) -> GraphBatch:
        """The batch on another device."""
        return batch.to(device)

    def size(self, batch: GraphBatch) -> int:
        """How many graphs a batch holds."""
        return batch.graphs

    def selector(self, batch: GraphBatch) -> GraphSelector:
        """Cuts minibatches out of a large batch: ``selector(batch)(indices) -> GraphBatch``."""
        return GraphSelector(batch)

    def minibatches(
        self, samples: Items, device: torch.device, *, augment: str, generator: torch.Generator | None
    ) -> Callable[[Tensor], GraphBatch]:
        """Puts graphs on `device` once and cuts minibatches out of them there.

        Raises:
            ConfigError: `augment` is for images.
        """
        if augment != "none":
            raise ConfigError(f"`teacher/augment: {augment}` is for images, but these are graphs. Leave it out.")
        return self.selector(self.collate(samples, device))

    def embed(self, model: nn.Module, batch: GraphBatch) -> Tensor:
        """What the model's classifier sees.

        Shapes:
            returns: ``[graphs, width]``
        """
        return embed(
            model, batch.x, batch.edge_index, batch.edge_weight, batch.batch, batch.graphs, edge_attr=batch.edge_attr
        )

    def logits(self, model: nn.Module, batch: GraphBatch) -> Tensor:
        """The model's class scores.

        Shapes:
            returns: ``[graphs, classes]``
        """
        scores: Tensor = graph_parts(model).classifier(self.embed(model, batch))
        return scores

    def unit_cost(self, model: nn.Module, features: int, edge_features: int = 0) -> UnitCost:
        """Multiply-adds of one forward pass for each node, edge and graph.

        Args:
            model: satisfies the teacher protocol; its mode and statistics are left as they were.
            features: columns of the node features.
            edge_features: columns of the edge features; 0 where there are none.
        """
        device = model_device(model)

        def probe(nodes: int, edges: int, graphs: int) -> int:
            graph = torch.arange(nodes, device="cpu") * graphs // nodes
            # Edges within the first graph, between its first two nodes: their number is all that counts.
            ends = torch.arange(edges, device="cpu") % 2
            batch = GraphBatch(
                x=torch.ones(nodes, features, device="cpu"),
                edge_index=torch.stack([ends, 1 - ends]),
                edge_weight=torch.ones(edges, device="cpu"),
                batch=graph,
                graphs=graphs,
                edge_attr=torch.ones(edges, edge_features, device="cpu") if edge_features else None,
            ).to(device)
            with at_rest(model), counting(model) as counts:
                self.logits(model, batch)
            return sum(counts)

        return solve_unit_cost(probe)

    def counter(self, model: nn.Module, batch: GraphBatch) -> Callable[[GraphBatch], float]:
        """Measures the model once, so that counting a pass later costs nothing and waits for nothing.

        Args:
            model: satisfies the teacher protocol.
            batch: any batch that it reads; only the number of feature columns matters.

        Returns:
            the multiply-adds of one forward pass over a batch.
        """
        features = 0 if batch.edge_attr is None else int(batch.edge_attr.shape[1])
        cost = self.unit_cost(model, int(batch.x.shape[1]), features)

        def count(other: GraphBatch) -> float:
            return cost.total(int(other.x.shape[0]), int(other.edge_index.shape[1]), other.graphs)

        return count

    def pack(self, batch: GraphBatch) -> State:
        """The batch as tensors on the CPU and plain values, for a file."""
        packed = {field.name: _on_host(getattr(batch, field.name)) for field in fields(batch)}
        return packed if batch.edge_attr is not None else {key: packed[key] for key in packed if key != "edge_attr"}

    def unpack(self, packed: State, device: torch.device) -> GraphBatch:
        """The batch that `pack` packed."""
        return GraphBatch(**packed).to(device)

    def picture(self, batch: GraphBatch, prior: Prior) -> Arrays:
        """What it takes to draw the graphs, as plain arrays."""
        assert isinstance(prior, GraphPrior), "of this modality"
        return picture(batch, prior)

    def prior(self, config: PriorConfig, known: PriorConfig) -> GraphPrior:
        """What the run says, then what the data set's entry says.

        Raises:
            ConfigError: neither says something that is needed.
        """
        return graph_prior(config, known)

    def check_teacher(self, model: nn.Module, prior: Prior) -> None:
        """Tries the model on a tiny batch drawn from the prior.

        Raises:
            TeacherError: the model does not satisfy the teacher protocol; the message says which part.
        """
        assert isinstance(prior, GraphPrior), "of this modality"
        check_graph_teacher(model, prior)


def _on_host(value: object) -> object:
    return value.detach().to("cpu") if isinstance(value, Tensor) else value


GRAPHS = Graphs()
