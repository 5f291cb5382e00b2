"""Counted multiply-adds against counts by hand."""

import pytest
import torch
from torch import nn

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.images import IMAGES, ImageBatch
from acgkd.models import build_model
from acgkd.modules.cost import UnitCost, at_rest, counting
from acgkd.students.projection import ProjectedStudent

CPU = torch.device("cpu")


def test_gin_costs_what_it_costs_by_hand() -> None:
    model = build_model("gin-3-32", 7, 2)
    # Two layers: messages of 7 and 32 channels; perceptrons 7 -> 32 -> 32 and 32 -> 32 -> 32; classifier 32 -> 2.
    node = 7 * 32 + 32 * 32 + 32 * 32 + 32 * 32
    assert GRAPHS.unit_cost(model, 7) == UnitCost(node=node, edge=7 + 32, graph=32 * 2)


def test_gcn_costs_what_it_costs_by_hand() -> None:
    model = build_model("gcn-3-16", 5, 3)
    # Features are lifted before they are sent; every node also sends to itself.
    assert GRAPHS.unit_cost(model, 5) == UnitCost(node=5 * 16 + 16 * 16 + 2 * 16, edge=2 * 16, graph=16 * 3)


def test_graphsage_costs_what_it_costs_by_hand() -> None:
    model = build_model("sage-3-16", 5, 3)
    # Features are sent as they come; the mean and the node itself are lifted, each by weights of its own.
    assert GRAPHS.unit_cost(model, 5) == UnitCost(node=2 * 5 * 16 + 2 * 16 * 16, edge=5 + 16, graph=16 * 3)


def test_gat_costs_what_it_costs_by_hand() -> None:
    model = build_model("gat-3-16", 5, 3)
    # Features are lifted before they are sent; what a node attends to itself with is no message.
    assert GRAPHS.unit_cost(model, 5) == UnitCost(node=5 * 16 + 16 * 16, edge=2 * 16, graph=16 * 3)


def test_the_projection_is_counted() -> None:
    student, teacher = build_model("gin-3-32", 7, 2), build_model("gin-5-64", 7, 2)
    plain = GRAPHS.unit_cost(student, 7)
    lifted = GRAPHS.unit_cost(ProjectedStudent(student, teacher.classifier, 64, CPU), 7)
    assert lifted.node >= plain.node + 32 * 64
    assert lifted.edge >= plain.edge + 64
    assert lifted.graph == 64 * 2


def a_batch(nodes: int = 9, edges: int = 14, graphs: int = 3) -> GraphBatch:
    return GraphBatch(
        x=torch.randn(nodes, 7),
        edge_index=torch.randint(nodes, (2, edges)),
        edge_weight=torch.rand(edges),
        batch=torch.arange(nodes) * graphs // nodes,
        graphs=graphs,
    )


@pytest.mark.parametrize("preset", ["gin-4-8", "gcn-4-8", "sage-4-8", "gat-4-8"])
def test_unit_costs_sum_to_a_direct_count(preset: str) -> None:
    model, batch = build_model(preset, 7, 2), a_batch()
    with at_rest(model), counting(model) as counts:
        GRAPHS.logits(model, batch)
    assert GRAPHS.counter(model, batch)(batch) == sum(counts) > 0


def test_counting_leaves_no_trace() -> None:
    model = build_model("gin-3-8", 7, 2).train()
    model.norms[0].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batch = a_batch()
    state = torch.get_rng_state()
    GRAPHS.counter(model, batch)
    assert model.training
    assert not model.norms[0].training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert not any(module._forward_hooks for module in model.modules())


def test_at_rest_puts_modes_back_after_an_error() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    model[1].eval()

    def inside() -> None:
        with at_rest(model):
            assert not model.training
            assert not torch.is_grad_enabled()
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        inside()
    assert (model.training, model[0].training, model[1].training) == (True, True, False)


class Convolutional(nn.Module):
    """A minimal image model."""

    def __init__(self) -> None:
        super().__init__()
        self.width = 6
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, groups=2), nn.ReLU())
        self.classifier = nn.Linear(6, 10)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(x).mean((2, 3))


def test_image_models_cost_what_they_cost_by_hand() -> None:
    batch = ImageBatch(torch.randn(5, 3, 8, 8))
    each = 8 * 8 * 4 * 3 * 9 + 6 * 6 * 6 * 2 * 9 + 6 * 10
    assert IMAGES.counter(Convolutional(), batch)(batch) == 5 * each
