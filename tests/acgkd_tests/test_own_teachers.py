"""Teachers as people have them: found, compared with themselves, taken, or refused in one sentence."""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torch_geometric.data as gdata
import torch_geometric.nn as gnn
from torch import Tensor, nn

import acgkd
from acgkd.errors import CheckpointError, ConfigError, TeacherError
from acgkd.graphs import GRAPHS, GraphPrior
from acgkd.graphs.batch import collate
from acgkd.models import build_model
from acgkd.teachers.teacher import as_teacher, load_weights

CPU = torch.device("cpu")
NONE = torch.empty(2, 0, dtype=torch.long)
PRIOR = GraphPrior(6, 12, 2.0, "categorical", 5, 3)


def perceptron(into: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(into, out), nn.BatchNorm1d(out), nn.ReLU(), nn.Linear(out, out))


class Net(nn.Module):
    """Layers, a pooling, a head."""

    def __init__(self, layers: nn.Module, head: nn.Module, pool: Callable[..., Tensor] = gnn.global_add_pool) -> None:
        super().__init__()
        self.layers, self.head, self.pool = layers, head, pool

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.layers(x, edge_index), batch))
        return scores


class Jumping(Net):
    """Every layer's nodes are read."""

    def __init__(self, mode: str) -> None:
        super().__init__(nn.Identity(), nn.Linear(24 if mode == "cat" else 8, 3))
        self.convs = nn.ModuleList(gnn.GINConv(perceptron(5 if number == 0 else 8, 8)) for number in range(3))
        self.jump = gnn.JumpingKnowledge(mode)

    def nodes(self, x: Tensor, edge_index: Tensor) -> Tensor:
        every = []
        for layer in self.convs:
            x = layer(x, edge_index).relu()
            every.append(x)
        jumped: Tensor = self.jump(every)
        return jumped

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.nodes(x, edge_index), batch))
        return scores


class Virtual(Jumping):
    """A node that all nodes of a graph talk to."""

    def __init__(self) -> None:
        super().__init__("max")

    def nodes(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:  # type: ignore[override]
        for number, layer in enumerate(self.convs):
            x = layer(x, edge_index).relu()
            if number == 0:
                x = x + gnn.global_add_pool(x, batch)[batch]
        return x

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.nodes(x, edge_index, batch), batch))
        return scores


class Data(Net):
    """Is called with a batch of torch_geometric, and says logarithms."""

    def forward(self, data: Any) -> Tensor:  # type: ignore[override]
        scores = self.head(self.pool(self.layers(data.x, data.edge_index), data.batch))
        return F.log_softmax(scores, dim=1)


