"""Students and adapted teachers as their owners use them: saved, loaded, called on a batch, exported."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch_geometric.nn as gnn
from torch import Tensor, nn
from torch.export import Dim
from torch_geometric.data import Batch, Data

import acgkd
from acgkd.errors import ConfigError, TeacherError
from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import collate
from acgkd.images import IMAGES
from acgkd.images.batch import ImageBatch
from acgkd.models import build_model
from acgkd.students.projection import ProjectedStudent
from acgkd.students.saving import save_student

CPU = torch.device("cpu")


class Net(nn.Module):
    """A plain torch_geometric module."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers, self.head = layers, nn.Linear(8, 2)


def lifted(preset: str, pooling: str) -> nn.Module:
    return ProjectedStudent(build_model(preset, 4, 2, pooling=pooling), nn.Linear(12, 2), 12, CPU)


def adapted(layers: nn.Module, pooling: str) -> nn.Module:
    return acgkd.adapt(Net(layers), encode="layers", readout=pooling, classifier="head")


MADE = {
    "gin": lambda: build_model("gin-3-8", 4, 2),
    "gcn, mean": lambda: build_model("gcn-3-8", 4, 2, pooling="mean"),
    "gin lifted": lambda: lifted("gin-3-8", "sum"),
    "gcn lifted, mean": lambda: lifted("gcn-3-8", "mean"),
    "adapted GIN": lambda: adapted(gnn.GIN(4, 8, num_layers=2, norm="batch_norm"), "sum"),
    "adapted GCN, max": lambda: adapted(gnn.GCN(4, 8, num_layers=2), "max"),
    "adapted GAT, mean": lambda: adapted(gnn.GAT(4, 8, num_layers=2, heads=2), "mean"),
}
SAVED = [name for name in MADE if "adapted" not in name]


