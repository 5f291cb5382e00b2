from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

import acgkd
from acgkd.errors import CheckpointError
from acgkd.graphs import GRAPHS
from acgkd.models import build_model
from acgkd.students.projection import ProjectedStudent
from acgkd.students.saving import describe, load_student, save_student


def trained(tiny: ModuleType, **transfer: object) -> nn.Module:
    run = tiny.distillation(transfer={**tiny.TRANSFER, **transfer})
    run.advance()
    student: nn.Module = run.student.eval()
    return student


@pytest.mark.parametrize("projection", ["none", "gat"])
def test_a_loaded_student_gives_the_same_logits(tiny: ModuleType, tmp_path: Path, projection: str) -> None:
    student, batch = trained(tiny, projection=projection), tiny.distillation(seed=5).method_run.samples(6)
    save_student(student, tmp_path / "student.pt")
    loaded = acgkd.load_student(tmp_path / "student.pt")
    assert not loaded.training
    assert isinstance(loaded, ProjectedStudent) == (projection == "gat")
    assert torch.equal(GRAPHS.logits(loaded, batch), GRAPHS.logits(student, batch))


def test_pooling_and_a_classifier_without_bias_survive(tiny: ModuleType, tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        inner = build_model("gcn-3-4", 4, 2, pooling="mean")
        student = ProjectedStudent(inner, nn.Linear(6, 2, bias=False), 6, tiny.CPU).eval()
    save_student(student, tmp_path / "student.pt")
    loaded, batch = load_student(str(tmp_path / "student.pt")), tiny.distillation().method_run.samples(5)
    assert torch.equal(GRAPHS.logits(loaded, batch), GRAPHS.logits(student, batch))


def test_loading_leaves_the_callers_random_state_alone(tiny: ModuleType, tmp_path: Path) -> None:
    save_student(trained(tiny, projection="gat"), tmp_path / "student.pt")
    before = torch.get_rng_state()
    load_student(tmp_path / "student.pt")
    assert torch.equal(torch.get_rng_state(), before)


class Own(nn.Module):
    """A module of the user's, with a method that happens to be called `config`."""

    def __init__(self) -> None:
        super().__init__()
        self.width = 4
        self.lift = nn.Linear(4, 4)
        self.classifier = nn.Linear(4, 2)

    def config(self) -> object:
        return object()

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        lifted: Tensor = self.lift(x)
        return lifted


def test_a_module_of_the_users_is_filled_on_request(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        own, fresh = Own(), Own()
    save_student(own, tmp_path / "own.pt")
    assert describe(own) == {"kind": "custom"}
    with pytest.raises(CheckpointError, match=r"load_student\(path, into=module\)"):
        load_student(tmp_path / "own.pt")
    loaded = load_student(tmp_path / "own.pt", into=fresh)
    assert loaded is fresh
    assert torch.equal(fresh.lift.weight, own.lift.weight)


def test_weights_that_do_not_fit_are_reported(tiny: ModuleType, tmp_path: Path) -> None:
    save_student(trained(tiny), tmp_path / "student.pt")
    with pytest.raises(CheckpointError, match="do not fit"):
        load_student(tmp_path / "student.pt", into=nn.Linear(2, 2))


@pytest.mark.parametrize("content", ["run", "torn", "text"])
def test_foreign_files_are_refused(tiny: ModuleType, tmp_path: Path, content: str) -> None:
    path = tmp_path / "student.pt"
    if content == "run":
        tiny.distillation().save(path)
    else:
        save_student(trained(tiny), path)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if content == "torn" else b"not a student")
    with pytest.raises(CheckpointError, match=r"student\.pt"):
        load_student(path)
