"""A module of the user's with the parts of the teacher protocol; `acgkd.adapt` makes it."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from acgkd.modules.graph_module import GraphModule
from acgkd.modules.looked_up import LookUp, looked_up
from acgkd.modules.readout import pooled
from acgkd.teachers.head_chain import HeadChain
from acgkd.teachers.message_weights import weighted
from acgkd.teachers.wiring import POOLS, joined_pools, whole

# How many kinds each column of nodes and of edges has that a module reads as whole numbers; none of what it reads as
# one-hot blocks.
Numbers = tuple[tuple[int, ...], tuple[int, ...]]


def part_at(module: nn.Module, name: str) -> Any:
    """The part of that name, or within parts: `net.head`."""
    part: object = module
    for step in name.split("."):
        part = getattr(part, step, None)
    return part


class AdaptedTeacher(GraphModule):
    """A module with the parts of the teacher protocol; made by `adapt`, which says what the arguments are."""

    def __init__(
        self,
        module: nn.Module,
        encode: str | Callable[..., Tensor],
        readout: str | tuple[str, ...] | Callable[..., Tensor],
        classifier: str | HeadChain,
        width: int,
    ) -> None:
        super().__init__()
        self.module = module
        self.width = width
        # So that a student which borrows the classifier can pool as it was trained on; None where only the user knows.
        self.pooling = readout if isinstance(readout, str) and readout in POOLS else None
        # Names and functions of the module, never bound parts of it: a deep copy must use its own layers.
        self._encode = encode
        self._readout = readout
        self._classifier = classifier
        self.numbers: Numbers = ((), ())

    @property
    def classifier(self) -> nn.Module:
        """The submodule that makes class scores, or several in a row."""
        if isinstance(self._classifier, HeadChain):
            return self._classifier.build(self.module)
        return self.module.get_submodule(self._classifier)

    def encode(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor | None,
        batch: Tensor,
        *,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Embeds every node, each graph layer weighting its messages.

        Shapes:
            edge_attr: ``[edges, edge features]``; returns: ``[nodes, width of the nodes]``
        """
        named = isinstance(self._encode, str)
        target: Callable[..., Tensor] = (
            part_at(self.module, self._encode) if isinstance(self._encode, str) else self._encode
        )
        parameters = inspect.signature(target.forward if isinstance(target, nn.Module) else target).parameters
        x, edge_attr, tables = self._as_read(x, edge_attr)
        given = (x, edge_index) if named else (self.module, x, edge_index)
        others = {"batch": batch} if "batch" in parameters else {}
        if edge_attr is not None and "edge_attr" in parameters:
            others["edge_attr"] = edge_attr
        with weighted(self.module, edge_index.shape[1], edge_weight, x.shape[0]), looked_up(self.module, tables):
            nodes = target(*given, **others)
        return nodes

    def _as_read(self, x: Tensor, edge_attr: Tensor | None) -> tuple[Tensor, Tensor | None, list[LookUp]]:
        """Features as the module reads them, of its own: it may compute in place; and what its embeddings follow."""
        of_nodes, of_edges = self.numbers
        tables, own = [], x.clone()
        if of_nodes and x.is_floating_point():
            tables.append(LookUp.of(x, of_nodes))
            own = tables[-1].numbers
        if of_edges and edge_attr is not None and edge_attr.is_floating_point():
            tables.append(LookUp.of(edge_attr, of_edges))
            edge_attr = tables[-1].numbers
        return own, edge_attr, tables

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """Pools the nodes of each graph.

        Shapes:
            returns: ``[graphs, width]``
        """
        if isinstance(self._readout, str) and self._readout not in POOLS:
            part = part_at(self.module, self._readout)
            if "dim_size" in inspect.signature(part.forward).parameters:  # an aggregation of torch_geometric
                aggregated: Tensor = part(nodes, batch, dim_size=graphs)
                return aggregated
            return pooled(part, nodes, batch, graphs)
        if not isinstance(self._readout, (str, tuple)):
            return pooled(self._readout, nodes, batch, graphs)
        names = (self._readout,) if isinstance(self._readout, str) else self._readout
        return joined_pools(names, nodes, batch, graphs)

    def whole(
        self,
        x: Tensor,
        edge_index: Tensor,
        batch: Tensor,
        *,
        edge_attr: Tensor | None = None,
        classes: int | None = None,
    ) -> Tensor | None:
        """What the module's own `forward` says; None where it has none that is called with graphs.

        Shapes:
            returns: ``[graphs, classes]``
        """
        x, edge_attr, _ = self._as_read(x, edge_attr)
        return whole(self.module, x, edge_index, batch, edge_attr, classes)
