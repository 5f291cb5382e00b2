"""Readouts with and without the number of graphs; whatever a teacher of one's own raises is reported as its fault."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.nn import SumAggregation, global_add_pool

from acgkd.config import PriorConfig
from acgkd.errors import TeacherError
from acgkd.graphs import GRAPHS
from acgkd.method import MethodContext
from acgkd.methods import METHODS
from acgkd.modules import readout as readout_module
from acgkd.modules.readout import pooled
from acgkd.runtime import Streams
from acgkd.teachers.teacher import as_teacher

CPU = torch.device("cpu")
PRIOR = GRAPHS.prior(
    PriorConfig(nodes=(4, 8), mean_degree=2.0, features="categorical", feature_count=5, classes=2), PriorConfig()
)
NODES, BATCH = torch.arange(10.0).view(5, 2), torch.tensor([0, 0, 1, 1, 1])


class Plain(nn.Module):
    """The protocol at its smallest: `readout` knows nodes and batch only."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(5, 6)
        self.classifier = nn.Linear(6, 2)
        self.width = 6

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        nodes = self.lift(x)
        weight = nodes.new_ones(edge_index.shape[1]) if edge_weight is None else edge_weight
        return nodes.index_add(0, edge_index[1], nodes[edge_index[0]] * weight.unsqueeze(-1)).relu()

    def readout(self, nodes: Tensor, batch: Tensor) -> Tensor:
        return nodes.new_zeros(int(batch.max()) + 1, nodes.shape[1]).index_add(0, batch, nodes)


class Counting(Plain):
    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        assert graphs is not None
        return nodes.new_zeros(graphs, nodes.shape[1]).index_add(0, batch, nodes)


def everything(*given: Any) -> Tensor:
    assert len(given) == 3
    return global_add_pool(*given)


def by_another_name(nodes: Tensor, batch: Tensor, how_many: int) -> Tensor:
    return global_add_pool(nodes, batch, how_many)


def of_another_meaning(nodes: Tensor, batch: Tensor, scale: float = 1.0) -> Tensor:
    return scale * global_add_pool(nodes, batch)


@pytest.mark.parametrize(
    "readout",
    [
        Plain().readout,
        Counting().readout,
        global_add_pool,
        SumAggregation(),
        everything,
        by_another_name,
        of_another_meaning,
        lambda nodes, batch: global_add_pool(nodes, batch),
    ],
)
def test_every_way_to_write_a_readout_gives_the_same(readout: Callable[..., Tensor]) -> None:
    assert torch.equal(pooled(readout, NODES, BATCH, 2), torch.tensor([[2.0, 4.0], [18.0, 21.0]]))


def test_the_number_of_graphs_is_passed_to_who_asks() -> None:
    assert pooled(global_add_pool, NODES, BATCH, 4).shape == (4, 2)


def test_teacher_and_student_may_have_the_smallest_readout() -> None:
    torch.manual_seed(0)
    teacher = as_teacher(Plain(), CPU)
    GRAPHS.check_teacher(teacher, PRIOR)
    method = METHODS["acgkd"]
    config = method.config.model_validate({"synthesis": {"graphs": 4, "steps": 1}, "transfer": {"steps": 1}})
    run = method.start(config, MethodContext(teacher, Plain(), PRIOR, Streams(0, CPU), CPU))
    for _ in range(2):
        run.step()
    assert GRAPHS.logits(run.student, run.samples(4)).shape == (4, 2)


def test_what_a_part_raises_is_reported_with_its_name() -> None:
    class Broken(Plain):
        def readout(self, nodes: Tensor, batch: Tensor) -> Tensor:
            raise KeyError("pool")

    with pytest.raises(TeacherError, match="`readout` of Broken raised KeyError: 'pool'"):
        GRAPHS.check_teacher(Broken(), PRIOR)
    few = Plain()
    few.lift = nn.Linear(4, 6)
    with pytest.raises(TeacherError, match="`encode` of Plain raised RuntimeError"):
        GRAPHS.check_teacher(few, PRIOR)


def test_a_methods_signature_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fresh(Counting):
        def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
            return super().readout(nodes, batch, graphs)

    read: list[Any] = []
    takes = readout_module._takes_graphs
    monkeypatch.setattr(readout_module, "_takes_graphs", lambda function: read.append(function) or takes(function))
    for model in (Fresh(), Fresh()):
        assert pooled(model.readout, NODES, BATCH, 2).tolist() == [[2.0, 4.0], [18.0, 21.0]]
    assert len(read) == 1
