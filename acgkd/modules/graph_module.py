"""How a graph model is called: by a user in torch_geometric's order, and by evaluation in parts; both compute the same.

Presets, students that end in their teacher's classifier, and adapted teachers all derive from `GraphModule`.
"""

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.modules.columns import as_blocks
from acgkd.modules.encoding import encoded
from acgkd.modules.readout import pooled
from acgkd.modules.teacher_protocol import graph_parts
from acgkd.priors import GraphPrior, Prior


class GraphData(Protocol):
    """A `Data` or `Batch` of torch_geometric, as far as it is read here."""

    x: Tensor | None
    edge_index: Tensor


def embed(
    model: nn.Module,
    x: Tensor,
    edge_index: Tensor,
    edge_weight: Tensor | None,
    batch: Tensor,
    graphs: int | None,
    *,
    edge_attr: Tensor | None = None,
) -> Tensor:
    """What the classifier of a model that satisfies the teacher protocol sees.

    Shapes:
        x: ``[nodes, features]``; edge_index: ``[2, edges]``; edge_weight: ``[edges]``; batch: ``[nodes]``; edge_attr:
        ``[edges, edge features]``
        returns: ``[graphs, width]``
    """
    nodes = encoded(model, x, edge_index, edge_weight, batch, edge_attr)
    return pooled(graph_parts(model).readout, nodes, batch, graphs)


class GraphModule(nn.Module):
    """A module with the parts of the teacher protocol, which can be called and exported (`torch.export`).

    `prior` is what was known of the data when it was made; None where nobody said.
    """

    prior: Prior | None = None

    def forward(
        self,
        x: Tensor | GraphData,
        edge_index: Tensor | None = None,
        batch: Tensor | None = None,
        *,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
        graphs: int | None = None,
    ) -> Tensor:
        """Class scores of each graph: the logits that evaluation computes, where the module is in evaluation mode.

        Args:
            x: node features; or a `Data` or `Batch` of torch_geometric, alone: `x`, `edge_index`, `batch`,
                `edge_weight`, `edge_attr` and the number of graphs are then read off it; other attributes are ignored.
                Several categorical columns may be whole numbers, or one-hot blocks side by side.
            edge_index: edges, from source to target; there may be none.
            batch: graph of each node; None means that all nodes are one graph.
            edge_weight: of each edge, in [0, 1]; None means that every edge counts 1.
            edge_attr: of each edge, where the teacher read such: one-hot blocks, or whole numbers, a column for each.
            graphs: how many there are; where it is None, `batch` is asked, which waits for the device and does not
                know of graphs without nodes behind the last one.

        Shapes:
            x: ``[nodes, features]``; edge_index: ``[2, edges]``; batch: ``[nodes]``; edge_weight: ``[edges]``;
            edge_attr: ``[edges, edge features]``
            returns: ``[graphs, classes]``
        Raises:
            ConfigError: `batch` holds fractions, as edge weights do; or there are no edges, features or graphs.
        """
        if not isinstance(x, Tensor) or edge_index is None:
            x, edge_index, batch, own, graphs = taken_apart(x, graphs)
            edge_weight = own["edge_weight"] if edge_weight is None else edge_weight
            edge_attr = own["edge_attr"] if edge_attr is None else edge_attr
        graphs, batch = counted(x, batch, graphs)
        x, edge_attr = in_blocks(self.prior, x, edge_attr)
        embedded = embed(self, x, edge_index, edge_weight, batch, graphs, edge_attr=edge_attr)
        scores: Tensor = graph_parts(self).classifier(embedded)
        return scores


def in_blocks(prior: Prior | None, x: Tensor, edge_attr: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Features of nodes and edges as models read them; whole numbers become one-hot blocks.

    Edge features that the prior knows nothing of are left out.

    Raises:
        ConfigError: they are of other columns than the prior says, or edges lack their features.
    """
    if not isinstance(prior, GraphPrior):
        return x, edge_attr
    x = as_blocks(x, prior.node_columns, "x")
    if not prior.edge_columns:
        return x, None
    if edge_attr is None:
        raise ConfigError(
            "This model reads edge features: pass `edge_attr=`, one-hot blocks of "
            f"{list(prior.edge_columns)} kinds or whole numbers, a column for each."
        )
    return x, as_blocks(edge_attr, prior.edge_columns, "edge_attr")


def taken_apart(
    data: object, graphs: int | None
) -> tuple[Tensor, Tensor, Tensor | None, dict[str, Tensor | None], int | None]:
    """Features, edges, batch, what belongs to edges by name, and number of graphs of a torch_geometric `Data`.

    Args:
        data: a `Data` or `Batch`.
        graphs: how many there are, where the caller knows.


    Raises:
        ConfigError: it is something else, or has no features.
    """
    x, edge_index = getattr(data, "x", None), getattr(data, "edge_index", None)
    if isinstance(data, Tensor) or edge_index is None or x is None:
        what = "a tensor alone" if isinstance(data, Tensor) else f"{type(data).__name__} without `x` and `edge_index`"
        raise ConfigError(
            f"A graph student is called with `x, edge_index, batch`, or with a torch_geometric `Data` that has `x` and "
            f"`edge_index`, but got {what}."
        )
    batch = getattr(data, "batch", None)
    if graphs is None and batch is not None:
        graphs = getattr(data, "num_graphs", None)
    of_edges = {name: getattr(data, name, None) for name in ("edge_weight", "edge_attr")}
    return x, edge_index, batch, of_edges, graphs


def counted(x: Tensor, batch: Tensor | None, graphs: int | None) -> tuple[int, Tensor]:
    """The number of graphs and the graph of each node, where one or both were left out.

    Raises:
        ConfigError: `batch` holds fractions, or nobody says how many graphs without a single node there are.
    """
    if batch is None:
        return graphs or 1, x.new_zeros(x.shape[0], dtype=torch.long)
    if batch.is_floating_point():
        raise ConfigError(
            f"`batch` must hold the graph of each node as whole numbers, but got {batch.dtype}. The order is "
            "`x, edge_index, batch`; edge weights are passed as `edge_weight=`."
        )
    if graphs is not None:
        return graphs, batch
    if not torch.compiler.is_compiling() and batch.shape[0] == 0:
        raise ConfigError("Of graphs without a single node, `graphs=` must say how many there are.")
    # Not through `int`: an exporter keeps the number open, and wants to hear that it is a size.
    found = cast(int, batch.max().item()) + 1
    torch._check(found >= 1)  # type: ignore[no-untyped-call]
    return found, batch
