"""Graph models: names, shapes, and what edge weights mean in every layer."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch_geometric.nn import GATConv, SAGEConv

from acgkd.errors import ConfigError, UnknownNameError
from acgkd.models import build_model, check_preset

CPU = torch.device("cpu")


def a_batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Two graphs of five nodes: features, both directions of the edges, graph of each node."""
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.tensor([[0, 1, 2, 3, 5, 6, 7, 5], [1, 2, 3, 4, 6, 7, 8, 9]])
    x = torch.randn(10, 4, generator=generator)
    return x, torch.cat([pairs, pairs.flip(0)], dim=1), torch.tensor([0] * 5 + [1] * 5)


def built(preset: str, pooling: str = "sum") -> nn.Module:
    torch.manual_seed(0)
    model = build_model(preset, 4, 3, pooling)
    # Fresh running statistics would hide a BatchNorm that is not in evaluation mode.
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize(
    ("preset", "layers"),
    [("gin-5-64", 4), ("gin-3-32", 2), ("gcn-5-16", 4), ("gcn-2-8", 1), ("sage-4-8", 3), ("gat-3-8", 2)],
)
def test_the_depth_counts_the_classifier(preset: str, layers: int) -> None:
    assert len(built(preset).layers) == layers


@pytest.mark.parametrize("preset", ["gin-5-16", "gcn-5-16", "sage-5-16", "gat-5-16"])
def test_an_edge_of_weight_zero_is_exactly_as_good_as_absent(preset: str) -> None:
    model, (x, edges, batch) = built(preset), a_batch()
    weight = torch.rand(edges.shape[1], generator=torch.Generator().manual_seed(1))
    weight[[1, 9, 4, 12]] = 0
    kept = weight > 0
    assert torch.equal(model.encode(x, edges, weight, batch), model.encode(x, edges[:, kept], weight[kept], batch))


@pytest.mark.parametrize("preset", ["gin-5-16", "gcn-5-16", "sage-5-16", "gat-5-16"])
def test_no_weights_means_that_every_edge_counts_one(preset: str) -> None:
    model, (x, edges, batch) = built(preset), a_batch()
    ones = torch.ones(edges.shape[1])
    assert torch.equal(model.encode(x, edges, None, batch), model.encode(x, edges, ones, batch))


@pytest.mark.parametrize("preset", ["gin-4-16", "gcn-4-16", "sage-4-16", "gat-4-16"])
def test_gradients_reach_the_weights_through_every_single_layer(preset: str) -> None:
    x, edges, _ = a_batch()
    model = built(preset)
    hidden = torch.randn(10, 16, generator=torch.Generator().manual_seed(2))
    for number, layer in enumerate(model.layers):
        weight = torch.full((edges.shape[1],), 0.7, requires_grad=True)
        layer(x if number == 0 else hidden, edges, weight).pow(2).sum().backward()
        assert weight.grad is not None
        assert (weight.grad.abs() > 1e-6).all(), f"layer {number}"


@pytest.mark.parametrize("preset", ["gin-3-8", "gcn-3-8", "sage-3-8", "gat-3-8"])
def test_the_gradient_of_the_weights_is_the_derivative(preset: str) -> None:
    model, (x, edges, batch) = built(preset).double(), a_batch()
    weight = torch.rand(edges.shape[1], dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: model(x.double(), edges, batch, edge_weight=w), weight)


@pytest.mark.parametrize("preset", ["gin-5-16", "gcn-5-16", "sage-5-16", "gat-5-16"])
@pytest.mark.parametrize("pooling", ["sum", "mean"])
def test_the_order_of_nodes_does_not_matter(preset: str, pooling: str) -> None:
    model, (x, edges, batch) = built(preset, pooling), a_batch()
    weight = torch.rand(edges.shape[1])
    order = torch.cat([torch.randperm(5), torch.randperm(5) + 5])
    moved = torch.argsort(order)[edges]
    found = model(x[order], moved, batch, edge_weight=weight)
    assert torch.allclose(model(x, edges, batch, edge_weight=weight), found, atol=1e-5)


def test_a_graph_does_not_see_its_neighbour_in_the_batch() -> None:
    model, (x, edges, batch) = built("gin-5-16"), a_batch()
    alone = model(x[:5], edges[:, (edges < 5).all(0)])
    assert torch.allclose(model(x, edges, batch)[:1], alone, atol=1e-6)


def test_pooling_sums_or_averages() -> None:
    _, _, batch = a_batch()
    nodes = torch.arange(20.0).view(10, 2)
    assert built("gin-2-2").readout(nodes, batch, 3).tolist() == [[20.0, 25.0], [70.0, 75.0], [0.0, 0.0]]
    assert built("gin-2-2", "mean").readout(nodes, batch).tolist() == [[4.0, 5.0], [14.0, 15.0]]


@pytest.mark.fidelity
@pytest.mark.parametrize("preset", ["gin-3-16", "gcn-3-16"])
def test_the_gin_layer_and_gcn_layer_compute_their_formulas(preset: str) -> None:
    """The slow plain twin: dense matrices."""
    model, (x, edges, _) = built(preset), a_batch()
    weight = torch.rand(edges.shape[1])
    dense = torch.zeros(10, 10).index_put((edges[1], edges[0]), weight)
    layer, after = model.layers[0], model.norms[0]
    if preset.startswith("gin"):
        gathered = layer.nn(x + dense @ x)
    else:
        dense = dense + torch.eye(10)
        root = dense.sum(1).rsqrt()
        gathered = (root.unsqueeze(1) * dense * root) @ layer.lin(x) + layer.bias
    first = torch.relu(after(gathered))
    one_layer = copy.deepcopy(model)
    one_layer.layers = one_layer.layers[:1]
    assert torch.allclose(one_layer.encode(x, edges, weight, torch.zeros(10)), first, atol=1e-5)


