import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acgkd.errors import ConfigError
from acgkd.losses import softened_kl
from acgkd.transfer.temperature import AdversarialTemperature, FixedTemperature, cosine_ramp

CPU = torch.device("cpu")


def test_the_ramp_is_a_half_cosine_from_zero_to_one() -> None:
    assert cosine_ramp(0.0, 0.1) == 0.0
    assert cosine_ramp(0.05, 0.1) == pytest.approx(0.5)
    assert cosine_ramp(0.025, 0.1) == pytest.approx(0.5 * (1 - math.sqrt(0.5)))
    assert cosine_ramp(0.1, 0.1) == cosine_ramp(0.7, 0.1) == 1.0


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_the_ramp_never_falls_and_stays_within_zero_and_one(one: float, other: float, ramp: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= cosine_ramp(low, ramp) <= cosine_ramp(high, ramp) + 1e-12 <= 1 + 1e-12


@given(st.floats(-1e6, 1e6), st.floats(0, 1))
def test_the_learned_temperature_stays_within_its_bounds(w: float, done: float) -> None:
    learned = AdversarialTemperature(1.5, 7.0, CPU)
    with torch.no_grad():
        learned.w.fill_(w)
    assert 1.5 <= learned(done).item() <= 7.0


def test_it_starts_in_the_middle() -> None:
    assert AdversarialTemperature(1.0, 21.0, CPU)(0.0).item() == pytest.approx(11.0)


def gradient_of_w(done: float, ramp: float = 0.1) -> float:
    learned = AdversarialTemperature(1.0, 8.0, CPU, ramp=ramp)
    teacher, student = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    softened_kl(teacher, student, learned(done)).mean().backward()
    assert learned.w.grad is not None
    return learned.w.grad.item()


def test_the_gradient_is_reversed_and_ramped() -> None:
    # The same number without the reversal, by hand: d loss / d tau * d tau / d w.
    w = torch.zeros((), requires_grad=True)
    teacher, student = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    (straight,) = torch.autograd.grad(softened_kl(teacher, student, 1 + 7 * torch.sigmoid(w)).mean(), w)
    assert straight.item() != 0
    assert gradient_of_w(0.5) == pytest.approx(-straight.item(), rel=1e-5)
    assert gradient_of_w(0.05) == pytest.approx(-0.5 * straight.item(), rel=1e-5)
    assert gradient_of_w(0.0) == 0.0


def test_one_step_of_descent_makes_the_loss_larger() -> None:
    learned = AdversarialTemperature(1.0, 8.0, CPU)
    teacher, student = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    optimizer = torch.optim.SGD(learned.parameters(), lr=0.1)
    before = softened_kl(teacher, student, learned(1.0)).mean()
    before.backward()
    optimizer.step()
    assert softened_kl(teacher, student, learned(1.0)).mean() > before


def test_the_student_is_not_reversed() -> None:
    student = torch.tensor([[0.0, 1.0]], requires_grad=True)
    learned = AdversarialTemperature(1.0, 8.0, CPU)
    softened_kl(torch.tensor([[3.0, 0.0]]), student, learned(1.0)).mean().backward()
    assert student.grad is not None
    assert student.grad[0, 0] < 0  # Descent raises the logit that the teacher favours.


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 2.0), (3.0, 3.0), (4.0, 2.0)])
def test_bounds_that_are_none_are_refused(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match="low"):
        AdversarialTemperature(low, high, CPU)


def test_a_fixed_temperature_is_one_number_without_parameters() -> None:
    fixed = FixedTemperature(4.0)
    assert [fixed(done) for done in (0.0, 0.5, 1.0)] == [4.0, 4.0, 4.0]
    assert not list(fixed.parameters())
    with pytest.raises(ConfigError, match="temperature > 0"):
        FixedTemperature(0.0)
