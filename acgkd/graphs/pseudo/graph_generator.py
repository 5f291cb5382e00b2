"""A network that turns noise into whole graphs: node logits first, edges from their products."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.pseudo.concrete import degree_features
from acgkd.graphs.pseudo.kinds import Kinds
from acgkd.graphs.select import ranges
from acgkd.settings.choices import Gradient

Features = Literal["one_hot", "values", "degree", "constant"]


class GraphGenerator(nn.Module):
    """z -> node logits N; structure logits ``N Nᵀ``; an edge where their sigmoid is above a threshold.

    Where edges have features, their logits are linear in the products ``n_i ∘ n_j`` of the rows of both ends.

    Args:
        nodes: rows of N, the most nodes of a graph.
        columns: of N.
        features: what node features are: `one_hot` of softmax(N), `values` (N itself), one-hot `degree` of the edges
            drawn, or `constant`.
        feature_count: columns of the node features; equal to `columns` where features come from N.
        threshold: on the sigmoid.
        mean_degree: moves the threshold of each graph so that its nodes have so many neighbours on average; None
            keeps `threshold`.
        gradient: `straight_through` passes on 0 and 1 with the gradient of sigmoid and softmax; `cut` passes none.
        latent: length of z.
        hidden: widths of the layers between.
        device: where the parameters live.
        node_columns: how many kinds each of several categorical columns has.
        edge_columns: the same of the edges; empty where they have no features.
    """

    def __init__(
        self,
        nodes: int,
        columns: int,
        *,
        features: Features,
        feature_count: int,
        threshold: float,
        mean_degree: float | None,
        gradient: Gradient,
        latent: int,
        hidden: tuple[int, ...],
        device: torch.device,
        node_columns: Sequence[int] = (),
        edge_columns: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.nodes = nodes
        self.columns = columns
        self.latent = latent
        self._features = features
        self._feature_count = feature_count
        self._threshold = math.log(threshold / (1 - threshold))
        self._mean_degree = mean_degree
        self._gradient = gradient
        widths = [latent, *hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after, device=device), nn.Tanh()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], nodes * columns, device=device))
        self._kinds, self._edge_kinds = Kinds(node_columns), Kinds(edge_columns)
        self.of_edges = nn.Linear(columns, sum(edge_columns), device=device) if edge_columns else None

    def multiply_adds(self, graphs: int) -> float:
        """Of one forward pass: the layers, and the products of all rows of N."""
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        weights = sum(layer.in_features * layer.out_features for layer in linear)
        pairs = self.nodes * self.nodes
        of_edges = 0 if self.of_edges is None else pairs // 2 * self.columns * self.of_edges.out_features
        return float(graphs * (weights + pairs * self.columns + of_edges))

    def forward(self, z: Tensor, sizes: Tensor) -> GraphBatch:
        """One graph for each row of z, of the first rows of its N.

        Pairs without an edge are listed with weight 0: a gradient may pass through them, and how many there are is
        known on the device alone. Where the mean degree is given and no gradient is wanted, edges alone are listed.

        Shapes:
            z: ``[graphs, latent]`` on the device; sizes: ``[graphs]`` on the CPU, each at most `nodes`
        """
        graphs, device = int(sizes.numel()), z.device
        n = self.layers(z).view(graphs, self.nodes, self.columns)
        kept, pairs, ends, graph = (t.to(device, non_blocking=True) for t in self._layout(sizes))
        logits = (n @ n.transpose(1, 2)).reshape(-1)[pairs]
        if self._mean_degree is None:
            above = logits - self._threshold
            weights = self._through((above.detach() > 0).to(logits.dtype), torch.sigmoid(above))
        else:
            edges, weakest = self._strongest(logits.detach(), pairs, sizes, self._mean_degree)
            if self._gradient == "cut" or not torch.is_grad_enabled():
                ends, weights = ends[:, edges], torch.ones(edges.numel(), device=device)
            else:
                hard = torch.zeros_like(logits).scatter_(0, edges, 1.0)
                weights = self._through(hard, torch.sigmoid(logits - weakest[pairs // self.nodes**2]))
        edge_index, both = torch.cat([ends, ends.flip(0)], dim=1), torch.cat([weights, weights])
        rows = n.reshape(-1, self.columns)[kept]
        return GraphBatch(
            x=self._rows(rows, both, edge_index),
            edge_index=edge_index,
            edge_weight=both,
            batch=graph,
            graphs=graphs,
            edge_attr=self._edge_rows(rows, ends),
        )

    def _edge_rows(self, rows: Tensor, ends: Tensor) -> Tensor | None:
        """Features of edges: of all one way, then of all the other way, which are the same.

        Shapes:
            rows: ``[nodes, columns]``; ends: ``[2, edges]``; returns: ``[2 * edges, edge features]``
        """
        if self.of_edges is None:
            return None
        kinds = self._edge_kinds.hardened(self.of_edges(rows[ends[0]] * rows[ends[1]]), self._through)
        return torch.cat([kinds, kinds])

    def _layout(self, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Where the nodes and the pairs i < j of such graphs stand, on the CPU.

        Shapes:
            returns: nodes within all rows of N ``[nodes]``, pairs within all products ``[pairs]``, the two nodes of
            each pair ``[2, pairs]``, the graph of each node ``[nodes]``
        """
        present = torch.arange(self.nodes, device="cpu") < sizes.unsqueeze(1)
        upper = torch.ones(self.nodes, self.nodes, dtype=torch.bool, device="cpu").triu(1)
        graph, i, j = (upper & present.unsqueeze(1) & present.unsqueeze(2)).nonzero(as_tuple=True)
        starts = sizes.cumsum(0) - sizes
        return (
            present.flatten().nonzero().squeeze(1),
            (graph * self.nodes + i) * self.nodes + j,
            torch.stack([starts[graph] + i, starts[graph] + j]),
            torch.arange(sizes.numel(), device="cpu").repeat_interleave(sizes),
        )

    def _strongest(self, logits: Tensor, pairs: Tensor, sizes: Tensor, mean_degree: float) -> tuple[Tensor, Tensor]:
        """As many pairs of each graph as its mean degree asks for; how many is known on the host.

        Shapes:
            logits, pairs: ``[pairs]``; sizes: ``[graphs]`` on the CPU
            returns: which pairs ``[edges]``, the least logit among those of each graph ``[graphs]``
        """
        graphs, device = int(sizes.numel()), logits.device
        wanted = (mean_degree * sizes / 2).round().long().clamp(min=1).minimum(sizes * (sizes - 1) // 2)
        most = int(wanted.max())
        # All products of a graph in a row, and where each pair stands among the pairs.
        products = torch.full((graphs * self.nodes**2,), -torch.inf, device=device).index_copy(0, pairs, logits)
        number = torch.zeros(products.numel(), dtype=torch.long, device=device)
        number.index_copy_(0, pairs, torch.arange(pairs.numel(), device=device))
        values, places = products.view(graphs, -1).topk(most, dim=1)
        places = places + torch.arange(graphs, device=device).unsqueeze(1) * self.nodes**2
        starts = torch.arange(graphs, device="cpu") * most
        chosen, last = (t.to(device, non_blocking=True) for t in (ranges(starts, wanted), starts + wanted - 1))
        return number[places.flatten()[chosen]], values.flatten()[last]

    def _rows(self, rows: Tensor, weights: Tensor, edge_index: Tensor) -> Tensor:
        """Node features.

        Shapes:
            rows: ``[nodes, columns]``; returns: ``[nodes, feature_count]``
        """
        if self._features == "one_hot":
            return self._kinds.hardened(rows, self._through)
        if self._features == "degree":
            return degree_features(weights, edge_index, rows.shape[0], self._feature_count)
        if self._features == "constant":
            return torch.ones(rows.shape[0], self._feature_count, device=rows.device)
        return rows if self._gradient == "straight_through" else rows.detach()

    def _through(self, hard: Tensor, soft: Tensor) -> Tensor:
        """The value of `hard`, with the gradient of `soft` unless that is cut."""
        return hard if self._gradient == "cut" else hard + (soft - soft.detach())