@pytest.mark.fidelity
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("weighted", [True, False])
def test_layers_with_weights_of_one_are_those_of_torch_geometric(layer: int, weighted: bool) -> None:
    x, edges, _ = a_batch()
    x = x if layer == 0 else torch.randn(10, 16, generator=torch.Generator().manual_seed(2))
    weight = torch.ones(edges.shape[1]) if weighted else None
    sage, gat = built("sage-3-16").layers[layer], built("gat-3-16").layers[layer]
    theirs: nn.Module = SAGEConv(x.shape[1], 16)
    theirs.load_state_dict(sage.state_dict())
    assert torch.allclose(sage(x, edges, weight), theirs(x, edges), atol=1e-6)
    theirs = GATConv(x.shape[1], 4, heads=4, bias=False)
    names = {"att_src": gat.attend_source, "att_dst": gat.attend_target, "lin.weight": gat.lift.weight}
    theirs.load_state_dict(names)
    assert torch.allclose(gat(x, edges, weight), theirs(x, edges), atol=1e-6)


def test_graphsage_averages_by_weight_and_fades_into_a_node_without_neighbours() -> None:
    layer, x = built("sage-2-8").layers[0], torch.randn(3, 4, generator=torch.Generator().manual_seed(3))
    edges = torch.tensor([[1, 2], [0, 0]])
    for weight, total in ((torch.tensor([0.9, 0.6]), 1.5), (torch.tensor([0.02, 0.01]), 1.0)):
        gathered = (weight[0] * x[1] + weight[1] * x[2]) / total
        wanted = layer.lin_l.weight @ gathered + layer.lin_l.bias + layer.lin_r.weight @ x[0]
        assert torch.allclose(layer(x, edges, weight)[0], wanted, atol=1e-6)


@pytest.mark.parametrize("preset", ["gin-5-16", "gcn-3-8", "sage-3-8", "gat-3-8"])
def test_a_config_rebuilds_the_module(preset: str) -> None:
    model, (x, edges, batch) = built(preset, "mean"), a_batch()
    again = build_model(**model.config())
    again.load_state_dict(model.state_dict())
    assert torch.equal(model(x, edges, batch), again.eval()(x, edges, batch))


@pytest.mark.parametrize("preset", ["gin-3-8", "gcn-3-8", "sage-3-8", "gat-3-8"])
def test_nothing_is_made_on_the_default_device(preset: str) -> None:
    x, edges, batch = a_batch()
    with torch.device("meta"):
        model = build_model(preset, 4, 3, device=CPU)
        assert all(tensor.device == CPU for tensor in [*model.parameters(), *model.buffers()])
        logits = model(x, edges, batch)
    assert logits.device == CPU
    assert torch.isfinite(logits).all()


class Waits(TorchDispatchMode):
    """Notes every operation that would make the host wait for a device: its result decides a value or a shape."""

    WAITING = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "bincount", "equal", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        masks = [a for a in args[1] if a is not None and a.dtype == torch.bool] if "index.Tensor" in str(func) else []
        if masks or any(name in str(func) for name in self.WAITING):
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("preset", ["gin-3-8", "gcn-3-8", "sage-3-8", "gat-3-8"])
def test_forward_and_backward_never_wait_for_the_device(preset: str) -> None:
    model, (x, edges, batch) = built(preset), a_batch()
    weight = torch.rand(edges.shape[1], requires_grad=True)
    with Waits() as waits:
        float(x.sum())
        assert waits.seen == ["aten._local_scalar_dense.default"], "the watch must be awake"
        waits.seen.clear()
        model(x, edges, batch, edge_weight=weight, graphs=2).sum().backward()
    assert waits.seen == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")
@pytest.mark.parametrize("preset", ["gin-3-8", "gcn-3-8", "sage-3-8", "gat-3-8"])
def test_forward_and_backward_never_wait_for_a_real_device(preset: str) -> None:
    device = torch.device("cuda")
    model = built(preset).to(device)
    x, edges, batch = (tensor.to(device) for tensor in a_batch())
    weight = torch.rand(edges.shape[1], device=device, requires_grad=True)
    model(x, edges, batch, edge_weight=weight, graphs=2).sum().backward()
    torch.cuda.set_sync_debug_mode("error")
    try:
        model(x, edges, batch, edge_weight=weight, graphs=2).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize(
    ("preset", "kind", "words"),
    [
        ("alexnet-8", UnknownNameError, "Known: gat, gcn, gin"),
        ("gni-5-64", UnknownNameError, "Did you mean 'gin'"),
        ("gin-5", ConfigError, "`gin-DEPTH-WIDTH`, as in `gin-5-64`"),
        ("gin-5-64-2", ConfigError, "gin-DEPTH-WIDTH"),
        ("gin-five-64", ConfigError, "gin-DEPTH-WIDTH"),
        ("gin-1-64", ConfigError, "`2 <= depth <= 64` must hold, but got 1"),
        ("gat-3-30", ConfigError, "a multiple of its 4 heads, but got 30"),
        ("gin-5-0", ConfigError, "`1 <= width <= 8192` must hold, but got 0"),
        ("gin-5-99999999999999999999", ConfigError, "width"),
        ("", UnknownNameError, "Known"),
    ],
)
def test_bad_names_are_refused(preset: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=None) as caught:
        check_preset(preset)
    assert words in str(caught.value)


def test_unknown_pooling_is_refused() -> None:
    with pytest.raises(ConfigError, match="'sum' or 'mean'"):
        build_model("gin-3-8", 4, 2, "max")
