"""Figures of merit, each against a case worked by hand."""

import math
import warnings

import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.models import build_model
from acgkd.run import metrics


def saying(*classes: int, count: int = 3) -> Tensor:
    """Logits whose argmax is the given class of each sample."""
    return torch.nn.functional.one_hot(torch.tensor(classes), count).float() * 4


def test_accuracy_and_agreement() -> None:
    assert metrics.accuracy(saying(0, 1, 2, 2), torch.tensor([0, 1, 1, 2])) == 0.75
    assert metrics.agreement(saying(0, 1, 1, 2), saying(0, 0, 0, 2)) == 0.5


def test_balanced_agreement_gives_every_class_of_the_teacher_the_same_weight() -> None:
    teacher = saying(0, 0, 0, 0, 0, 0, 1, 2)
    assert metrics.balanced_agreement(teacher, saying(0, 0, 0, 0, 0, 0, 0, 0)) == pytest.approx(1 / 3)
    assert metrics.balanced_agreement(teacher, saying(0, 0, 0, 1, 1, 1, 1, 2)) == pytest.approx((0.5 + 1 + 1) / 3)


@given(answers=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_a_student_of_one_class_gets_one_share_of_the_classes(answers: list[tuple[int, int]]) -> None:
    teacher = saying(*[says for says, _ in answers])
    classes = len({says for says, _ in answers})
    for number in range(3):
        score = metrics.balanced_agreement(teacher, saying(*[number] * len(answers)))
        assert score == pytest.approx(1 / classes if number in {says for says, _ in answers} else 0)
    assert metrics.balanced_agreement(teacher, teacher) == 1


def test_overlap_is_what_both_distributions_have_in_common() -> None:
    teacher, student = torch.tensor([[0.9, 0.1], [0.5, 0.5]]).log(), torch.tensor([[0.6, 0.4], [0.2, 0.8]]).log()
    assert metrics.overlap(teacher, student) == pytest.approx((0.7 + 0.7) / 2)
    assert metrics.overlap(teacher, teacher) == pytest.approx(1)
    assert metrics.overlap(torch.tensor([[50.0, 0.0]]), torch.tensor([[0.0, 50.0]])) == pytest.approx(0)


def test_the_worst_class_is_seen_by_agreement_within_each() -> None:
    assert metrics.class_agreements(saying(0, 0, 0, 2), saying(0, 0, 1, 1)) == {0: pytest.approx(2 / 3), 2: 0}


def test_ranking_is_blind_to_thresholds_and_scales_and_zero_of_what_is_flat() -> None:
    teacher = torch.tensor([[0.0, 1.0], [0.0, -2.0], [0.0, 3.0], [0.0, -4.0]])
    always_one_class = torch.exp(teacher / 9) * torch.tensor([0.0, 50.0])
    assert metrics.agreement(teacher, always_one_class) == 0.5
    assert metrics.ranking(teacher, always_one_class) == pytest.approx(1)
    assert metrics.ranking(teacher, -teacher) == pytest.approx(-1)
    assert metrics.ranking(teacher, torch.zeros(4, 2)) == 0


@given(st.lists(st.lists(st.integers(-3, 3), min_size=6, max_size=6), min_size=3, max_size=20))
def test_ranking_is_spearmans_correlation_of_the_log_odds(scores: list[list[int]]) -> None:
    drawn = torch.tensor(scores, dtype=torch.float64)
    teacher, student = drawn[:, :3], drawn[:, 3:]
    odds = [torch.logit(model.softmax(dim=1)).numpy().round(9) for model in (teacher, student)]
    with warnings.catch_warnings(action="ignore"):
        found = [scipy.stats.spearmanr(one, other).statistic for one, other in zip(*(o.T for o in odds), strict=True)]
    assert metrics.ranking(teacher, student) == pytest.approx(sum(0 if math.isnan(f) else f for f in found) / 3)


def test_divergence_is_in_nats_and_from_the_teachers_side() -> None:
    teacher, student = torch.tensor([[0.0, 0.0]]), torch.tensor([[math.log(3.0), 0.0]])
    assert metrics.divergence(teacher, student) == pytest.approx(0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(2))
    assert metrics.divergence(student, teacher) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert metrics.divergence(teacher, teacher) == 0


def test_predicted_classes_counts_what_is_said() -> None:
    assert metrics.predicted_classes(saying(1, 1, 1)) == 1
    assert metrics.predicted_classes(saying(0, 1, 2)) == 3


def test_the_majority_is_that_of_the_training_split() -> None:
    assert metrics.majority_accuracy(torch.tensor([1, 1, 0]), torch.tensor([0, 0, 1, 0])) == 0.25
    assert metrics.majority_accuracy(torch.tensor([2, 0]), torch.tensor([0, 0, 2])) == pytest.approx(2 / 3)


def some_batches() -> list[GraphBatch]:
    return [
        GraphBatch(torch.randn(6, 4), torch.tensor([[0, 1], [1, 0]]), None, torch.tensor([0, 0, 0, 1, 1, 1]), 2),
        GraphBatch(torch.randn(3, 4), torch.tensor([[0, 1], [1, 0]]), None, torch.tensor([0, 0, 0]), 1),
    ]


def test_logits_come_from_evaluation_mode_and_leave_the_model_as_it_was() -> None:
    model = build_model("gin-3-8", 4, 2).train()
    model.norms[0].eval()
    memory = {name: value.clone() for name, value in model.state_dict().items()}
    batches = some_batches()
    answers = metrics.logits(model, GRAPHS, batches)
    assert answers.shape == (3, 2)
    assert not answers.requires_grad
    assert model.training
    assert not model.norms[0].training
    assert all(torch.equal(value, memory[name]) for name, value in model.state_dict().items())
    model.eval()
    assert torch.equal(answers, torch.cat([GRAPHS.logits(model, batch) for batch in batches]).detach())


def test_inference_time_is_positive_and_scales_to_a_thousand() -> None:
    model = build_model("gin-2-4", 4, 2)
    assert 0 < metrics.ms_per_1000(model, GRAPHS, some_batches(), torch.device("cpu"), repeats=3) < 60_000


def test_inference_is_timed_no_longer_than_needed() -> None:
    model, asked = build_model("gin-2-4", 4, 2), []
    encode = model.encode
    model.encode = lambda *inputs: asked.append(1) or encode(*inputs)  # type: ignore[method-assign]
    metrics.ms_per_1000(model, GRAPHS, some_batches(), torch.device("cpu"), repeats=5, enough_s=0.0)
    # Two batches: once to warm up, once timed.
    assert len(asked) == 4


def test_parameters_are_counted() -> None:
    assert metrics.parameters(torch.nn.Linear(3, 2)) == 8
    assert metrics.parameters(torch.nn.BatchNorm1d(5)) == 10
