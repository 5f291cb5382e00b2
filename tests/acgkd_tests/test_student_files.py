"""Whatever a student ends in, its file is read back by one call; what no file can say is marked."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch_geometric.nn as gnn
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

import acgkd
from acgkd.errors import CheckpointError, ConfigError
from acgkd.graphs import GRAPHS, GraphPrior
from acgkd.graphs.batch import collate
from acgkd.models import build_model
from acgkd.students.program_guard import require_plain
from acgkd.students.program_student import ProgramStudent
from acgkd.students.programs import Inputs, exported, packed
from acgkd.students.projection import ProjectedStudent
from acgkd.students.recipes import build, recipe_of
from acgkd.students.saving import load_student, save_student

CPU = torch.device("cpu")
PRIOR = GraphPrior(4, 12, 2.2, "categorical", 4, 2)


class TwoSteps(nn.Module):
    """A head of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(12, 6), nn.Dropout(0.5), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(self.drop(self.first(x).relu()))
        return scores


class Jumps(TwoSteps):
    """A head that no program can say: what it computes depends on numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.detach().sum() > 0 else -super().forward(x)


class Tanh(nn.Tanh):
    """Has the name of torch's own."""

    def forward(self, input: Tensor) -> Tensor:
        return torch.tanh(2 * input)


DESCRIBED: dict[str, Callable[[], nn.Module]] = {
    "perceptron": lambda: gnn.MLP([12, 6, 2], norm=None, dropout=0.5),
    "perceptron with norms": lambda: gnn.MLP([12, 6, 6, 2], norm="layer_norm", act="tanh", bias=False),
    "perceptron, plain to the end": lambda: gnn.MLP([12, 6, 2], plain_last=False, act_first=True),
    "sequential": lambda: nn.Sequential(nn.Linear(12, 6), nn.BatchNorm1d(6, eps=1e-2), nn.PReLU(), nn.Linear(6, 2)),
    "nested": lambda: nn.Sequential(nn.Sequential(nn.Dropout(0.1), gnn.Linear(12, 6)), nn.ELU(0.5), nn.Linear(6, 2)),
    "without bias": lambda: nn.Linear(12, 2, bias=False),
}
PROGRAMS: dict[str, Callable[[], nn.Module]] = {
    "own class": TwoSteps,
    "own class inside": lambda: nn.Sequential(nn.Linear(12, 6), Tanh(), nn.Linear(6, 2)),
}


def lifted(head: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        student = ProjectedStudent(build_model("gin-2-8", 4, 2), head(), 12, CPU)
        for layer in student.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2.0)
    return student.eval()


def some_graphs(*sizes: int) -> list[Data]:
    generator = torch.Generator().manual_seed(0)
    return [
        Data(
            x=torch.randn(size, 4, generator=generator),
            edge_index=torch.randint(size, (2, 2 * size), generator=generator) if size else torch.empty(2, 0).long(),
        )
        for size in sizes
    ]


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("name", [*DESCRIBED, *PROGRAMS])
def test_every_head_is_read_back_by_one_call(name: str, suffix: str, tmp_path: Path) -> None:
    student, graphs = lifted({**DESCRIBED, **PROGRAMS}[name]), some_graphs(5, 9)
    path = tmp_path / f"student{suffix}"
    save_student(student, path)
    loaded = load_student(path)
    with torch.no_grad():
        assert torch.equal(GRAPHS.logits(loaded, collate(graphs, CPU)), GRAPHS.logits(student, collate(graphs, CPU)))
        assert torch.equal(loaded(*graphs_of(graphs)), student(*graphs_of(graphs)))
    assert (recipe_of(student.classifier, 12) is None) == (name in PROGRAMS)  # type: ignore[arg-type]
    save_student(loaded, path)
    assert torch.equal(load_student(path).train().eval()(*graphs_of(graphs)), student(*graphs_of(graphs)))


def graphs_of(graphs: list[Data]) -> tuple[Tensor, Tensor, Tensor]:
    batch: Any = Batch.from_data_list(graphs)
    return batch.x, batch.edge_index, batch.batch