def made(name: str) -> nn.Module:
    """Untrained, with a BatchNorm memory that is not the default one, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MADE[name]()
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2.0)
    return model.eval()


def some_graphs(*sizes: int, seed: int = 0) -> list[Data]:
    """Cycles with random features."""
    generator = torch.Generator().manual_seed(seed)
    graphs = []
    for size in sizes:
        ring = torch.arange(size)
        around = torch.stack([ring, (ring + 1) % size])
        x = torch.randn(size, 4, generator=generator)
        graphs.append(Data(x=x, edge_index=torch.cat([around, around.flip(0)], dim=1)))
    return graphs


def inputs(graphs: list[Data]) -> tuple[Tensor, Tensor, Tensor]:
    """As torch_geometric batches them."""
    batch: Any = Batch.from_data_list(graphs)
    return batch.x, batch.edge_index, batch.batch


@pytest.mark.parametrize("name", MADE)
def test_a_call_gives_the_logits_of_evaluation(name: str) -> None:
    model, graphs = made(name), some_graphs(5, 9, 14)
    with torch.no_grad():
        logits = model(*inputs(graphs))
        assert torch.equal(logits, GRAPHS.logits(model, collate(graphs, CPU)))
        assert torch.equal(logits, model(*inputs(graphs), graphs=3))
        # A graph without nodes comes last only where somebody says how many graphs there are.
        assert torch.equal(model(*inputs(graphs), graphs=4)[:3], logits)
    assert logits.shape == (3, 2)


@pytest.mark.parametrize("name", MADE)
def test_without_a_batch_all_nodes_are_one_graph(name: str) -> None:
    model, (graph,) = made(name), some_graphs(6)
    alone = model(graph.x, graph.edge_index)
    assert torch.equal(alone, model(graph.x, graph.edge_index, torch.zeros(6, dtype=torch.long)))
    assert alone.shape == (1, 2)


@pytest.mark.parametrize("name", MADE)
def test_edge_weights_are_passed_by_keyword(name: str) -> None:
    model, graphs = made(name), some_graphs(5, 7)
    generator = torch.Generator().manual_seed(1)
    for graph in graphs:
        graph.edge_weight = torch.rand(graph.num_edges, generator=generator)
    batch = collate(graphs, CPU)
    with torch.no_grad():
        weighted = model(*inputs(graphs), edge_weight=batch.edge_weight)
        assert torch.equal(weighted, GRAPHS.logits(model, batch))
        assert not torch.allclose(weighted, model(*inputs(graphs)), atol=1e-4)


@pytest.mark.parametrize("name", MADE)
def test_a_graph_without_edges_and_a_single_node_are_graphs(name: str) -> None:
    model, none = made(name), torch.empty(2, 0, dtype=torch.long)
    x = some_graphs(4)[0].x
    edgeless, single = model(x, none), model(x[:1], none)
    assert edgeless.shape == single.shape == (1, 2)
    # Beside others they are what they are alone.
    graphs = [Data(x=x, edge_index=none), Data(x=x[:1], edge_index=none), *some_graphs(5, seed=1)]
    torch.testing.assert_close(model(*inputs(graphs))[:2], torch.cat([edgeless, single]))


def test_weights_in_the_place_of_the_batch_are_refused() -> None:
    (graph,) = some_graphs(5)
    with pytest.raises(ConfigError, match=r"float32.*passed as `edge_weight=`"):
        made("gin")(graph.x, graph.edge_index, torch.ones(10))


# ---- exported


def exported(model: nn.Module, graphs: list[Data]) -> Any:
    """For any number of nodes, edges and graphs."""
    shapes = ({0: Dim.DYNAMIC}, {1: Dim.DYNAMIC}, {0: Dim.DYNAMIC})
    return torch.export.export(model, inputs(graphs), dynamic_shapes=shapes).module()


@pytest.mark.parametrize("name", MADE)
def test_an_exported_model_computes_the_same_on_graphs_of_other_sizes(name: str) -> None:
    model = made(name)
    program = exported(model, some_graphs(5, 9, 14))
    for graphs in (some_graphs(5, 9, 14), some_graphs(3, 4, 12, 7, 6, seed=1)):
        torch.testing.assert_close(program(*inputs(graphs)), model(*inputs(graphs)))


def test_weights_that_an_export_would_lose_are_refused() -> None:
    graphs = some_graphs(5, 9)
    given = {"edge_weight": torch.full((28,), 0.5)}
    kept = made("adapted GCN, max")
    program = torch.export.export(kept, inputs(graphs), given).module()
    torch.testing.assert_close(program(*inputs(graphs), **given), kept(*inputs(graphs), **given))
    with pytest.raises(TeacherError, match=r"`layers\.convs\.0` \(GINConv\).*Leave `edge_weight` out"):
        torch.export.export(made("adapted GIN"), inputs(graphs), given)


# ---- saved and loaded


@pytest.mark.parametrize("name", SAVED)
def test_a_loaded_student_is_called_like_the_one_that_was_saved(name: str, tmp_path: Path) -> None:
    student, given = made(name), inputs(some_graphs(5, 9, 14))
    save_student(student, tmp_path / "student.pt")
    assert torch.equal(acgkd.load_student(tmp_path / "student.pt")(*given), student(*given))


@pytest.mark.parametrize("projection", ["none", "gat"])
def test_what_distill_saves_is_called_and_exported(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, projection: str
) -> None:
    monkeypatch.setitem(
        __import__("acgkd.run.reference_pool", fromlist=["PRESETS"]).PRESETS,
        "graphs",
        (("acgkd", {"graphs": 8, "steps": 2}),),
    )
    teacher = adapted(gnn.GIN(4, 8, num_layers=2, norm="batch_norm"), "sum")
    method = {"name": "acgkd", "synthesis": tiny.SYNTHESIS, "transfer": {**tiny.TRANSFER, "projection": projection}}
    prior = tiny.PRIOR_CONFIG.model_dump()
    distilled = acgkd.distill(teacher, "gin-2-8", prior=prior, method=method, device="cpu")
    distilled.save(tmp_path / "student.pt")
    student, graphs = acgkd.load_student(tmp_path / "student.pt"), some_graphs(5, 9, 14)
    with torch.no_grad():
        assert torch.equal(student(*inputs(graphs)), GRAPHS.logits(distilled.student, collate(graphs, CPU)))
    torch.testing.assert_close(exported(student, graphs)(*inputs(graphs)), student(*inputs(graphs)))


@pytest.mark.parametrize("preset", ["lenet5-half-bn", "resnet-8"])
def test_a_loaded_image_student_is_called_on_images_and_exported(preset: str, tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        student, images = build_model(preset, 1, 3).eval(), torch.randn(4, 1, 32, 32)
    save_student(student, tmp_path / "student.pt")
    loaded = acgkd.load_student(tmp_path / "student.pt")
    with torch.no_grad():
        logits = loaded(images)
        assert torch.equal(logits, IMAGES.logits(student, ImageBatch(images)))
        torch.testing.assert_close(torch.export.export(loaded, (images,)).module()(images), logits)
