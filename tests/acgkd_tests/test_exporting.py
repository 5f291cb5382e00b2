"""A student is written for others, read again and compared; what is not the same is not written."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch_geometric.nn as gnn
from torch import Tensor, nn

import acgkd
from acgkd.errors import CheckpointError, ConfigError
from acgkd.graphs import GraphPrior
from acgkd.images import ImagePrior
from acgkd.models import build_model
from acgkd.students import exporting
from acgkd.students.probing import probes
from acgkd.students.programs import read_program
from acgkd.students.projection import ProjectedStudent

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
PRIOR = GraphPrior(4, 12, 2.2, "categorical", 4, 2)
MOLECULES = GraphPrior(4, 12, 2.2, "categorical", 5, 2, (3, 2), (4, 2))
PIXELS = ImagePrior((3, 32, 32), 4, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


class Head(nn.Module):
    """A head of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(12, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(self.first(x).relu())
        return scores


STUDENTS: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "gin": (lambda: build_model("gin-3-8", 4, 2), PRIOR),
    "gcn, mean, of an earlier version": (lambda: build_model("gcn-3-8", 4, 2, pooling="mean"), None),
    "gin lifted": (lambda: ProjectedStudent(build_model("gin-2-8", 4, 2), gnn.MLP([12, 6, 2]), 12, CPU), PRIOR),
    "gcn lifted, own head": (lambda: ProjectedStudent(build_model("gcn-2-8", 4, 2), Head(), 12, CPU), PRIOR),
    "gin lifted, of edge features": (
        lambda: ProjectedStudent(build_model("gin-2-8", 5, 2, edge_features=6), gnn.MLP([12, 6, 2]), 12, CPU),
        MOLECULES,
    ),
    "sage": (lambda: build_model("sage-3-8", 4, 2), PRIOR),
    "gat": (lambda: build_model("gat-3-8", 4, 2), PRIOR),
    "gcn of edge features": (lambda: build_model("gcn-3-8", 5, 2, edge_features=6), MOLECULES),
    "lenet5": (lambda: build_model("lenet5-half-bn", 3, 4), PIXELS),
    "resnet": (lambda: build_model("resnet-8", 3, 4), PIXELS),
}


def made(name: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        student = STUDENTS[name][0]()
        for layer in student.modules():
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                layer.running_mean.normal_()  # type: ignore[union-attr]
                layer.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
    return student.eval()


QUICK = {("gin lifted, of edge features", "torch"), ("gin lifted, of edge features", "onnx"), ("lenet5", "torch")}
FORMS = [
    pytest.param(name, to, marks=() if to == "safetensors" or (name, to) in QUICK else pytest.mark.slow)
    for name in STUDENTS
    for to in exporting.SUFFIXES
]


@pytest.mark.parametrize(("name", "to"), FORMS)
def test_every_form_gives_the_students_logits(name: str, to: Any, tmp_path: Path) -> None:
    student, prior = made(name), STUDENTS[name][1]
    path = tmp_path / f"student{exporting.SUFFIXES[to]}"
    weighted = isinstance(prior, GraphPrior)
    found = acgkd.export_student(student, path, to=to, prior=prior, edge_weight=weighted)
    assert found.path == path
    assert found.named == ("edge_weight",) * weighted + ("edge_attr",) * (prior is MOLECULES)
    assert found.samples == ("8 images" if prior is PIXELS else "50 graphs")
    assert found.difference <= (0 if to == "safetensors" else 1e-5)
    assert [file.name for file in tmp_path.iterdir()] == [path.name], "no temporary is left"
    if to == "safetensors":
        loaded = acgkd.load_student(path)
        for inputs in probes(student, prior, graphs=10):
            assert torch.equal(inputs.put(loaded), inputs.put(student))


def test_edge_weights_are_for_graphs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`edge_weight` is for students of graphs"):
        acgkd.export_student(made("lenet5"), tmp_path / "s.pt2", to="torch", prior=PIXELS, edge_weight=True)


def test_the_probes_are_graphs_of_all_kinds() -> None:
    batches = probes(made("gin"), PRIOR)
    nodes = [torch.bincount(inputs.given[2]) for inputs in batches]
    assert sum(len(sizes) for sizes in nodes[:-2]) == 50
    assert any(sizes.tolist() == [1] for sizes in nodes), "one node"
    assert any(inputs.given[1].shape[1] == 0 for inputs in batches), "no edge"
    assert any(0 in sizes.tolist() for sizes in nodes), "no node"


def test_a_student_of_the_users_is_exported_as_a_program(tiny_images: ModuleType, tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        own, pixels = tiny_images.Net().eval(), torch.rand(3, 1, 8, 8)
    prior = ImagePrior((1, 8, 8), 3, (0.5,), (0.25,))
    acgkd.export_student(own, tmp_path / "own.pt2", to="torch", prior=prior)
    right = own.classifier(own.encode((pixels - 0.5) / 0.25))
    torch.testing.assert_close(read_program(tmp_path / "own.pt2")(pixels), right)
    acgkd.export_student(own, tmp_path / "own.safetensors", to="safetensors", prior=prior)
    loaded = acgkd.load_student(tmp_path / "own.safetensors")
    torch.testing.assert_close(loaded(pixels), right)
    acgkd.export_student(loaded, tmp_path / "again.pt2", to="torch")


def test_what_is_not_the_same_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "student.pt2").write_bytes(b"older")
    monkeypatch.setattr(exporting, "read_program", lambda path: made("gcn, mean, of an earlier version"))
    with pytest.raises(CheckpointError, match=r"was not written: its class scores differ from the student's by"):
        acgkd.export_student(made("gin"), tmp_path / "student.pt2", to="torch", prior=PRIOR)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("student.pt2", b"older")]


