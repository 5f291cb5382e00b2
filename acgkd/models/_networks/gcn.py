"""Graph convolutional network: neighbours averaged by the symmetric norm of the weighted graph."""

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from acgkd.models._networks.graph_classifier import GraphClassifier
from acgkd.models._networks.neighbours import AddsEdges, sums_alone, weighted_sum


def symmetric_norm(
    edge_index: Tensor, edge_weight: Tensor | None, nodes: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Self-loops of weight 1 added, then every weight divided by the roots of both ends' degrees.

    Degrees are sums of weights, so an edge of weight 0 leaves no trace and gradients reach the weights through the
    norm as well. torch_geometric's own `gcn_norm` looks for self-loops by a mask, which waits for the device.

    Args:
        edge_index: without self-loops.
        edge_weight: None means that every edge counts 1.
        nodes: how many.
        dtype: of the norm.

    Returns:
        the weights of the edges, and those of the self-loops.

    Shapes:
        edge_index: ``[2, edges]``; edge_weight: ``[edges]``
        returns: ``[edges]`` and ``[nodes]``
    Source: Kipf and Welling (2017), arXiv:1609.02907, equation 2.
    """
    device = edge_index.device
    ones = torch.ones(nodes, dtype=dtype, device=device)
    weight = torch.ones(edge_index.shape[1], dtype=dtype, device=device) if edge_weight is None else edge_weight
    scale = ones.index_add(0, edge_index[1], weight).rsqrt()
    # Not by brackets: their way back puts one number after the other in its place.
    ends = scale.index_select(0, edge_index[0]) * scale.index_select(0, edge_index[1])
    return ends * weight, scale * scale


class WeightedGCNConv(AddsEdges, GCNConv):  # type: ignore[misc]
    """`GCNConv` over edges that are normalised already, its self-loops apart from the other edges or among them."""

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor | None,
        own_weight: Tensor | None = None,
        edges: Tensor | None = None,
    ) -> Tensor:
        """Lifts the nodes and sums over weighted neighbours, each with the features of its edge, if any.

        Args:
            x: nodes.
            edge_index: edges.
            edge_weight: of each; None means that every edge counts 1.
            own_weight: of each node's self-loop; None where they are among the edges, or there are none.
            edges: embedded features of each edge.

        Shapes:
            x: ``[nodes, in_width]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]``; own_weight: ``[nodes]``;
            edges: ``[edges, width]``
            returns: ``[nodes, width]``
        """
        lifted = self.lin(x)
        if edges is None and sums_alone(self, lifted, edge_weight):
            gathered = weighted_sum(lifted, edge_index, edge_weight)
        else:
            # propagate_type: (x: Tensor, edge_weight: OptTensor, edges: OptTensor)
            gathered = self.propagate(edge_index, x=lifted, edge_weight=edge_weight, edges=edges)
        if own_weight is not None:
            gathered = torch.addcmul(gathered, own_weight.unsqueeze(1), lifted)
        updated: Tensor = gathered + self.bias
        return updated


class GCN(GraphClassifier):
    """GCN with BatchNorm, ReLU and a residual from the second layer; the norm is computed once per forward pass.

    Source: Kipf and Welling (2017), arXiv:1609.02907; layout of the released GFKD code (e68e4d6), where `GCN5_64`
        has four message-passing layers.
    """

    kind = "gcn"
    sums_lifted = True

    def layer(self, in_width: int, width: int, device: torch.device) -> nn.Module:
        """A sum over neighbours; made under `with device`, as GCNConv takes no device of its own."""
        return WeightedGCNConv(in_width, width, normalize=False)

    def encode(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor | None,
        batch: Tensor,
        *,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Embeds every node.

        Shapes:
            returns: ``[nodes, width]``
        """
        nodes = x.shape[0]
        weight, own = symmetric_norm(edge_index, edge_weight, nodes, x.dtype)
        apart = sums_alone(self.layers[0], x, weight)
        if not apart:
            # Who listens to messages is to hear those to oneself as well.
            loops = torch.arange(nodes, device=edge_index.device).expand(2, nodes)
            edge_index, weight = torch.cat([edge_index, loops], dim=1), torch.cat([weight, own])
        for number, layer in enumerate(self.layers):
            edges = self.edges_for(number, edge_attr)
            if edges is not None and not apart:  # a loop has no features
                edges = torch.cat([edges, edges.new_zeros(nodes, edges.shape[1])])
            x = self.finish(number, x, layer(x, edge_index, weight, own if apart else None, edges))
        return x
