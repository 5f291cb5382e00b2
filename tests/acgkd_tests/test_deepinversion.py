"""DeepInversion: its losses by hand, its pool, and both phases."""

import logging
import math
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from acgkd.images.image_losses import answer_overlap, total_variation
from acgkd.methods.deepinversion import DeepInversionConfig
from acgkd.settings.choices import Overlap
from acgkd.synthesis.images.deep_inversion import DeepInversion

CPU = torch.device("cpu")
POOL: dict[str, Any] = {"images": 12, "batch_size": 6, "steps": 3, "statistics_weight": 1.0}


def learning(tiny_images: ModuleType, **synthesis: Any) -> DeepInversion:
    config = DeepInversionConfig.model_validate({"synthesis": {**POOL, **synthesis}}).synthesis
    return DeepInversion(config, tiny_images.context())


@pytest.mark.fidelity
def test_variation_is_summed_over_four_directions() -> None:
    x = torch.tensor([[0.0, 3.0], [4.0, 1.0]], device=CPU).view(1, 1, 2, 2)
    # To the right 3 and 3, downwards 4 and 2, along the diagonals 1 and 1.
    assert total_variation(x).item() == pytest.approx(math.sqrt(18) + math.sqrt(20) + 1 + 1)
    assert total_variation(x, "mean").item() == pytest.approx(3 + 3 + 1 + 1)


@pytest.mark.parametrize("divergence", ["released", "jensen_shannon"])
def test_overlap_is_one_for_equal_answers_and_falls_with_their_divergence(divergence: Overlap) -> None:
    one, other = torch.tensor([[6.0, 0.0]], device=CPU), torch.tensor([[0.0, 6.0]], device=CPU)
    assert answer_overlap(one, one, divergence=divergence).item() == pytest.approx(1.0)
    p = 1 / (1 + math.exp(-2))
    # Their mean is one half of either class.
    halves = {
        "released": -(math.log(2 * p) + math.log(2 * (1 - p))) / 2,
        "jensen_shannon": p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p)),
    }
    overlap = answer_overlap(one, other, divergence=divergence).item()
    assert overlap == pytest.approx(1 - halves[divergence], rel=1e-5)


@pytest.mark.fidelity
def test_the_released_overlap_cuts_off_answers_and_their_mean_each_by_itself() -> None:
    said = torch.tensor([[0.999, 0.0005, 0.0005], [0.6, 0.3, 0.1]], dtype=torch.double, device=CPU)
    other_said = torch.tensor([[0.013, 0.004, 0.983], [0.2, 0.7, 0.1]], dtype=torch.double, device=CPU)

    def kept(p: float) -> float:
        return min(max(p, 0.01), 0.99)

    apart = 0.0
    for row, other_row in zip(said.tolist(), other_said.tolist(), strict=True):
        for p, q in zip(row, other_row, strict=True):
            mean = kept((p + q) / 2)
            apart += mean * (math.log(mean / kept(p)) + math.log(mean / kept(q))) / 4
    assert answer_overlap(3 * said.log(), 3 * other_said.log()).item() == pytest.approx(1 - apart, rel=1e-6)


@pytest.mark.parametrize("divergence", ["released", "jensen_shannon"])
def test_answers_that_exclude_each_other_spoil_no_gradient(divergence: Overlap) -> None:
    one = torch.tensor([[900.0, 0.0, 0.0]], device=CPU, requires_grad=True)
    other = torch.tensor([[0.0, 900.0, 0.0]], device=CPU)
    (gradient,) = torch.autograd.grad(answer_overlap(one, other, divergence=divergence), one)
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("variation", ["norm", "mean"])
def test_the_loss_is_the_weighted_sum_of_its_terms(tiny_images: ModuleType, variation: str) -> None:
    weights = {"statistics_weight": 0.7, "variation_weight": 0.3, "square_weight": 0.2, "adversarial_weight": 0.5}
    made = learning(tiny_images, jitter=0, variation=variation, **weights)
    teacher, student = made.context.teacher, made.context.student
    x = made.x[:6].clone()
    terms = made.terms(x, slice(0, 6), student)
    seen = teacher.convolution(x)
    mean, var = seen.mean(dim=(0, 2, 3)), seen.var(dim=(0, 2, 3), correction=0)
    statistics = (mean - teacher.norm.running_mean).norm() + (var - teacher.norm.running_var).norm()
    logits = teacher.classifier(teacher.encode(x))
    expected = (
        F.cross_entropy(logits, torch.tensor([0, 1, 2, 0, 1, 2], device=CPU))
        + 0.7 * statistics
        + 0.3 * total_variation(x, variation)  # type: ignore[arg-type]
        + 0.2 * x.norm()
        + 0.5 * answer_overlap(logits, student.classifier(student.encode(x)))
    )
    assert not student.training
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_a_step_is_one_of_adam_for_the_batch_whose_turn_it_is(tiny_images: ModuleType) -> None:
    made = learning(tiny_images, jitter=0)
    before = made.x.clone()
    twin = nn.Parameter(before[:6].clone())
    optimizer = torch.optim.Adam([twin], lr=0.1, fused=True)
    for _ in range(3):
        loss = made.terms(twin, slice(0, 6), None)["loss"]
        (twin.grad,) = torch.autograd.grad(loss, [twin])
        optimizer.step()
        made.step(None)
    assert torch.equal(made.x[:6], twin.detach())
    assert torch.equal(made.x[6:], before[6:])
    made.step(None)
    assert torch.equal(made.x[:6], twin.detach())
    # The first step of an Adam of its own moves every pixel that has a gradient by the rate.
    assert (made.x[6:] - before[6:]).abs().max().item() == pytest.approx(0.1, rel=1e-3)


