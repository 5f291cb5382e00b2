"""Students that look at the batch themselves: their programs take any number of nodes, edges and graphs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torch_geometric.nn as gnn
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn.conv import gps_conv
from torch_geometric.utils import to_dense_batch

import acgkd
from acgkd.graphs import GraphPrior
from acgkd.students.probing import compared, probes
from acgkd.students.programs import Inputs, exported
from acgkd.students.saving import load_student, save_student

PRIOR = GraphPrior(6, 12, 2.0, "categorical", 5, 3)


def perceptron(into: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(into, out), nn.BatchNorm1d(out), nn.ReLU(), nn.Linear(out, out))


class Base(nn.Module):
    """A layer, a head, and a way to be called by a data object."""

    def __init__(self, wide: int = 8) -> None:
        super().__init__()
        self.conv, self.head = gnn.GINConv(perceptron(5, 8)), nn.Linear(wide, 3)

    def forward(self, data: Any) -> Tensor:
        return F.log_softmax(self.scores(data.x, data.edge_index, data.batch), dim=1)

    def scores(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        raise NotImplementedError


class Virtual(Base):
    """A node beside each graph, as many write it: a row of an embedding for each graph, and a perceptron over them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.beside, self.second = nn.Embedding(1, 8), perceptron(8, 8), gnn.GINConv(perceptron(8, 8))

    def scores(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        beside = self.first(torch.zeros(batch[-1].item() + 1).to(edge_index.dtype))
        x = self.conv(x, edge_index).relu() + beside[batch]
        beside = self.beside(gnn.global_add_pool(x, batch) + beside)
        scores: Tensor = self.head(gnn.global_mean_pool(self.second(x + beside[batch], edge_index), batch))
        return scores


class GPS(Base):
    """Attention over all nodes of a graph."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.block = nn.Linear(5, 8), gnn.GPSConv(8, gnn.GINConv(perceptron(8, 8)), heads=2)

    def scores(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(gnn.global_add_pool(self.block(self.lift(x), edge_index, batch), batch))
        return scores


class Performer(GPS):
    """Attention in linear time, which fills views in place."""

    def __init__(self) -> None:
        super().__init__()
        self.block = gnn.GPSConv(8, gnn.GINConv(perceptron(8, 8)), heads=2, attn_type="performer")


class Transformer(Base):
    """Torch's own, over a dense batch that its author makes."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def scores(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        nodes, there = to_dense_batch(self.conv(x, edge_index), batch)
        nodes = self.block(nodes, src_key_padding_mask=~there)[there]
        scores: Tensor = self.head(gnn.global_mean_pool(nodes, batch))
        return scores


class SetToSet(Base):
    def __init__(self) -> None:
        super().__init__(16)
        self.pool = gnn.Set2Set(8, 2)

    def scores(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.conv(x, edge_index).relu(), batch))
        return scores