class GPS(Net):
    """Message passing and attention over all nodes of a graph, side by side."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(5, 8), nn.Linear(8, 3))
        self.blocks = nn.ModuleList(gnn.GPSConv(8, gnn.GINConv(perceptron(8, 8)), heads=2) for _ in range(2))

    def nodes(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        nodes: Tensor = self.layers(x)
        for block in self.blocks:
            nodes = block(nodes, edge_index, batch)
        return nodes

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.nodes(x, edge_index, batch), batch))
        return scores


class Plain(nn.Module):
    """As tutorials write it: layers in a list, functions between them, no part that embeds nodes."""

    def __init__(self, pool: Callable[[Tensor, Tensor], Tensor], joined: int = 1) -> None:
        super().__init__()
        self.convs = nn.ModuleList([gnn.GINConv(perceptron(5, 8)), gnn.GINConv(perceptron(8, 8))])
        self.head, self.pool = nn.Linear(8 * joined, 3), pool

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.elu(conv(x, edge_index))
        scores: Tensor = self.head(F.dropout(self.pool(x, batch), training=self.training))
        return scores


def mean_and_max(nodes: Tensor, batch: Tensor) -> Tensor:
    return torch.cat([gnn.global_mean_pool(nodes, batch), gnn.global_max_pool(nodes, batch)], dim=1)


def gin() -> nn.Module:
    return gnn.GIN(5, 8, num_layers=2, norm="batch_norm")


FOUND: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "GIN, perceptron head": (lambda: Net(gin(), gnn.MLP([8, 8, 3], norm=None, dropout=0.5)), "readout='sum'"),
    "GIN with jumping knowledge": (lambda: Net(gnn.GIN(5, 8, 3, jk="cat"), nn.Linear(8, 3)), "readout='sum'"),
    "GCN, mean": (lambda: Net(gnn.GCN(5, 8, 2), nn.Linear(8, 3), gnn.global_mean_pool), "readout='mean'"),
    "GAT, max": (lambda: Net(gnn.GAT(5, 8, 2, heads=2), nn.Linear(8, 3), gnn.global_max_pool), "readout='max'"),
    "GATv2": (lambda: Net(gnn.GAT(5, 8, 2, v2=True), nn.Linear(8, 3)), "readout='sum'"),
    "GraphSAGE": (lambda: Net(gnn.GraphSAGE(5, 8, 2), nn.Linear(8, 3)), "readout='sum'"),
    "two poolings": (lambda: Net(gin(), nn.Linear(16, 3), mean_and_max), r"readout=\['mean', 'max'\]"),
    "global attention": (
        lambda: Net(gin(), nn.Linear(8, 3), gnn.AttentionalAggregation(nn.Linear(8, 1))),
        "readout='pool'",
    ),
    "Set2Set": (lambda: Net(gin(), nn.Linear(16, 3), gnn.Set2Set(8, 2)), "readout='pool'"),
    "a data object": (lambda: Data(gin(), nn.Linear(8, 3)), "readout='sum'"),
}
# No part of these embeds nodes.
PLAIN: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "layers in a list, sum": (lambda: Plain(gnn.global_add_pool), "readout='sum'"),
    "layers in a list, mean": (lambda: Plain(gnn.global_mean_pool), "readout='mean'"),
    "layers in a list, two poolings": (lambda: Plain(mean_and_max, joined=2), r"readout=\['mean', 'max'\]"),
    "jumping knowledge, cat": (lambda: Jumping("cat"), "readout='sum'"),
    "jumping knowledge, max": (lambda: Jumping("max"), "readout='sum'"),
}
# These look at the batch before they pool.
BATCHED: dict[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    "virtual node": (Virtual, {"encode": "nodes", "classifier": "head"}),
    "GPS": (GPS, {"encode": "nodes", "classifier": "head"}),
}


def made(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = build()
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean.normal_()  # type: ignore[union-attr]
                layer.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
    return module.eval()


@pytest.mark.parametrize("name", FOUND)
def test_the_wiring_is_found_and_said(name: str, caplog: pytest.LogCaptureFixture) -> None:
    build, words = FOUND[name]
    teacher = acgkd.adapt(made(build), prior=PRIOR)
    assert __import__("re").search(rf"encode='layers', {words}, classifier='head'", caplog.text), caplog.text
    GRAPHS.check_teacher(as_teacher(teacher, CPU), PRIOR)
    assert acgkd.adapt(made(build)).width == teacher.width, "without a prior too"


@pytest.mark.parametrize("name", PLAIN)
def test_a_module_without_a_part_that_embeds_nodes_does_it_by_its_own_forward(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    build, words = PLAIN[name]
    module = made(build)
    teacher = acgkd.adapt(module, prior=PRIOR)
    assert __import__("re").search(rf"encode=its own forward up to 'head', {words}, classifier='head'", caplog.text)
    GRAPHS.check_teacher(as_teacher(teacher, CPU), PRIOR)
    copied = copy.deepcopy(teacher)
    x, edges, batch = torch.eye(5), torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]]), torch.tensor([0, 0, 1, 1, 1])
    scores = teacher(x, edges, batch)
    assert torch.allclose(scores, module(x, edges, batch), atol=1e-5)
    with torch.no_grad():
        module.get_parameter("head.weight").zero_()
        next(iter(module.parameters())).zero_()
    assert torch.allclose(copied(x, edges, batch), scores, atol=1e-5), "a copy has layers of its own"
    module.head = nn.Identity()  # type: ignore[assignment]
    module.forward = lambda x, edge_index, batch: x  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="does not call `head`"):
        teacher(x, edges, batch)


@pytest.mark.parametrize("name", BATCHED)
def test_of_a_module_that_looks_at_the_batch_the_pooling_is_caught(name: str, caplog: pytest.LogCaptureFixture) -> None:
    build, parts = BATCHED[name]
    module = made(build)
    GRAPHS.check_teacher(as_teacher(acgkd.adapt(module, **parts), CPU), PRIOR)
    teacher = acgkd.adapt(module, prior=PRIOR)
    assert "encode=its own forward up to its pooling, readout='sum', classifier='head'" in caplog.text
    copied = copy.deepcopy(teacher)
    x, edges, batch = torch.eye(5), torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]]), torch.tensor([0, 0, 1, 1, 1])
    scores = module(x, edges, batch)
    assert torch.allclose(copied(x, edges, batch), scores, atol=1e-5)


KINDS = {**{name: (build, {}) for name, (build, _) in (FOUND | PLAIN).items()}, **BATCHED}


@pytest.fixture(scope="module")
def students(tiny: ModuleType) -> Callable[[str], nn.Module]:
    """A student of each kind of teacher, as it is taught without data."""
    prior = {"nodes": [6, 12], "features": "categorical", "feature_count": 5, "classes": 3, "mean_degree": 2.0}

    @cache
    def taught(name: str) -> nn.Module:
        build, parts = KINDS[name]
        teacher = acgkd.adapt(made(build), **parts)
        # No preset pools by the maximum, so that none can end in the classifier of what does.
        transfer = {"steps": 2, "projection": "none" if teacher.pooling == "max" else "gat"}
        method = {"name": "acgkd", "synthesis": {"graphs": 6, "steps": 2}, "transfer": transfer}
        options = {"prior": prior, "method": method, "device": "cpu", "lower_control": False, "agreement": False}
        return acgkd.distill(teacher, "gin-2-8", **options).student

    return taught


@pytest.mark.parametrize("name", KINDS)
def test_it_teaches_and_its_student_is_called_read_back_and_exported(
    name: str, students: Callable[[str], nn.Module], tmp_path: Path
) -> None:
    student = students(name)
    acgkd.export_student(student, tmp_path / "student.safetensors", to="safetensors")
    loaded = acgkd.load_student(tmp_path / "student.safetensors")
    generator = torch.Generator().manual_seed(0)
    graphs = [
        gdata.Data(x=torch.rand(n, 5, generator=generator), edge_index=torch.randint(n, (2, 2 * n)) if n > 1 else NONE)
        for n in (7, 1, 0, 9)
    ]
    batch: Any = gdata.Batch.from_data_list(graphs)
    with torch.no_grad():
        scores = loaded(batch.x, batch.edge_index, batch.batch)
        assert scores.shape == (4, 3)
        assert torch.equal(scores, GRAPHS.logits(student, collate(graphs, CPU)))
        assert torch.equal(loaded(batch), scores)


@pytest.mark.slow
@pytest.mark.parametrize("to", [".pt2", ".onnx"])
@pytest.mark.parametrize("name", KINDS)
def test_its_student_is_a_program_too(name: str, to: str, students: Callable[[str], nn.Module], tmp_path: Path) -> None:
    form: Any = {".pt2": "torch", ".onnx": "onnx"}[to]
    done = acgkd.export_student(students(name), tmp_path / f"student{to}", to=form, edge_weight=True)
    assert done.samples == "50 graphs"
    assert done.difference < 1e-5


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: Net(gnn.GraphSAGE(5, 8, 2, aggr="max"), nn.Linear(8, 3)),
            "cannot fade a message out of that",
        ),
        (
            lambda: Net(
                gnn.PNA(5, 8, 2, aggregators=["mean"], scalers=["identity"], deg=torch.ones(4)), nn.Linear(8, 3)
            ),
            "gathers messages by",
        ),
        (lambda: Net(gnn.TransformerConv(5, 8), nn.Linear(8, 3)), "normalises attention inside its messages"),
        (lambda: nn.Sequential(nn.Linear(5, 3)), "no layers of torch_geometric that pass messages"),
    ],
)
def test_what_does_not_fit_is_refused(build: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(TeacherError, match=words):
        acgkd.adapt(made(build))


class TopK(Net):
    """Drops nodes."""

    def __init__(self) -> None:
        super().__init__(gin(), nn.Linear(8, 3))
        self.drop = gnn.TopKPooling(8, 0.5)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        x, edge_index, _, batch, _, _ = self.drop(self.layers(x, edge_index), edge_index, None, batch)
        scores: Tensor = self.head(self.pool(x, batch))
        return scores


def test_pooling_that_drops_nodes_is_refused() -> None:
    with pytest.raises(TeacherError, match=r"`drop` .*drops nodes"):
        acgkd.adapt(made(TopK))


class TwoStepHead(Net):
    """Naming the last layer alone as the classifier skips `first`."""

    def __init__(self) -> None:
        super().__init__(gin(), nn.Linear(8, 3))
        self.first = nn.Linear(8, 8)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(self.first(self.pool(self.layers(x, edge_index), batch)).relu())
        return scores


def test_a_wrong_wiring_is_refused_with_the_difference() -> None:
    module = made(TwoStepHead)
    words = r"class scores of its module's `forward`, but they differ by up to [\d.]+: .* one module, named as"
    with pytest.raises(TeacherError, match=words):
        acgkd.adapt(module, encode="layers", readout="sum", classifier="head", prior=PRIOR)
    unseen = acgkd.adapt(module, encode="layers", readout="sum", classifier="head")
    prior = {"nodes": [6, 12], "features": "categorical", "feature_count": 5, "classes": 3, "mean_degree": 2.0}
    with pytest.raises(TeacherError, match=words):
        acgkd.adapt(module, encode="layers", readout="sum", classifier="head", prior=prior)
    with pytest.raises(ConfigError, match="the prior is of images"):
        acgkd.adapt(module, prior={"shape": [1, 8, 8], "classes": 3})
    with pytest.raises(TeacherError, match=words):
        acgkd.distill(unseen, "gin-2-8", prior=prior, device="cpu")


class Embeds(Net):
    """Looks rows of an embedding up."""

    def __init__(self, look: Callable[[Tensor], Tensor]) -> None:
        super().__init__(gnn.GIN(6, 8, num_layers=2), nn.Linear(8, 3))
        self.table, self.look = nn.Embedding(5, 6), look

    def nodes(self, x: Tensor, edge_index: Tensor) -> Tensor:
        found = self.look(x)
        rows = found @ self.table.weight if found.is_floating_point() else self.table(found)
        nodes: Tensor = self.layers(rows, edge_index)
        return nodes


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (lambda x: x.argmax(-1), r"reach the node features .* `argmax` cuts them off\. .*`x @ embedding\.weight`"),
        (lambda x: x.detach(), r"reach the node features .* `detach` cuts them off\. Leave it out"),
        (lambda x: x.round(), r"reach the node features .* `round` cuts them off"),
    ],
)
def test_what_cuts_the_gradient_to_features_is_named(look: Callable[[Tensor], Tensor], words: str) -> None:
    teacher = acgkd.adapt(made(lambda: Embeds(look)), encode="nodes", classifier="head")
    with pytest.raises(TeacherError, match=words):
        GRAPHS.check_teacher(teacher, PRIOR)
    soft = acgkd.adapt(made(lambda: Embeds(lambda x: x)), encode="nodes", classifier="head")
    GRAPHS.check_teacher(soft, PRIOR)


# ---- values


def spoiled(how: str) -> nn.Module:
    module = made(lambda: Net(gin(), nn.Linear(8, 1 if how == "one class" else 3)))
    with torch.no_grad():
        if how == "nan":
            module.head.weight[0, 0] = float("nan")  # type: ignore[index,union-attr]
        if how == "memory":
            next(part for part in module.modules() if isinstance(part, nn.BatchNorm1d)).running_var[0] = float("inf")  # type: ignore
    return {"float64": module.double, "float16": module.half}.get(how, lambda: module)()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("float64", r"must be float32, but `layers\S+` of \w+ is float64\. Call `module\.float\(\)`"),
        ("float16", "is float16"),
        ("nan", r"weights must be finite, but `\S*head\.weight`"),
        ("memory", r"BatchNorm memory must be finite, but `\S+\.running_var`"),
        ("one class", "must score two classes or more"),
    ],
)
def test_numbers_that_no_teacher_may_have_get_a_sentence(how: str, words: str) -> None:
    with pytest.raises(TeacherError, match=words):
        acgkd.adapt(spoiled(how), encode="layers", classifier="head")


# ---- checkpoints


FORMS = ["own", "not prefixed", "wrapped", "lightning", "lightning, with a metric", "compiled", "safetensors"]


@pytest.mark.parametrize("form", FORMS)
def test_weights_come_in_as_people_keep_them(form: str, tmp_path: Path) -> None:
    module = made(FOUND["GIN, perceptron head"][0])
    teacher = acgkd.adapt(module, encode="layers", classifier="head")
    state, path = module.state_dict(), tmp_path / ("w.safetensors" if form == "safetensors" else "w.pt")
    if form == "safetensors":
        __import__("safetensors.torch").torch.save_file(state, path)
    else:
        content: Any = {
            "own": teacher.state_dict(),
            "not prefixed": state,
            "wrapped": {"epoch": 3, "model_state_dict": state},
            "lightning": {"epoch": 3, "state_dict": {f"model.{name}": value for name, value in state.items()}},
            "lightning, with a metric": {
                "state_dict": {"loss.weight": torch.ones(3), **{f"net.model.{key}": state[key] for key in state}}
            },
            "compiled": {f"module._orig_mod.{name}": value for name, value in state.items()},
        }[form]
        torch.save(content, path)
    fresh = acgkd.adapt(FOUND["GIN, perceptron head"][0](), encode="layers", classifier="head")
    load_weights(fresh, path)
    for name, value in fresh.state_dict().items():
        assert torch.equal(value, teacher.state_dict()[name])


def test_a_file_of_several_models_names_its_keys(tmp_path: Path) -> None:
    state = made(gin).state_dict()
    path = tmp_path / "w.pt"
    torch.save({"epoch": 3, "student": state, "teacher": {"ema": state, "steps": 7}}, path)
    acgkd.load_weights(made(gin), path)  # the only one at the top
    torch.save({"epoch": 3, "student": state, "ema": state, "teacher": {"ema": state, "steps": 7}}, path)
    with pytest.raises(CheckpointError, match=r"holds several; its keys: `epoch`, `student`, .* `checkpoint_key: stud"):
        acgkd.load_weights(made(gin), path)
    for key in ("student", "teacher/ema"):
        acgkd.load_weights(made(gin), path, key=key)
    with pytest.raises(CheckpointError, match=r"nothing under `pupil`: no `pupil`; its keys: `epoch`, `stu"):
        acgkd.load_weights(made(gin), path, key="pupil")
    with pytest.raises(CheckpointError, match=r"no `last`; its keys: `ema`, `steps`\."):
        acgkd.load_weights(made(gin), path, key="teacher/last")
    with pytest.raises(CheckpointError, match=r"a state dict under `teacher`, but holds something else; its keys"):
        acgkd.load_weights(made(gin), path, key="teacher")
    with pytest.raises(CheckpointError, match="which has no keys: leave `checkpoint_key` out"):
        acgkd.load_weights(made(gin), tmp_path / "w.safetensors", key="teacher")


def test_yaml_and_python_say_the_same_of_a_key(tmp_path: Path) -> None:
    from acgkd.config import PriorConfig, TeacherConfig
    from sweeps.spec.checks.catalog_checks import checkpoint_law

    path, prior = tmp_path / "w.pt", PriorConfig(nodes=(6, 12), features="categorical", feature_count=5, classes=3)
    state = build_model("gin-2-8", 5, 3).state_dict()
    torch.save({"student": state, "teacher": state}, path)

    def said(key: str | None, file: str | None = str(path)) -> list[str]:
        teacher = TeacherConfig(preset="gin-2-8", checkpoint=file, checkpoint_key=key)
        return [fault.message for fault in checkpoint_law(teacher, prior, None)]

    assert said("teacher") == []
    for key in (None, "pupil"):
        with pytest.raises(CheckpointError) as error:
            acgkd.load_weights(build_model("gin-2-8", 5, 3), path, key=key)
        assert said(key) == [str(error.value)]
    assert said("teacher", None) == ["It says where in `checkpoint` the weights are, but there is none."]
    assert "checkpoint_key" not in TeacherConfig(preset="gin-2-8").model_dump(mode="json")


# ---- large teachers


def test_a_large_teacher_shows_how_far_it_is_and_may_be_spared_the_pool(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from acgkd.run import direct, reference_pool

    monkeypatch.setattr(direct, "EVERY", 1e-4)
    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 2}),))  # type: ignore
    teacher = acgkd.adapt(made(FOUND["GCN, mean"][0]))
    prior = {"nodes": [6, 12], "features": "categorical", "feature_count": 5, "classes": 3, "mean_degree": 2.0}
    method = {"name": "acgkd", "synthesis": {"graphs": 6, "steps": 3}, "transfer": {"steps": 2, "projection": "none"}}
    options: dict[str, Any] = {"prior": prior, "method": method, "device": "cpu", "seed": 1}
    found = acgkd.distill(teacher, "gin-2-8", **options, progress=True)
    said = capsys.readouterr().err
    for words in (r"^acgkd: \d+%$", "^reference pool: ", "^lower control, random_graphs: "):
        assert __import__("re").search(words, said, __import__("re").MULTILINE), said
    assert found.agreement is not None
    assert caplog.text.count("has no BatchNorm layer") <= 1, "however many ask"
    other = acgkd.distill(teacher, "gin-2-8", **options, agreement=False)
    assert capsys.readouterr().err == "", "nobody looks"
    assert other.agreement is None
    assert other.worth.informative
    for name, value in other.student.state_dict().items():
        assert torch.equal(value, found.student.state_dict()[name]), "watching changes nothing"
