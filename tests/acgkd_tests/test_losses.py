"""Every loss against numbers worked out by hand or by a plain loop."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acgkd.losses import (
    Base,
    balance_loss,
    feature_distance,
    feature_entropy,
    gaussian_kl,
    logit_distance,
    norm_distance,
    prediction_entropy,
    probability_distance,
    softened_kl,
    squared_distance,
)

logits = st.lists(st.floats(-8, 8, width=32), min_size=3, max_size=3)


def row(values: list[float]) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


def test_softened_kl_of_two_classes_by_hand() -> None:
    # Probabilities (3/4, 1/4) against (1/2, 1/2), at temperature 1.
    value = softened_kl(row([math.log(3), 0.0]), row([0.0, 0.0]), 1.0)
    assert value.item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_softened_kl_at_a_temperature_softens_both_and_scales_by_its_square() -> None:
    # Logits (2 ln 3, 0) at temperature 2 are the probabilities (3/4, 1/4) again; the factor is 4.
    value = softened_kl(row([2 * math.log(3), 0.0]), row([0.0, 0.0]), 2.0)
    assert value.item() == pytest.approx(4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5)))


def test_softened_kl_is_one_number_for_each_sample() -> None:
    left, right = torch.randn(5, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(5, 3)
    both = softened_kl(left, right, 3.0)
    assert both.shape == (5,)
    for index in range(5):
        alone = softened_kl(left[index : index + 1], right[index : index + 1], 3.0)
        assert both[index].item() == pytest.approx(alone.item(), rel=1e-5)


@given(teacher=logits, student=logits, temperature=st.floats(0.5, 20))
def test_softened_kl_is_never_negative(teacher: list[float], student: list[float], temperature: float) -> None:
    assert softened_kl(row(teacher), row(student), temperature).item() >= -1e-9


@given(teacher=logits, shift=st.floats(-5, 5), temperature=st.floats(0.5, 20))
def test_softened_kl_is_zero_for_logits_equal_up_to_a_constant(
    teacher: list[float], shift: float, temperature: float
) -> None:
    moved = [value + shift for value in teacher]
    assert softened_kl(row(teacher), row(moved), temperature).item() == pytest.approx(0.0, abs=1e-9)


@given(teacher=logits, change=st.floats(0.1, 3))
def test_softened_kl_is_positive_where_one_logit_differs(teacher: list[float], change: float) -> None:
    # In a ball around uniform, so that the changed class has a share that can be seen.
    near = [value / 8 for value in teacher]
    moved = [near[0] + change, *near[1:]]
    assert softened_kl(row(near), row(moved), 1.0).item() > 1e-5


def test_softened_kl_knows_its_direction() -> None:
    teacher, student = row([4.0, 0.0, 0.0]), row([0.0, 0.0, 0.0])
    p = torch.softmax(teacher, 1)
    assert softened_kl(teacher, student, 1.0).item() == pytest.approx((p * (p * 3).log()).sum().item())
    assert softened_kl(student, teacher, 1.0).item() != pytest.approx(softened_kl(teacher, student, 1.0).item())


def test_the_gradient_keeps_its_scale_over_temperatures() -> None:
    # d/ds τ² KL = τ (q - p): for large τ it tends to (s - t) / classes, centred, whatever τ is.
    teacher, student = row([1.0, -1.0, 0.5]), row([0.0, 0.0, 0.0]).requires_grad_()
    gradients = []
    for temperature in (50.0, 500.0):
        (gradient,) = torch.autograd.grad(softened_kl(teacher, student, temperature).sum(), student)
        gradients.append(gradient)
    expected = (student.detach() - (teacher - teacher.mean())) / 3
    torch.testing.assert_close(gradients[0], expected, rtol=0.05, atol=1e-3)
    torch.testing.assert_close(gradients[1], expected, rtol=0.005, atol=1e-4)


def test_the_gradient_at_any_temperature_is_tau_times_the_difference_of_probabilities() -> None:
    teacher, student = row([1.0, -1.0, 0.5]), row([0.3, 0.1, -2.0]).requires_grad_()
    (gradient,) = torch.autograd.grad(softened_kl(teacher, student, 3.0).sum(), student)
    expected = 3.0 * (torch.softmax(student / 3, 1) - torch.softmax(teacher / 3, 1))
    torch.testing.assert_close(gradient, expected.detach())


def test_prediction_entropy_of_uniform_certain_and_halves() -> None:
    scores = torch.tensor([[0.0, 0.0, 0.0], [60.0, 0.0, 0.0], [0.0, 0.0, -60.0]])
    expected = [math.log(3), 0.0, math.log(2)]
    assert prediction_entropy(scores).tolist() == pytest.approx(expected, abs=1e-6)


def test_feature_entropy_is_the_mean_over_nodes() -> None:
    scores = torch.tensor([[0.0, 0.0], [60.0, 0.0]])
    assert feature_entropy(scores).item() == pytest.approx(math.log(2) / 2, abs=1e-6)


def test_feature_distance_is_in_units_of_the_teachers_spread() -> None:
    teacher = torch.tensor([[0.0, 0.0], [2.0, 4.0]])  # variances 1 and 4, mean 2.5
    student = torch.tensor([[1.0, 0.0], [2.0, 2.0]])  # squared differences 1, 0, 0, 4: mean 1.25
    assert feature_distance(teacher, student).item() == pytest.approx(1.25 / 2.5)
    assert feature_distance(10 * teacher, 10 * student).item() == pytest.approx(1.25 / 2.5)


def test_feature_distance_moves_the_student_alone() -> None:
    teacher, student = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    feature_distance(teacher, student).backward()
    assert teacher.grad is None
    assert student.grad is not None


def test_feature_distance_of_a_constant_teacher_is_finite() -> None:
    assert math.isfinite(feature_distance(torch.ones(3, 2), torch.zeros(3, 2)).item())


def test_gaussian_kl_by_hand() -> None:
    # One channel, no smoothing: KL(N(1, 2) || N(0, 1)) = 0.5 (ln(1/2) + 2 + 1 - 1).
    value = gaussian_kl(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([0.0]), torch.tensor([1.0]), eps=0.0)
    assert value.item() == pytest.approx(0.5 * (math.log(0.5) + 2))


def test_gaussian_kl_agrees_with_torch_distributions() -> None:
    g = torch.Generator().manual_seed(2)
    mean, running_mean = torch.randn(6, generator=g), torch.randn(6, generator=g)
    var, running_var = torch.rand(6, generator=g) + 0.1, torch.rand(6, generator=g) + 0.1
    ours = gaussian_kl(mean, var, running_mean, running_var)
    normal = torch.distributions.Normal
    theirs = torch.distributions.kl_divergence(
        normal(mean, (var + 1e-3).sqrt()), normal(running_mean, (running_var + 1e-3).sqrt())
    ).mean()
    torch.testing.assert_close(ours, theirs)


def test_gaussian_kl_does_not_grow_with_the_width() -> None:
    parts = [torch.tensor([0.5]), torch.tensor([2.0]), torch.tensor([0.1]), torch.tensor([1.0])]
    one = gaussian_kl(*parts)
    many = gaussian_kl(*(part.repeat(64) for part in parts))
    torch.testing.assert_close(one, many)


def test_norm_and_squared_distance_by_hand() -> None:
    mean, running_mean = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    var, running_var = torch.tensor([1.0, 1.0]), torch.tensor([1.0, 3.0])
    assert norm_distance(mean, var, running_mean, running_var).item() == pytest.approx(5 + 2)
    assert squared_distance(mean, var, running_mean, running_var).item() == pytest.approx(25 + 4)


def test_logit_and_probability_distance_by_hand() -> None:
    teacher, student = torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.tensor([[2.0, 1.0], [0.0, 4.0]])
    assert logit_distance(teacher, student).item() == pytest.approx((1 + 2 + 0 + 4) / 4)
    even = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    # Probabilities of the second row: 1/2, 1/2 against 1/4, 3/4.
    sure = torch.tensor([[0.0, 0.0], [1.0, 1.0 + math.log(3.0)]])
    assert probability_distance(even, sure).item() == pytest.approx((0.25 + 0.25) / 4)


@pytest.mark.parametrize("distance", [gaussian_kl, norm_distance, squared_distance])
def test_distances_are_zero_at_the_memory_and_positive_elsewhere(distance: object) -> None:
    assert callable(distance)
    mean, var = torch.tensor([0.3, -1.0]), torch.tensor([0.5, 2.0])
    assert distance(mean, var, mean, var).item() == pytest.approx(0.0, abs=1e-7)
    assert distance(mean + 0.1, var, mean, var).item() > 0
    assert distance(mean, var * 1.5, mean, var).item() > 0


@pytest.mark.parametrize(("base", "least"), [("e", -math.log(3)), ("10", -math.log10(3))])
def test_balance_is_least_where_all_classes_are_said_alike(base: Base, least: float) -> None:
    said = torch.tensor([[3.0, 1.0, 0.0], [0.0, 0.5, 0.0]], device="cpu")
    log: dict[str, float] = {"e": 1.0, "10": math.log(10)}
    mean = torch.softmax(said.double(), dim=1).mean(dim=0).tolist()
    expected = sum(p * math.log(p) for p in mean) / log[base]
    assert balance_loss(said, base).item() == pytest.approx(expected, rel=1e-6)
    sure = 50 * torch.eye(3, device="cpu")
    assert balance_loss(sure, base).item() == pytest.approx(least, rel=1e-6)


def test_a_class_that_is_never_said_spoils_no_gradient() -> None:
    logits = torch.tensor([[0.0, -500.0, 1.0]], device="cpu", requires_grad=True)
    (gradient,) = torch.autograd.grad(balance_loss(logits), logits)
    assert bool(torch.isfinite(gradient).all())
    assert gradient[0, 0] != 0