def test_what_cannot_be_exported_is_said_in_a_sentence(tmp_path: Path) -> None:
    class Jumps(Head):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.detach().sum() > 0 else -super().forward(x)

    student = ProjectedStudent(build_model("gin-2-8", 4, 2), Jumps(), 12, CPU).eval()
    with pytest.raises(CheckpointError, match="ProjectedStudent cannot be exported to 'torch'"):
        acgkd.export_student(student, tmp_path / "student.pt2", to="torch")
    with pytest.raises(ConfigError, match="`to` must be one of safetensors, torch, onnx, but got 'tourch'"):
        acgkd.export_student(student, tmp_path / "student.pt2", to="tourch")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"called `\*\.onnx`, but got student\.pt2"):
        acgkd.export_student(student, tmp_path / "student.pt2", to="onnx")
    with pytest.raises(ConfigError, match="of what shape the student's images are"):
        acgkd.export_student(made("resnet"), tmp_path / "student.pt2", to="torch")
    assert list(tmp_path.iterdir()) == []


def test_the_first_cause_of_an_exporter_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        try:
            raise ValueError("a size is not known\nand a page more")
        except ValueError as error:
            raise RuntimeError("this is \x1b[96mstep 2/3\x1b[0m") from error

    monkeypatch.setattr("acgkd.students.exporting.followed", fails)
    student = build_model("gin-2-8", 4, 2).eval()
    with pytest.raises(CheckpointError, match=r"cannot be exported to 'torch': ValueError: a size is not known$"):
        acgkd.export_student(student, tmp_path / "student.pt2", to="torch")


@pytest.mark.parametrize(("to", "package"), [("safetensors", "safetensors"), ("onnx", "onnxscript")])
def test_without_the_extra_it_says_what_to_install(
    to: Any, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def missing(name: str) -> ModuleType:
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(name)
        return real(name)

    monkeypatch.setattr("acgkd.students.extras.import_module", missing)
    with pytest.raises(ConfigError, match=rf"`{package}`, which is not installed. Type: pip install 'acgkd\[export\]'"):
        acgkd.export_student(made("gin"), tmp_path / f"s{exporting.SUFFIXES[to]}", to=to, prior=PRIOR)
    assert list(tmp_path.iterdir()) == []


def test_a_program_runs_with_torch_alone(tmp_path: Path) -> None:
    """The shipped example, in a process that cannot import acgkd or torch_geometric."""
    example = ROOT / "docs" / "examples" / "run_exported.py"
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 40
    acgkd.export_student(made("gin lifted"), tmp_path / "student.pt2", to="torch", prior=PRIOR)
    block = (
        "import sys, runpy\n"
        "class Refuse:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.partition('.')[0] in ('acgkd', 'sweeps', 'analysis', 'torch_geometric'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        f"sys.argv = ['run_exported.py', {str(tmp_path / 'student.pt2')!r}, '4']\n"
        f"runpy.run_path({str(example)!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", block], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [len(row) for row in json.loads(done.stdout)] == [2, 2, 2]