class Normed(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm = gnn.GraphNorm(8)

    def scores(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        nodes = self.norm(self.conv(x, edge_index), batch).relu()
        scores: Tensor = self.head(gnn.global_mean_pool(nodes, batch))
        return scores


class Attends(Base):
    """Leaves self-loops out, and adds its own: how many there are only the edges tell."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = gnn.GATConv(5, 4, heads=2)

    def scores(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(gnn.global_add_pool(self.conv(x, edge_index).relu(), batch))
        return scores


def student(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return acgkd.adapt(build().eval(), prior=PRIOR).eval()


@pytest.mark.parametrize("build", [Virtual, GPS])
def test_they_are_read_back_by_one_call(build: Callable[[], nn.Module], tmp_path: Path) -> None:
    """Two of the kinds, some 1 to 2 s each as torch follows them; the others are slow tests."""
    own = student(build)
    save_student(own, tmp_path / "own.pt", PRIOR)
    loaded = load_student(tmp_path / "own.pt")
    assert compared(own, loaded, probes(own, PRIOR, graphs=20)) < 1e-5
    assert compared(own, loaded, probes(own, PRIOR, graphs=12, weighted=True)) < 1e-5
    graphs = [Data(x=torch.eye(5)[:n], edge_index=torch.tensor([[0, 1], [1, 0]])[:, : 2 * (n > 1)]) for n in (5, 1)]
    empty = Data(x=torch.empty(0, 5), edge_index=torch.empty(2, 0).long())
    with torch.no_grad():
        alone, last = (loaded(Batch.from_data_list([*graphs, *more])) for more in ([], [empty, empty]))
        torch.testing.assert_close(last[:2], alone)
        torch.testing.assert_close(last[2], loaded(Batch.from_data_list([empty]))[0])
        torch.testing.assert_close(loaded(graphs[1]), alone[1:])


@pytest.mark.slow
@pytest.mark.parametrize("to", ["safetensors", "torch", "onnx"])
@pytest.mark.parametrize("build", [Virtual, GPS, Performer, Transformer, SetToSet, Normed, Attends])
def test_they_are_exported_to_all_forms(build: Callable[[], nn.Module], to: Any, tmp_path: Path) -> None:
    suffix = {"safetensors": ".safetensors", "torch": ".pt2", "onnx": ".onnx"}[to]
    weighted = to != "safetensors"
    done = acgkd.export_student(student(build), tmp_path / f"own{suffix}", to=to, prior=PRIOR, edge_weight=weighted)
    assert done.difference < 1e-5


# ---- ways to ask a batch


def by_int(batch: Tensor) -> Tensor:
    return torch.ones(int(batch.max()) + 1, 2)


def by_item(batch: Tensor) -> Tensor:
    return torch.ones(batch[-1].item() + 1, 2)  # type: ignore[call-overload, no-any-return]


def by_tensor(batch: Tensor) -> Tensor:
    return torch.ones(int((batch.max() + 1).long()), 2)


def by_count(batch: Tensor) -> Tensor:
    return torch.bincount(batch).float().unsqueeze(1)


def by_view(batch: Tensor) -> Tensor:
    return batch.new_ones((1 + batch.view(-1).max(), 2)).float()  # type: ignore[arg-type]


class Asks(nn.Module):
    def __init__(self, ask: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.ask = ask

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        asked = self.ask(batch)
        return gnn.global_add_pool(x, batch) + asked.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("ask", [by_int, by_item, by_tensor, by_count, by_view])
def test_however_a_batch_is_asked_the_answer_stays_open(ask: Callable[[Tensor], Tensor]) -> None:
    edges, module = torch.tensor([[0, 1], [1, 0]]), Asks(ask)
    program = exported(module, Inputs((torch.rand(4, 3), edges, torch.tensor([0, 0, 1, 1])))).module()
    for batch in ([0, 1, 1, 2, 4], [0]):
        given = torch.rand(len(batch), 3), edges[:, :0], torch.tensor(batch)
        torch.testing.assert_close(program(*given), module(*given))


class Breaks(GPS):
    def scores(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        return super().scores(x, edge_index, batch) * float(x.sum())  # a number of Python's, which none can keep open

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:  # type: ignore[override]
        return self.scores(x, edge_index, batch)


def test_nothing_is_left_behind_where_a_module_cannot_be_followed() -> None:
    module = Breaks().eval()
    given = Inputs((torch.rand(4, 5), torch.tensor([[0, 1], [1, 0]]), torch.tensor([0, 0, 1, 1])))
    with pytest.raises(Exception, match="data-dependent"):
        exported(module, given)
    assert "int" not in vars(gps_conv)
    assert gps_conv.to_dense_batch is to_dense_batch
    assert "int" not in globals()
    assert torch.backends.mha.get_fastpath_enabled()
    assert "forward" not in vars(module.block.attn)


def test_attention_weighs_edges_beside_self_loops() -> None:
    own, batch = student(Attends), torch.tensor([0, 0, 0, 1])
    x, edges = torch.eye(5)[:4], torch.tensor([[0, 1, 2, 2, 1], [1, 0, 2, 1, 2]])
    torch.testing.assert_close(own(x, edges, batch, edge_weight=torch.ones(5)), own(x, edges, batch))
    without = own(x, edges[:, :3], batch)
    torch.testing.assert_close(own(x, edges, batch, edge_weight=torch.tensor([1.0, 1, 0.3, 0, 0])), without)
    assert not torch.allclose(own(x, edges, batch), without)


def test_attention_weighs_edges_where_every_node_has_a_self_loop_somewhere() -> None:
    own, batch = student(Attends), torch.tensor([0, 0, 0])
    x, edges = torch.eye(5)[:3], torch.tensor([[0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 0]])
    faded = own(x, edges, batch, edge_weight=torch.tensor([1.0, 0, 1, 1, 1, 1]))
    torch.testing.assert_close(faded, own(x, edges[:, [0, 2, 3, 4, 5]], batch))
