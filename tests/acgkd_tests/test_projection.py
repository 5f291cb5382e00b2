"""Weighted attention against a slow dense twin; what of a projected student learns and what does not."""

from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.losses import softened_kl
from acgkd.modules.weighted_attention import WeightedGAT
from acgkd.students.projection import ProjectedStudent
from acgkd.transfer.teaching import lift_to

CPU = torch.device("cpu")


@pytest.fixture
def gat() -> WeightedGAT:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return WeightedGAT(3, 8, 4, CPU)


def random_graph(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    pairs = torch.tensor([[0, 0, 1, 2, 4], [1, 2, 3, 3, 5]])  # Node 6 stands alone.
    edge_index = torch.cat([pairs, pairs.flip(0)], dim=1)
    return torch.randn(7, 3, generator=g), edge_index, torch.rand(10, generator=g)


def slow_twin(gat: WeightedGAT, x: Tensor, edge_index: Tensor, weight: Tensor) -> Tensor:
    """Node by node, head by head: a softmax over self and neighbours whose terms are multiplied by the weights."""
    heads = gat.heads
    h = (x @ gat.lift.weight.T).view(x.shape[0], heads, -1)
    out = torch.zeros_like(h)
    for node in range(x.shape[0]):
        incoming = [(int(s), w) for s, t, w in zip(*edge_index.tolist(), weight, strict=True) if t == node]
        for head in range(heads):

            def score(j: int, node: int = node, head: int = head) -> Tensor:
                pulled = h[j, head] @ gat.attend_source[0, head] + h[node, head] @ gat.attend_target[0, head]
                return F.leaky_relu(pulled, 0.2)

            shares = torch.stack([score(node).exp(), *(w * score(j).exp() for j, w in incoming)])
            shares = shares / shares.sum()
            for share, j in zip(shares, [node, *(j for j, _ in incoming)], strict=True):
                out[node, head] += share * h[j, head]
    return out.flatten(1)


@pytest.mark.fidelity
def test_attention_equals_the_slow_twin(gat: WeightedGAT) -> None:
    x, edge_index, weight = random_graph()
    with torch.no_grad():
        torch.testing.assert_close(gat(x, edge_index, weight), slow_twin(gat, x, edge_index, weight))


def test_no_weights_are_weights_of_one(gat: WeightedGAT) -> None:
    x, edge_index, weight = random_graph()
    torch.testing.assert_close(gat(x, edge_index, None), gat(x, edge_index, torch.ones_like(weight)))


def test_an_edge_of_weight_zero_is_as_good_as_absent(gat: WeightedGAT) -> None:
    x, edge_index, weight = random_graph()
    weight[[0, 5, 3]] = 0.0
    kept = weight > 0
    torch.testing.assert_close(gat(x, edge_index, weight), gat(x, edge_index[:, kept], weight[kept]))


def test_an_absent_edge_with_a_huge_score_leaves_no_trace(gat: WeightedGAT) -> None:
    # Its exponential would swallow every other one before its weight of 0 could take it out.
    x, edge_index, weight = random_graph()
    x[1] = 1e4
    weight[(edge_index == 1).any(dim=0)] = 0.0
    weight.requires_grad_()
    kept = weight.detach() > 0
    out = gat(x, edge_index, weight)
    torch.testing.assert_close(out, gat(x, edge_index[:, kept], weight.detach()[kept]))
    (gradient,) = torch.autograd.grad(out[[0, 2, 3]].sum(), weight)
    assert bool(torch.isfinite(gradient).all())


def test_gradients_reach_the_weights(gat: WeightedGAT) -> None:
    x, edge_index, weight = random_graph()
    weight.requires_grad_()
    (gradient,) = torch.autograd.grad((gat(x, edge_index, weight) ** 2).sum(), weight)
    assert bool((gradient != 0).all())
    torch.testing.assert_close(
        gradient, torch.autograd.grad((slow_twin(gat, x, edge_index, weight) ** 2).sum(), weight)[0]
    )


def test_a_node_alone_keeps_its_own_value_and_a_graph_without_edges_is_fine(gat: WeightedGAT) -> None:
    x, edge_index, weight = random_graph()
    own = gat.lift(x)
    torch.testing.assert_close(gat(x, edge_index, weight)[6], own[6])
    torch.testing.assert_close(gat(x, torch.empty(2, 0, dtype=torch.long), torch.empty(0)), own)
    torch.testing.assert_close(gat(x, torch.empty(2, 0, dtype=torch.long), None), own)


@pytest.mark.parametrize("scale", [1e3, 1e4])
def test_large_scores_stay_finite(gat: WeightedGAT, scale: float) -> None:
    x, edge_index, weight = random_graph()
    assert bool(torch.isfinite(gat(scale * x, edge_index, weight)).all())
    assert bool(torch.isfinite(gat(-scale * x, edge_index, weight)).all())


def test_heads_fall_back_to_one_where_they_do_not_divide_the_width(tiny: ModuleType) -> None:
    student = tiny.context().student
    assert ProjectedStudent(student, nn.Linear(6, 2), 6, CPU).heads == 1
    assert ProjectedStudent(student, nn.Linear(12, 2), 12, CPU).heads == 4


def trained(student: nn.Module, teacher: nn.Module, batch: object) -> None:
    optimizer = torch.optim.Adam([p for p in student.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        student.train()
        loss = softened_kl(GRAPHS.logits(teacher, batch).detach(), GRAPHS.logits(student, batch), 2.0).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def test_the_borrowed_classifier_is_a_frozen_copy_that_training_leaves_alone(tiny: ModuleType) -> None:
    run = tiny.distillation()
    teacher, batch = tiny.teacher(preset="gin-2-16"), run.method_run.samples(6)
    projected = ProjectedStudent(run.context.student, teacher.classifier, 16, CPU)
    assert projected.classifier is not teacher.classifier
    borrowed, lifted = tiny.weight_bytes(projected.classifier), tiny.weight_bytes(projected.gat)
    trained(projected, teacher, batch)
    assert tiny.weight_bytes(projected.classifier) == borrowed == tiny.weight_bytes(teacher.classifier)
    assert tiny.weight_bytes(projected.gat) != lifted


def test_a_borrowed_classifier_with_a_memory_and_dropout_stays_in_evaluation_mode(tiny: ModuleType) -> None:
    # BatchNorm would learn and dropout would draw if `train()` reached them.
    run = tiny.distillation()
    head = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2)).eval()
    projected = ProjectedStudent(run.context.student, head, 8, CPU)
    before = tiny.weight_bytes(projected.classifier)
    trained(projected, tiny.teacher(), run.method_run.samples(6))
    assert tiny.weight_bytes(projected.classifier) == before
    projected.train()
    assert projected.norm.training
    assert not any(module.training for module in projected.classifier.modules())


def test_a_projected_student_satisfies_the_teacher_protocol(tiny: ModuleType) -> None:
    run = tiny.distillation()
    projected = ProjectedStudent(run.context.student, tiny.teacher().classifier, 8, CPU)
    GRAPHS.check_teacher(projected, tiny.prior())
    assert projected.width == 8


def test_a_classifier_is_borrowed_only_where_both_pool_alike(tiny: ModuleType) -> None:
    teacher, student = tiny.teacher(), tiny.context().student
    lift = lift_to(teacher, tiny.CPU)
    teacher.pooling = "max"
    with pytest.raises(ConfigError, match="reads max-pooled graphs, but the student pools by sum"):
        lift(student)
    teacher.pooling = "sum"
    assert isinstance(lift(student), ProjectedStudent)
