"""Students of one's own for `distill`: adapted where they are plain, or refused in one sentence."""

from typing import Any

import pytest
import torch
import torch_geometric.nn as gnn
from torch import Tensor, nn

import acgkd
from acgkd.errors import ConfigError, TeacherError
from acgkd.models import build_model
from acgkd.run.distillation import Distillation

PRIOR = {"nodes": [4, 8], "mean_degree": 2.0, "features": "categorical", "feature_count": 5, "classes": 2}


class Plain(nn.Module):
    """As people write them."""

    def __init__(self, pool: Any = gnn.global_add_pool) -> None:
        super().__init__()
        torch.manual_seed(0)  # some draws of so few units say the same of every graph, and are refused
        self.layers, self.head, self.pool = gnn.GIN(5, 16, num_layers=2), nn.Linear(16, 2), pool

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.layers(x, edge_index), batch))
        return scores


def distilled(student: nn.Module, projection: str = "gat", seed: Any = 0) -> acgkd.Distilled:
    synthesis = {"graphs": 4, "steps": 1}
    method = {"name": "acgkd", "synthesis": synthesis, "transfer": {"steps": 1, "projection": projection}}
    teacher = build_model("gin-2-8", 5, 2)
    return acgkd.distill(teacher, student, prior=PRIOR, method=method, seed=seed, agreement=False)


def test_a_plain_module_is_taught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acgkd.run.direct.why_not_read_back", lambda *_: "")  # takes seconds, and is tried elsewhere
    student = Plain()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    for projection in ("gat", "none"):
        found = distilled(student, projection).student.state_dict()
        taught = {name.rpartition("module.")[2]: value for name, value in found.items()}
        name = "layers.convs.0.nn.lins.0.weight"
        assert not torch.equal(taught[name], before[name])
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items()), "a copy is taught"


def test_what_cannot_be_taught_is_said_before_anything_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Distillation, "advance", lambda *_, **__: pytest.fail("something was learned"))
    with pytest.raises(ConfigError, match=r"reads sum-pooled graphs, but the student pools by mean"):
        distilled(Plain(gnn.global_mean_pool))
    with pytest.raises(TeacherError, match=r"^A student must have what a teacher has, but Linear has not\."):
        distilled(nn.Linear(5, 2))


@pytest.mark.parametrize("seed", ["a", -1, 1.5, True, 2**31])
def test_a_seed_is_a_whole_number_as_in_a_spec(seed: object) -> None:
    with pytest.raises(ConfigError, match=r"^`seed` is a whole number from 0 to 2147483647, but got "):
        distilled(Plain(), seed=seed)
