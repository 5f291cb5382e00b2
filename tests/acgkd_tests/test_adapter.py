"""Plain torch_geometric modules as teachers: each layer is weighted, or refused with the reason."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch_geometric.nn as gnn
from torch import Tensor, nn

from acgkd import adapt
from acgkd.errors import TeacherError
from acgkd.graphs import GRAPHS, GraphPrior
from acgkd.models import build_model
from acgkd.teachers.teacher import as_teacher

CPU = torch.device("cpu")
PRIOR = GraphPrior(min_nodes=6, max_nodes=12, mean_degree=2.0, features="categorical", feature_count=5, classes=3)


def gin_layer(into: int, out: int) -> nn.Module:
    return gnn.GINConv(nn.Sequential(nn.Linear(into, out), nn.ReLU(), nn.Linear(out, out)))


LAYERS: dict[str, Callable[[int, int], nn.Module]] = {
    "GINConv": gin_layer,
    "SAGEConv": gnn.SAGEConv,
    "SAGEConv sum": lambda into, out: gnn.SAGEConv(into, out, aggr="sum"),
    "GCNConv": gnn.GCNConv,
    "GraphConv": gnn.GraphConv,
    "GATConv": lambda into, out: gnn.GATConv(into, out // 4, heads=4),
    "GATv2Conv": lambda into, out: gnn.GATv2Conv(into, out // 4, heads=4),
    "TAGConv": gnn.TAGConv,
    "ResGatedGraphConv": gnn.ResGatedGraphConv,
}
REFUSED: dict[str, tuple[Callable[[int, int], nn.Module], str]] = {
    "SAGEConv max": (lambda into, out: gnn.SAGEConv(into, out, aggr="max"), "cannot fade a message out of that"),
    "GraphConv mean": (lambda into, out: gnn.GraphConv(into, out, aggr="mean"), "a weight of 0 still counts"),
    "GATConv without loops": (lambda i, o: gnn.GATConv(i, o, add_self_loops=False), "must add self-loops"),
    "TransformerConv": (gnn.TransformerConv, "normalises attention inside its messages"),
    "GCNConv cached": (lambda into, out: gnn.GCNConv(into, out, cached=True), "caches the norm of one graph"),
    "EdgeConv": (lambda into, out: gnn.EdgeConv(nn.Linear(2 * into, out)), "gathers messages by 'max'"),
}


class Net(nn.Module):
    """Two layers and a head, as a user would write them."""

    def __init__(self, layer: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.first, self.second, self.head = layer(5, 8), layer(8, 8), nn.Linear(8, 3)

    def embed(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.second(self.first(x, edge_index).tanh(), edge_index)


def a_graph() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    pairs = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 4, 4]])
    return torch.randn(6, 5, generator=generator), torch.cat([pairs, pairs.flip(0)], dim=1), torch.zeros(6).long()


def a_teacher(layer: Callable[[int, int], nn.Module]) -> Any:
    torch.manual_seed(0)
    return as_teacher(adapt(Net(layer), encode="embed", classifier="head"), CPU)


@pytest.mark.parametrize("name", LAYERS)
def test_adapted_layers_satisfy_the_protocol(name: str) -> None:
    GRAPHS.check_teacher(a_teacher(LAYERS[name]), PRIOR)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_reach_the_weights_through_each_layer_alone(name: str) -> None:
    teacher, (x, edges, _) = a_teacher(LAYERS[name]), a_graph()
    for number, layer in enumerate((teacher.module.first, teacher.module.second)):
        alone = adapt(nn.ModuleDict({"layer": layer, "head": nn.Linear(8, 3)}), encode=_only, classifier="head")
        weight = torch.full((10,), 0.6, requires_grad=True)
        nodes = x if number == 0 else torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
        alone.encode(nodes, edges, weight, torch.zeros(6)).pow(2).sum().backward()
        assert weight.grad is not None
        assert int((weight.grad.abs() > 1e-7).sum()) >= 8, f"layer {number}"


def _only(module: nn.ModuleDict, x: Tensor, edge_index: Tensor) -> Tensor:
    nodes: Tensor = module["layer"](x, edge_index)
    return nodes


@pytest.mark.parametrize("name", LAYERS)
def test_weight_zero_is_absent_and_one_is_none(name: str) -> None:
    teacher, (x, edges, batch) = a_teacher(LAYERS[name]), a_graph()
    plain = teacher.module.embed(x, edges)
    assert torch.allclose(teacher.encode(x, edges, None, batch), plain, atol=1e-6)
    assert torch.allclose(teacher.encode(x, edges, torch.ones(10), batch), plain, atol=1e-6)
    # Node 4 loses all its edges.
    weight = torch.tensor([1, 1, 1, 0, 0] * 2).float()
    kept = weight > 0
    faded = teacher.encode(x, edges, weight, batch)
    assert torch.allclose(faded, teacher.module.embed(x, edges[:, kept]), atol=1e-5)
    assert not torch.allclose(faded, plain, atol=1e-3)


def test_attention_weights_enter_the_softmax() -> None:
    """An edge of weight 2 is as good as two edges."""
    teacher, (x, edges, batch) = a_teacher(LAYERS["GATConv"]), a_graph()
    weight = torch.ones(10)
    weight[3] = 2
    doubled = torch.cat([edges, edges[:, 3:4]], dim=1)
    assert torch.allclose(teacher.encode(x, edges, weight, batch), teacher.module.embed(x, doubled), atol=1e-5)


@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_cannot_be_weighted_are_refused_with_the_reason(name: str) -> None:
    layer, reason = REFUSED[name]
    with pytest.raises(TeacherError, match=reason):
        adapt(Net(layer), encode="embed", classifier="head")


def test_a_layer_that_looks_at_degrees_is_found_out() -> None:
    with pytest.raises(TeacherError, match="an edge of weight 0 must be as good as absent"):
        GRAPHS.check_teacher(a_teacher(gnn.MFConv), PRIOR)


@pytest.mark.parametrize("family", [gnn.GIN, gnn.GCN, gnn.GraphSAGE, gnn.GAT])
def test_ready_made_networks_are_adapted(family: Any) -> None:
    net = nn.ModuleDict({"gnn": family(5, 8, num_layers=2), "head": nn.Linear(8, 3)})
    teacher = as_teacher(adapt(net, encode=lambda m, x, e: m["gnn"](x, e), classifier="head"), CPU)
    GRAPHS.check_teacher(teacher, PRIOR)


@pytest.mark.parametrize(
    "readout", ["sum", "mean", "max", lambda nodes, batch, graphs: gnn.global_add_pool(nodes, batch, graphs)]
)
def test_readouts_are_named_or_given(readout: Any) -> None:
    teacher = adapt(Net(gin_layer), encode="embed", readout=readout, classifier="head")
    GRAPHS.check_teacher(teacher, PRIOR)
    nodes = torch.tensor([[1.0], [3.0], [5.0]])
    pooled = teacher.readout(nodes, torch.tensor([0, 0, 1]), 2).tolist()
    assert (
        pooled == {"mean": [[2], [5]], "max": [[3], [5]]}.get(readout, [[4], [5]]) if isinstance(readout, str) else True
    )


def test_a_part_that_is_not_there_is_named() -> None:
    with pytest.raises(TeacherError, match=r"is not called with graphs\. .* submodules: first, second, head"):
        adapt(Net(gin_layer))
    with pytest.raises(TeacherError, match="has no 'classifier'"):
        adapt(Net(gin_layer), encode="embed")
    with pytest.raises(TeacherError, match=r"must name a torch\.nn\.Module"):
        adapt(Net(gin_layer), encode="embed", classifier="embed")
    with pytest.raises(TeacherError, match="`readout` must be one of sum, mean, max"):
        adapt(Net(gin_layer), encode="embed", classifier="head", readout="median")
    with pytest.raises(TeacherError, match="pass `width=`"):
        adapt(nn.ModuleDict({"a": gin_layer(5, 8), "head": nn.Identity()}), encode=_only, classifier="head")


def test_hooks_are_gone_after_each_call_even_after_an_error() -> None:
    teacher, (x, edges, batch) = a_teacher(gin_layer), a_graph()
    teacher.encode(x, edges, torch.ones(10), batch)
    with pytest.raises(RuntimeError):
        teacher.encode(x[:, :3], edges, torch.ones(10), batch)
    assert not teacher.module.first._message_forward_hooks


class Broken(nn.Module):
    """A teacher that breaks one law."""

    def __init__(self, law: str) -> None:
        super().__init__()
        self.inner: Any = build_model("gin-3-8", 5, 3)
        self.law = law
        self.classifier = nn.Linear(8, 2 if law == "classes" else 3)
        self.width = "wide" if law == "width" else 8

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        if self.law == "ignores":
            edge_weight = None
        if self.law == "half" and edge_weight is not None:
            edge_weight = edge_weight / 2
        if self.law == "shifted" and edge_weight is not None:
            edge_weight = edge_weight**2 * 0.5 + 0.5
        nodes: Tensor = self.inner.encode(x, edge_index, edge_weight, batch)
        return nodes[:, :5] if self.law == "nodes" else nodes

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        pooled: Tensor = self.inner.readout(nodes, batch, graphs)
        return pooled[:1] if self.law == "readout" else pooled


@pytest.mark.parametrize(
    ("law", "words"),
    [
        ("ignores", "an edge of weight 0 must be as good as absent"),
        ("half", "edge weights of 1 must mean the same as no weights"),
        ("shifted", "an edge of weight 0 must be as good as absent"),
        ("nodes", r"`readout` of a graph teacher must return \[graphs, width\]"),
        ("readout", r"`readout` of a graph teacher must return \[graphs, width\]"),
        ("classes", r"`classifier` of a graph teacher must return \[graphs, classes\]"),
        ("width", "must say its `width`, an int"),
    ],
)
def test_every_law_of_the_protocol_is_checked(law: str, words: str) -> None:
    with pytest.raises(TeacherError, match=words):
        GRAPHS.check_teacher(Broken(law), PRIOR)


def test_a_teacher_that_sees_no_edges_is_reported() -> None:
    class Deaf(Broken):
        def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
            nodes: Tensor = self.inner.layers[0].nn(x)
            return nodes

    with pytest.raises(TeacherError, match="Gradients must reach the edge weights"):
        GRAPHS.check_teacher(Deaf(""), PRIOR)


@pytest.mark.parametrize("features", ["categorical", "degree", "constant", "continuous"])
def test_the_check_works_for_every_kind_of_feature(features: Any) -> None:
    count = 1 if features == "constant" else 5
    prior = GraphPrior(4, 9, None, features, count, 2)
    GRAPHS.check_teacher(build_model("gcn-3-8", count, 2), prior)
