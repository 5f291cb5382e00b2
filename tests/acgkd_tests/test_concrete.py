"""Discrete draws that gradients pass through: frequencies, values, gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acgkd.graphs.pseudo.concrete import (
    Noise,
    concrete_edges,
    concrete_features,
    degree_features,
    edge_probability,
    log_odds,
    one_hot,
)

NOISES: tuple[Noise, ...] = ("logistic", "gumbel")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.floats(0.001, 0.999), st.sampled_from(NOISES))
def test_log_odds_and_edge_probability_undo_each_other(probability: float, noise: Noise) -> None:
    p = torch.tensor([probability], dtype=torch.float64)
    assert edge_probability(log_odds(p, noise), noise).item() == pytest.approx(probability, rel=1e-9)


def test_edge_probability_by_hand() -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    assert edge_probability(zero, "logistic").item() == 0.5
    assert edge_probability(zero, "gumbel").item() == pytest.approx(1 - math.exp(-1))
    odds = torch.tensor([math.log(3.0)], dtype=torch.float64)
    assert edge_probability(odds, "logistic").item() == pytest.approx(0.75)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("probability", [0.05, 0.3, 0.5, 0.9])
def test_edges_are_drawn_as_often_as_their_probability_says(noise: Noise, probability: float) -> None:
    draws = 40_000
    logits = log_odds(torch.full((draws,), probability), noise)
    weights, _ = concrete_edges(
        logits, temperature=0.5, noise=noise, relaxation="straight_through", generator=generator(1)
    )
    deviation = math.sqrt(probability * (1 - probability) / draws)
    assert abs(weights.mean().item() - probability) < 4 * deviation


@pytest.mark.parametrize("noise", NOISES)
def test_the_temperature_does_not_change_which_edges_are_drawn(noise: Noise) -> None:
    logits = torch.randn(500, generator=generator(2))
    drawn = [
        concrete_edges(logits, temperature=t, noise=noise, relaxation="straight_through", generator=generator(3))[0]
        for t in (0.1, 0.5, 2.0)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("noise", NOISES)
def test_straight_through_edges_are_exactly_zero_or_one_with_the_relaxed_gradient(noise: Noise) -> None:
    logits = torch.randn(2000, generator=generator(4)).requires_grad_()
    hard, soft = concrete_edges(
        logits, temperature=0.5, noise=noise, relaxation="straight_through", generator=generator(5)
    )
    assert set(hard.tolist()) == {0.0, 1.0}
    assert torch.equal(hard == 1, soft > 0.5)
    (ours,) = torch.autograd.grad(hard.sum(), logits, retain_graph=True)
    (relaxed,) = torch.autograd.grad(soft.sum(), logits)
    assert torch.equal(ours, relaxed)
    # A few draws are so far out that the sigmoid is flat in single precision.
    assert bool((ours >= 0).all())
    assert (ours > 0).float().mean() > 0.99


def test_relaxed_edges_lie_between_and_sharpen_as_the_temperature_falls() -> None:
    logits = torch.randn(500, generator=generator(6))
    ends = []
    for temperature in (2.0, 0.5, 0.05):
        weights, soft = concrete_edges(
            logits, temperature=temperature, noise="logistic", relaxation="relaxed", generator=generator(7)
        )
        assert weights is soft
        assert bool(((weights >= 0) & (weights <= 1)).all())
        ends.append(torch.minimum(weights, 1 - weights).mean().item())
    assert ends[0] > ends[1] > ends[2]


def test_noise_stays_finite_in_a_million_draws() -> None:
    for noise in NOISES:
        weights, _ = concrete_edges(
            torch.zeros(1_000_000), temperature=0.5, noise=noise, relaxation="relaxed", generator=generator(8)
        )
        assert bool(torch.isfinite(weights).all())


def test_straight_through_features_are_exactly_one_hot_with_a_gradient() -> None:
    logits = torch.randn(2000, 5, generator=generator(9)).requires_grad_()
    rows = concrete_features(logits, temperature=0.5, relaxation="straight_through", generator=generator(10))
    assert set(rows.flatten().tolist()) == {0.0, 1.0}
    assert bool((rows.sum(dim=1) == 1).all())
    (gradient,) = torch.autograd.grad((rows * torch.arange(5.0)).sum(), logits)
    assert bool((gradient.abs().sum(dim=1) > 0).all())


def test_features_are_drawn_as_often_as_their_softmax_says() -> None:
    draws, scores = 40_000, torch.tensor([0.0, 1.0, -1.0])
    rows = concrete_features(
        scores.expand(draws, 3), temperature=0.7, relaxation="straight_through", generator=generator(11)
    )
    for share, p in zip(rows.mean(dim=0).tolist(), torch.softmax(scores, 0).tolist(), strict=True):
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / draws)


def test_relaxed_features_are_simplex_points() -> None:
    rows = concrete_features(torch.zeros(50, 4), temperature=1.0, relaxation="relaxed", generator=generator(12))
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(50))
    assert rows.max() < 1


def test_one_hot() -> None:
    assert one_hot(torch.tensor([2, 0]), 3, torch.float32).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_degree_features_are_the_degrees_of_the_drawn_graph() -> None:
    # Degrees 3, 1, 1, 1, 0; the third column means "2 or more".
    pairs = torch.tensor([[0, 0, 0], [1, 2, 3]])
    edge_index = torch.cat([pairs, pairs.flip(0)], dim=1)
    rows = degree_features(torch.ones(6), edge_index, 5, 3)
    assert rows.argmax(dim=1).tolist() == [2, 1, 1, 1, 0]
    assert set(rows.flatten().tolist()) == {0.0, 1.0}


def test_degree_features_pass_gradients_to_the_edges() -> None:
    pairs = torch.tensor([[0, 0], [1, 2]])
    edge_index = torch.cat([pairs, pairs.flip(0)], dim=1)
    weights = torch.tensor([1.0, 0.0, 1.0, 0.0], requires_grad=True)
    rows = degree_features(weights, edge_index, 3, 4)
    assert rows.argmax(dim=1).tolist() == [1, 1, 0]
    (gradient,) = torch.autograd.grad((rows * torch.arange(4.0)).sum(), weights)
    # A heavier edge raises the expected degree of the node at its end.
    assert bool((gradient > 0).all())
