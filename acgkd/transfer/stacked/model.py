"""Several models of one architecture as one model that reads their batches joined."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch_geometric.nn import Linear
from torch_geometric.nn.aggr import Aggregation

from acgkd.graphs import GraphBatch
from acgkd.models._networks.gat import GAT
from acgkd.models._networks.gcn import GCN, WeightedGCNConv
from acgkd.models._networks.gin import GIN, WeightedGINConv
from acgkd.models._networks.resting_norm import BatchNorm
from acgkd.models._networks.sage import SAGE, WeightedSAGEConv
from acgkd.modules.weighted_attention import WeightedGAT
from acgkd.students.projection import ProjectedStudent
from acgkd.transfer.stacked import operations

Kind = Literal["nodes", "edges", "graphs"]
_LINEAR, _NORM = (nn.Linear, Linear), (nn.BatchNorm1d, BatchNorm)
# What has no parameters but in its layers, and does the same to every row.
_AS_THEY_ARE = (
    *(GIN, GCN, SAGE, GAT, ProjectedStudent, WeightedGINConv, WeightedSAGEConv),
    *(nn.ModuleList, nn.Sequential, nn.ReLU, nn.Identity),
)


@dataclass
class Shares:
    """How many rows of the joined batch at hand belong to each model."""

    nodes: list[int] = field(default_factory=list)
    edges: list[int] = field(default_factory=list)
    graphs: list[int] = field(default_factory=list)

    def join(self, batches: Sequence[GraphBatch]) -> GraphBatch:
        """The batches as one, whose rows are counted from here on; either all have edge weights, or none has."""
        self.nodes = [batch.x.shape[0] for batch in batches]
        self.edges = [batch.edge_index.shape[1] for batch in batches]
        self.graphs = [batch.graphs for batch in batches]
        starts = [sum(self.nodes[:index]) for index in range(len(batches))]
        firsts = [sum(self.graphs[:index]) for index in range(len(batches))]
        return GraphBatch(
            x=torch.cat([batch.x for batch in batches]),
            edge_index=torch.cat([b.edge_index + start for b, start in zip(batches, starts, strict=True)], dim=1),
            edge_weight=_joined([batch.edge_weight for batch in batches]),
            batch=torch.cat([batch.batch + first for batch, first in zip(batches, firsts, strict=True)]),
            graphs=sum(self.graphs),
            edge_attr=_joined([batch.edge_attr for batch in batches]),
        )


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    return torch.cat([part for part in parts if part is not None]) if parts[0] is not None else None


class _Stacked(nn.Module):
    """A layer of each model in one; its parameters have a first dimension more, and the names that they have there."""

    def __init__(self, layers: Sequence[nn.Module], shares: Shares, kind: Kind) -> None:
        super().__init__()
        self.shares, self.kind = shares, kind
        _take(self, layers)

    @property
    def counts(self) -> list[int]:
        found: list[int] = getattr(self.shares, self.kind)
        return found


class _StackedLinear(_Stacked):
    weight: Tensor
    bias: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        return operations.linear(x, self.weight, self.bias, self.counts)


class _StackedNorm(_Stacked):
    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layers: Sequence[nn.Module], shares: Shares, kind: Kind) -> None:
        super().__init__(layers, shares, kind)
        first = layers[0]
        assert isinstance(first, nn.BatchNorm1d), "`stacked` asks"
        self.momentum, self.eps = first.momentum or 0.0, first.eps

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.num_batches_tracked.add_(1)
        memory, how = (self.running_mean, self.running_var), {"momentum": self.momentum, "eps": self.eps}
        return operations.batch_norm(x, self.weight, self.bias, memory, self.counts, training=self.training, **how)


class _Spread(nn.Module):
    """Parameters of a layer, one set for each model, that its own `forward` meets as one row for each node."""

    def __init__(self, layers: Sequence[nn.Module], shares: Shares) -> None:
        super().__init__()
        self.shares = shares
        _take(self, layers)

    def rows(self, name: str) -> Tensor:
        return operations.spread(getattr(self, name), self.shares.nodes)


class _GCNConv(WeightedGCNConv):
    each: _Spread

    @property
    def bias(self) -> Tensor:
        return self.each.rows("bias")


class _GAT(WeightedGAT):
    each: _Spread

    @property
    def attend_source(self) -> Tensor:  # type: ignore[override]
        return self.each.rows("attend_source").squeeze(1)

    @property
    def attend_target(self) -> Tensor:  # type: ignore[override]
        return self.each.rows("attend_target").squeeze(1)


_OWN: dict[type[nn.Module], type[nn.Module]] = {WeightedGCNConv: _GCNConv, WeightedGAT: _GAT}


def _take(module: nn.Module, layers: Sequence[nn.Module]) -> None:
    """Gives a module the parameters and buffers of the layers themselves, one upon the other."""
    for name, value in layers[0].named_parameters(recurse=False):
        both = torch.stack([layer.get_parameter(name).detach() for layer in layers])
        module.register_parameter(name, nn.Parameter(both, requires_grad=value.requires_grad))
    for name, missing in layers[0]._parameters.items():
        if missing is None:
            module.register_parameter(name, None)
    for name, _ in layers[0].named_buffers(recurse=False):
        module.register_buffer(name, torch.stack([layer.get_buffer(name) for layer in layers]))


def why_not(models: Sequence[nn.Module]) -> str:
    """Why these models cannot be one; nothing where they can."""
    first = models[0]
    if any(str(other) != str(first) for other in models[1:]):  # layer by layer, with all widths
        return "the models are not built alike"
    for name, module in first.named_modules():
        kind = type(module)
        if kind in _NORM and (module.momentum is None or module.running_mean is None or module.weight is None):
            return f"BatchNorm `{name}` keeps no running average"
        if kind is WeightedGAT and _reads_edges(first):
            return f"the attention `{name}` reads edge features"
        if kind not in (*_LINEAR, *_NORM, *_OWN, *_AS_THEY_ARE) and not isinstance(module, Aggregation):
            return f"`{kind.__name__}` is no layer of the graph models of acgkd"
    return ""


def _reads_edges(model: nn.Module) -> bool:
    return any(getattr(module, "edge_features", 0) for module in model.modules())


def stacked(models: Sequence[nn.Module], shares: Shares) -> nn.Module:
    """One model that reads the joined batches of several, each with its own parameters; they are copied.

    Args:
        models: of one architecture; `why_not` has nothing to say of them.
        shares: what belongs to which model, as its `join` counts it.
    """
    made = copy.deepcopy(models[0])
    for name, module in list(made.named_modules()):
        alike = [model.get_submodule(name) for model in models]
        if type(module) in (*_LINEAR, *_NORM):
            put = _StackedLinear if type(module) in _LINEAR else _StackedNorm
            layer = put(alike, shares, _kind(name))
            layer.train(module.training)
            parent, _, own = name.rpartition(".")
            setattr(made.get_submodule(parent), own, layer)
        elif type(module) in _OWN:
            for parameter in list(module._parameters):
                del module._parameters[parameter]
            module.__class__ = _OWN[type(module)]
            module.each = _Spread(alike, shares)
    return made


def _kind(name: str) -> Kind:
    """What a layer has a row for."""
    parts = name.split(".")
    return "graphs" if "classifier" in parts else "edges" if "of_edges" in parts else "nodes"


def parameters_of(made: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of a stacked model by the names that they have in the models that it is made of.

    Shapes:
        values: those of the models with a first dimension more, one entry for each model
    """
    found: dict[str, Tensor] = {}
    for name, module in made.named_modules():
        if isinstance(module, _Stacked | _Spread):
            prefix = name.removesuffix("each") if isinstance(module, _Spread) else f"{name}."
            values = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
            found |= {f"{prefix}{own}": value for own, value in values}
    return found