def test_a_head_that_no_program_can_say_is_kept_as_weights_and_marked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    student, path = lifted(Jumps), tmp_path / "student.pt"
    save_student(student, path)
    assert "kept as weights alone" in caplog.text
    with pytest.raises(CheckpointError, match=r"load_student\(path, into=module\)"):
        load_student(path)
    assert torch.equal(load_student(path, into=lifted(Jumps)).gat.lift.weight, student.gat.lift.weight)  # type: ignore


def test_a_finished_run_is_never_failed_for_what_its_file_cannot_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = GraphPrior(4, 12, 2.2, "categorical", 99, 2)  # not what the module reads
    save_student(Own(), tmp_path / "own.pt", other)
    assert "Own is kept as weights alone" in caplog.text
    assert load_student(tmp_path / "own.pt", into=Own()).layer is not None


class Own(nn.Module):
    """A student of the user's, without `forward`."""

    width = 6

    def __init__(self) -> None:
        super().__init__()
        self.layer = gnn.GCN(4, 6, num_layers=2)
        self.classifier = nn.Linear(6, 2)

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        nodes: Tensor = self.layer(x, edge_index, edge_weight=edge_weight)
        return nodes

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        return gnn.global_mean_pool(nodes, batch, graphs)


def test_a_module_of_the_users_comes_back_as_a_program_where_a_prior_is_known(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        own = Own().eval()
    save_student(own, tmp_path / "own.pt", PRIOR)
    loaded, graphs = load_student(tmp_path / "own.pt"), some_graphs(5, 0, 9)
    assert isinstance(loaded, ProgramStudent)
    right = GRAPHS.logits(own, collate(graphs, CPU))
    torch.testing.assert_close(loaded(*graphs_of(graphs)), right)
    torch.testing.assert_close(loaded(Batch.from_data_list(graphs)), right)
    batch = collate(graphs, CPU)
    weighted = replace(batch, edge_weight=torch.linspace(0, 1, batch.edge_index.shape[1]))
    said = loaded(*graphs_of(graphs), edge_weight=weighted.edge_weight)
    torch.testing.assert_close(said, GRAPHS.logits(own, weighted))
    assert not torch.allclose(said, right, atol=1e-3)
    last = loaded(Batch.from_data_list(some_graphs(5, 0)))
    torch.testing.assert_close(last, GRAPHS.logits(own, collate(some_graphs(5, 0), CPU)))
    assert load_student(tmp_path / "own.pt", into=Own()).layer is not None


def test_a_program_takes_weights_that_its_layers_do_not_take_themselves(tmp_path: Path) -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers, self.head = gnn.GIN(4, 6, num_layers=1), nn.Linear(6, 2)

    with torch.random.fork_rng(devices=[]):
        own = acgkd.adapt(Plain().eval(), encode="layers", classifier="head")
    save_student(own, tmp_path / "own.pt", PRIOR)
    loaded, graphs = load_student(tmp_path / "own.pt"), graphs_of(some_graphs(5, 9))
    torch.testing.assert_close(loaded(*graphs), own(*graphs))
    weights = torch.linspace(0, 1, 28)
    torch.testing.assert_close(loaded(*graphs, edge_weight=weights), own(*graphs, edge_weight=weights))
    earlier = ProgramStudent(packed(exported(own, Inputs(graphs))), PRIOR)  # as files were that knew no weights
    torch.testing.assert_close(earlier(*graphs), own(*graphs))
    with pytest.raises(ConfigError, match="knows no edge weights"):
        earlier(*graphs, edge_weight=weights)


# ---- called


@pytest.mark.parametrize("name", ["perceptron", "own class"])
def test_a_student_is_called_on_data_and_batches(name: str) -> None:
    student, graphs = lifted({**DESCRIBED, **PROGRAMS}[name]), some_graphs(5, 0, 1, 9, 0)
    with torch.no_grad():
        scores = student(Batch.from_data_list(graphs))
        assert torch.equal(scores, GRAPHS.logits(student, collate(graphs, CPU)))
        assert torch.equal(scores, student(*graphs_of(graphs), graphs=5))
        torch.testing.assert_close(student(graphs[0]), scores[:1])
        torch.testing.assert_close(student(graphs[1]), scores[4:])
        for graph in graphs:
            graph.edge_weight = torch.full((graph.num_edges,), 0.5)
        weighted = student(Batch.from_data_list(graphs))
        assert torch.equal(weighted, GRAPHS.logits(student, collate(graphs, CPU)))
        assert not torch.equal(weighted, scores)


def test_a_call_that_lacks_something_says_what() -> None:
    student = build_model("gin-2-8", 4, 2).eval()
    with pytest.raises(ConfigError, match="got a tensor alone"):
        student(torch.zeros(3, 4))
    with pytest.raises(ConfigError, match="Data without `x` and `edge_index`"):
        student(Data(edge_index=torch.empty(2, 0).long()))
    with pytest.raises(ConfigError, match="`graphs=` must say how many there are"):
        student(torch.zeros(0, 4), torch.empty(2, 0).long(), torch.empty(0).long())


def test_what_is_called_is_what_was_judged(tiny: ModuleType, tmp_path: Path) -> None:
    """The logits of a saved student are the evaluator's, sample by sample, on the real test split."""
    from acgkd.config import RunConfig
    from acgkd.run.experiment import Experiment

    transfer = {**tiny.TRANSFER, "projection": "gat"}
    config = RunConfig.model_validate(
        {
            "dataset": {"name": "motifs"},
            "teacher": {"preset": "gin-2-8", "epochs": 1},
            "student": {"preset": "gin-2-8"},
            "method": {
                "name": "acgkd",
                "synthesis": tiny.SYNTHESIS,
                "transfer": transfer,
            },
            "device": "cpu",
        }
    )
    experiment = Experiment(config, 0, home=tmp_path / "cache", agreement=False)
    run = experiment.start()
    run.advance()
    run.export(tmp_path / "student.pt")
    judged = experiment.judgement._logits(run.student, experiment.run_data.test)
    student = load_student(tmp_path / "student.pt")
    with torch.no_grad():
        called = [student(b.x, b.edge_index, b.batch, edge_weight=b.edge_weight) for b in experiment.run_data.test]
    assert torch.equal(torch.cat(called), judged)


# ---- images


def test_images_are_called_as_pixels_and_the_file_says_how(tmp_path: Path) -> None:
    from acgkd.images import IMAGES, ImagePrior
    from acgkd.pixels import Pixels

    prior = ImagePrior((3, 32, 32), 4, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    with torch.random.fork_rng(devices=[]):
        student = build_model("lenet5-half-bn", 3, 4).eval()
        values = torch.randint(256, (5, 3, 32, 32), dtype=torch.uint8)
    batch = IMAGES.collate(Pixels(values, torch.zeros(5).long(), prior.mean, prior.std), CPU)
    for suffix in (".pt", ".safetensors"):
        save_student(student, tmp_path / f"student{suffix}", prior)
        loaded = load_student(tmp_path / f"student{suffix}")
        with torch.no_grad():
            judged = IMAGES.logits(student, batch)
            torch.testing.assert_close(IMAGES.logits(loaded, batch), judged)
            assert torch.equal(loaded(batch.x, normalised=True), IMAGES.logits(loaded, batch))
            assert torch.equal(loaded(values), loaded(batch.x, normalised=True))
            torch.testing.assert_close(loaded(values / 255), judged, rtol=1e-4, atol=1e-4)
            assert not torch.allclose(loaded(batch.x), judged, atol=1e-2)


def test_an_image_module_of_the_users_comes_back_as_a_program(tiny_images: ModuleType, tmp_path: Path) -> None:
    from acgkd.images import ImagePrior

    prior, path = ImagePrior((1, 8, 8), 3, (0.5,), (0.25,)), tmp_path / "own.pt"
    with torch.random.fork_rng(devices=[]):
        own, pixels = tiny_images.Net().eval(), torch.rand(4, 1, 8, 8)
    save_student(own, path, prior)
    loaded = load_student(path)
    right = own.classifier(own.encode((pixels - 0.5) / 0.25))
    torch.testing.assert_close(loaded(pixels), right)
    torch.testing.assert_close(loaded((pixels - 0.5) / 0.25, normalised=True), right)


# ---- proved before anything is trained


@pytest.mark.parametrize(("head", "warned"), [(TwoSteps, False), (Jumps, True)])
def test_distill_says_before_training_what_cannot_be_read_back(
    head: Callable[[], nn.Module],
    warned: bool,
    tiny: ModuleType,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from acgkd.run import reference_pool
    from acgkd.run.distillation import Distillation

    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 2}),))  # type: ignore
    said_before: list[str] = []
    advance = Distillation.advance
    monkeypatch.setattr(Distillation, "advance", lambda run: (said_before.append(caplog.text), advance(run))[1])

    class Teacher(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers, self.head = gnn.GIN(4, 12, num_layers=2, norm="batch_norm"), head()

    with torch.random.fork_rng(devices=[]):
        teacher = acgkd.adapt(Teacher(), encode="layers", readout="sum", classifier="head")
    method = {"name": "acgkd", "synthesis": tiny.SYNTHESIS, "transfer": {**tiny.TRANSFER, "projection": "gat"}}
    found = acgkd.distill(teacher, "gin-2-8", prior=tiny.PRIOR_CONFIG.model_dump(), method=method, device="cpu")
    assert ("The student ends in Jumps" in said_before[0]) == warned
    found.save(tmp_path / "student.pt")
    if not warned:
        graphs = some_graphs(5, 9)
        loaded = acgkd.load_student(tmp_path / "student.pt")
        assert torch.equal(loaded(*graphs_of(graphs)), found.student(*graphs_of(graphs)))


# ---- programs are looked at before they are opened


def a_program(**changes: Callable[[str], str]) -> bytes:
    """A plain one, with the text of some of its files changed."""
    with torch.random.fork_rng(devices=[]):
        plain = packed(exported(TwoSteps(), Inputs((torch.zeros(3, 12),))))
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            for ending, change in changes.items():
                if name.endswith(f"{ending}.json"):
                    content = change(content.decode()).encode()
            new.writestr(name, content)
        if "added" in changes:
            new.writestr("archive/data/constants/custom_obj_0", b"cos\nsystem\n")
    return made.getvalue()


def test_a_plain_program_passes() -> None:
    require_plain(a_program(), "it")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": lambda text: text.replace("torch.ops.aten.relu.default", "torch.hub.load")}, "torch.hub.load"),
        ({"model": lambda text: text.replace("torch.ops.aten.relu.default", "_operator.methodcaller")}, "methodcaller"),
        ({"model": lambda text: text.replace("Symbol(", "exec(")}, "exec"),
        ({"weights_config": lambda text: text.replace('"use_pickle": false', '"use_pickle": true')}, "a pickle"),
        ({"added": str}, "custom_obj_0"),
    ],
)
def test_a_program_that_holds_code_is_not_opened(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        require_plain(a_program(**changes), "it")


def test_what_is_no_program_is_refused() -> None:
    with pytest.raises(CheckpointError, match="damaged or holds no program"):
        require_plain(b"no zip", "it")


def test_only_modules_of_torch_are_built_from_files() -> None:
    for made in ({"class": "os.system", "arguments": {}}, {"class": "torch.nn.init", "arguments": {}}):
        with pytest.raises(CheckpointError, match=r"made of modules of torch\.nn"):
            build(made)
    with pytest.raises(CheckpointError, match="refuses its arguments"):
        build({"class": "torch.nn.Linear", "arguments": {"nonsense": 1}})
    assert json.dumps(recipe_of(nn.Sequential(nn.Linear(12, 2)), 12))


@pytest.mark.parametrize("address", ["file:///tmp/student.pt", "local:///tmp/student.pt"])
def test_a_file_of_this_machine_is_named_by_its_path(address: str) -> None:
    with pytest.raises(CheckpointError, match=r"named by its path, `/tmp/student\.pt`"):
        acgkd.load_student(address)
