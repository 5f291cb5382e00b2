"""What ties a generator of images to its teacher, against numbers worked out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from acgkd.images.image_losses import (
    Pairing,
    activation_loss,
    diversity_loss,
    mode_seeking_loss,
    one_hot_loss,
    penalised,
)

LOGITS = torch.tensor([[3.0, 1.0, 0.0], [0.0, 0.5, 0.0]], device="cpu")


def images(*values: float) -> Tensor:
    """One image of two pixels for each pair of values."""
    return torch.tensor(values, dtype=torch.float32, device="cpu").view(-1, 1, 1, 2)


def test_one_hot_is_minus_the_logarithm_of_the_largest_probability() -> None:
    rows = [[3.0, 1.0, 0.0], [0.5, 0.0, 0.0]]
    expected = sum(math.log(sum(math.exp(v) for v in row)) - row[0] for row in rows) / 2
    assert one_hot_loss(LOGITS).item() == pytest.approx(expected, rel=1e-6)
    assert one_hot_loss(100 * LOGITS).item() == pytest.approx(0.0, abs=1e-6)


def test_activation_is_the_negative_mean_magnitude() -> None:
    assert activation_loss(torch.tensor([[1.0, -3.0], [0.0, 2.0]], device="cpu")).item() == -1.5


@pytest.mark.parametrize(
    ("pairing", "expected"),
    [
        # Differences of images: (3, 4) and (0, 12); of answers: 0.6 and 0.2 along one direction of length √2.
        ("batch", math.sqrt(2 * (0.6**2 + 0.2**2)) / math.sqrt(25 + 144)),
        ("pair", (math.sqrt(2) * 0.6 / 5 + math.sqrt(2) * 0.2 / 12) / 2),
    ],
)
def test_diversity_is_a_ratio_of_norms(pairing: Pairing, expected: float) -> None:
    one, other = images(0, 0, 1, 1), images(3, 4, 1, 13)
    said = torch.tensor([[0.2, 0.8], [0.5, 0.5]], device="cpu").log()
    other_said = torch.tensor([[0.8, 0.2], [0.7, 0.3]], device="cpu").log()
    loss = diversity_loss(one, other, said, other_said, pairing)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    as_written = 1 / ((other - one).norm() / (other_said.exp() - said.exp()).norm() + 1e-20)
    if pairing == "batch":
        assert loss.item() == pytest.approx(as_written.item(), rel=1e-5)


@pytest.mark.parametrize("pairing", ["batch", "pair"])
@pytest.mark.parametrize("apart", [0.0, 2.0])
def test_where_the_teacher_says_the_same_of_both_diversity_is_0_and_has_a_gradient(
    pairing: Pairing, apart: float
) -> None:
    one = images(0, 0, 1, 1).requires_grad_()
    weight = torch.zeros(2, 3, device="cpu", requires_grad=True)
    other = one.detach() + apart
    logits = LOGITS + 0 * (one.flatten(1) @ weight)
    loss = diversity_loss(one, other, logits, LOGITS, pairing)
    assert loss.item() == 0
    for gradient in torch.autograd.grad(loss, (one, weight)):
        assert bool(torch.isfinite(gradient).all())


def test_mode_seeking_compares_images_with_their_noise() -> None:
    z, other_z = torch.zeros(2, 4, device="cpu"), torch.full((2, 4), 0.5, device="cpu")
    loss = mode_seeking_loss(images(0, 0, 1, 1), images(3, 4, 1, 2), z, other_z)
    assert loss.item() == pytest.approx(1 / (2.0 / 0.5 + 1e-5), rel=1e-6)
    same = images(0, 0, 1, 1).requires_grad_()
    loss = mode_seeking_loss(same, same.detach(), z, other_z)
    assert loss.item() == pytest.approx(1e5)
    assert bool(torch.isfinite(torch.autograd.grad(loss, same)[0]).all())


def test_an_increment_is_penalised_exponentially() -> None:
    loss = torch.tensor([0.5, -2.0], device="cpu", requires_grad=True)
    reference = torch.tensor([0.2, -1.5], device="cpu")
    total = penalised(loss, reference)
    assert total.tolist() == pytest.approx([math.exp(0.3), math.exp(-0.5)])
    # The adaptive weight of a loss is its own penalty.
    (gradient,) = torch.autograd.grad(total.sum(), loss)
    assert torch.equal(gradient, total.detach())


def test_one_hot_is_the_cross_entropy_at_the_teachers_class() -> None:
    assert torch.equal(one_hot_loss(LOGITS), F.cross_entropy(LOGITS, torch.tensor([0, 1], device="cpu")))