def test_jitter_rolls_and_flips_what_the_teacher_sees(tiny_images: ModuleType) -> None:
    made = learning(tiny_images, jitter=1, flip=True)
    x = made.x[:1]
    possible = [
        torch.roll(way, (rows, columns), (2, 3))
        for way in (x, x.flip(3))
        for rows in (-1, 0, 1)
        for columns in (-1, 0, 1)
    ]
    found: set[int] = set()
    for _ in range(60):
        seen = made._jittered(x)
        found |= {i for i, other in enumerate(possible) if torch.equal(seen, other)}
    assert len(found) > 9


def test_clipped_pixels_lie_between_black_and_white(tiny_images: ModuleType) -> None:
    made = learning(tiny_images, clip=True)
    for _ in range(made.steps):
        made.step(None)
    assert made.x.min().item() >= 0
    assert made.x.max().item() <= 1


def test_a_pool_is_drawn_as_it_is_or_moved(tiny_images: ModuleType) -> None:
    made = learning(tiny_images)
    indices = torch.tensor([3, 8], device=CPU)
    assert torch.equal(made.source("fixed").draw(indices).x, made.x[indices])
    moved = made.source("resampled")
    assert not torch.equal(moved.draw(indices).x, moved.draw(indices).x)
    assert made.source("fixed").labels.tolist() == [0, 1, 2] * 4


def test_beside_a_student_the_pool_has_what_is_learned(tiny_images: ModuleType) -> None:
    made = learning(tiny_images, adversarial_weight=1.0)
    source = made.source("fixed")
    sizes = []
    for _ in range(made.steps):
        made.step(made.context.student)
        source.renew()  # type: ignore[attr-defined]
        sizes.append(source.labels.numel())
    assert sizes == [6, 6, 6, 6, 6, 12]
    assert all(parameter.grad is None for parameter in made.context.student.parameters())


def test_the_released_settings_are_the_defaults() -> None:
    config = DeepInversionConfig()
    made = config.synthesis
    assert (made.batch_size, made.steps, made.rate, made.jitter, made.clip) == (256, 2000, 0.1, 2, False)
    assert (made.statistics_weight, made.variation_weight, made.square_weight) == (100, 2.5e-5, 0)
    assert (made.adversarial_weight, made.statistics, made.variation) == (0, "norm", "norm")
    assert config.transfer.temperature.value == 3
    compact = DeepInversionConfig.model_validate({"synthesis": {"recipe": "compact", "steps": 7}})
    assert (compact.synthesis.images, compact.synthesis.steps, compact.transfer.steps) == (512, 7, 2000)


def test_a_teacher_without_batch_norm_is_said(tiny_images: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    context = tiny_images.context()
    context.teacher.norm = nn.Identity()
    config = DeepInversionConfig.model_validate({"synthesis": POOL}).synthesis
    with caplog.at_level(logging.WARNING):
        made = DeepInversion(config, context)
    assert "statistics term of the synthesis loss is absent" in caplog.text
    assert made.step(None)["statistics"].item() == 0


VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "adaptive": (
        {**POOL, "adversarial_weight": 1.0, "flip": True},
        {"steps": 5, "curriculum": {"pacing": "linear", "pace": 0.9}},
    ),
    "uneven": ({**POOL, "images": 9, "clip": True}, {"samples": "fixed", "curriculum": {"pacing": "linear"}}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_resumed_to_the_byte_in_either_phase(
    tiny: ModuleType, tiny_images: ModuleType, tmp_path: Any, variant: str
) -> None:
    def fresh() -> Any:
        return tiny_images.distillation("deepinversion", *VARIANTS[variant])

    whole = tiny.assert_resumes_alike(fresh, range(1, fresh().total_steps), tmp_path)
    assert whole.method.needs_student(whole.config) == (variant == "adaptive")
