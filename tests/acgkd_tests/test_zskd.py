"""ZSKD: how alike classes are, draws by that, data impressions and their variations, and both phases."""

import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from acgkd.config import RunConfig
from acgkd.errors import TeacherError
from acgkd.images import ImagePrior
from acgkd.methods.zskd import ZskdConfig
from acgkd.run.experiment import Experiment
from acgkd.synthesis.images.class_similarities import class_similarities, dirichlet
from acgkd.synthesis.images.impressions import Impressions
from acgkd.synthesis.images.variation import placements, varied

CPU = torch.device("cpu")
POOL: dict[str, Any] = {"images": 12, "batch_size": 6, "steps": 3, "rate": 0.05}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed(seed)


def teacher_of(weights: list[list[float]], *, after: tuple[nn.Module, ...] = ()) -> nn.Module:
    last = nn.Linear(len(weights[0]), len(weights), device=CPU)
    last.weight.data = torch.tensor(weights, device=CPU)
    teacher = nn.Module()
    teacher.classifier = nn.Sequential(nn.Identity(), nn.Sequential(last, *after)) if after else last
    return teacher


def learning(tiny_images: ModuleType, prior: ImagePrior | None = None, **synthesis: Any) -> Impressions:
    context = tiny_images.context()
    config = ZskdConfig.model_validate({"synthesis": {**POOL, **synthesis}}).synthesis
    return Impressions(config, replace(context, prior=prior) if prior else context)


def shown(made: Impressions) -> Tensor:
    """All images as the teacher reads them."""
    return made.source("fixed").draw(torch.arange(made.labels.numel(), device=CPU)).x


def of_way(image: Tensor, way: Tensor) -> Tensor:
    return varied(image.view(1, 1, *image.shape), way.unsqueeze(0), generator())[0, 0]


# ---- how alike classes are


@pytest.mark.fidelity
def test_similarities_are_cosines_between_the_least_and_1_of_their_row() -> None:
    found = class_similarities(teacher_of([[1.0, 0.0], [3.0, 3.0], [0.0, 2.0], [-1.0, 0.0]]))
    root = math.sqrt(0.5)
    # At 0, 45, 90 and 180 degrees; the least cosines are -1, -√½, 0 and -1.
    expected = [
        [1, (root + 1) / 2, 1 / 2, 0],
        [2 * root / (1 + root), 1, 2 * root / (1 + root), 0],
        [0, root, 1, 0],
        [0, (1 - root) / 2, 1 / 2, 1],
    ]
    assert found.dtype == torch.double
    assert found.tolist() == [pytest.approx(row, abs=1e-6) for row in expected]


def test_classes_that_are_all_alike_are_alike_by_1() -> None:
    assert torch.equal(class_similarities(teacher_of([[0.0, 0.0]] * 3)), torch.ones(3, 3, dtype=torch.double))


def test_the_last_layer_may_end_a_sequence() -> None:
    weights = [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    nested = teacher_of(weights, after=(nn.Flatten(), nn.Linear(3, 3, device=CPU)))
    nested.classifier[1][2].weight.data = torch.tensor(weights, device=CPU) @ torch.eye(2, 3, device=CPU)
    assert torch.equal(class_similarities(nested), class_similarities(teacher_of(weights)))


@pytest.mark.parametrize("last", [nn.Softmax(dim=1), nn.Sequential(), nn.Bilinear(2, 2, 3)])
def test_a_teacher_that_does_not_end_in_a_linear_layer_is_refused(tiny_images: ModuleType, last: nn.Module) -> None:
    context = tiny_images.context()
    context.teacher.classifier = nn.Sequential(context.teacher.classifier, last)
    with pytest.raises(TeacherError, match=f"must be a torch.nn.Linear, but it is {type(last).__name__}"):
        Impressions(ZskdConfig.model_validate({"synthesis": POOL}).synthesis, context)


# ---- draws


def test_draws_have_the_moments_of_the_dirichlet_distribution() -> None:
    shape = torch.tensor([0.05, 0.4, 1.0, 2.5], dtype=torch.double, device=CPU)
    count, total = 20_000, shape.sum()
    drawn = dirichlet(shape.expand(count, 4), generator())
    mean = shape / total
    variance = mean * (1 - mean) / (total + 1)
    assert torch.allclose(drawn.sum(dim=1), torch.ones(count, dtype=torch.double), atol=1e-12)
    # Five standard errors of the mean; those of the variance are worked out of the draws.
    assert bool(((drawn.mean(dim=0) - mean).abs() < 5 * (variance / count).sqrt()).all())
    squares = (drawn - mean) ** 2
    assert bool(((squares.mean(dim=0) - variance).abs() < 5 * squares.std(dim=0) / math.sqrt(count)).all())
    # Two components of one draw pull against each other: -α_i α_j / (α₀² (α₀ + 1)).
    together = ((drawn - mean)[:, 2] * (drawn - mean)[:, 3]).mean()
    assert together.item() == pytest.approx((-mean[2] * mean[3] / (total + 1)).item(), abs=0.003)


def test_draws_of_hardly_any_concentration_are_one_class_each_by_their_shares() -> None:
    shape = torch.tensor([0.0001, 0.0002, 0.0001], dtype=torch.double, device=CPU)
    drawn = dirichlet(shape.expand(4000, 3), generator())
    assert bool(drawn.isfinite().all())
    assert drawn.amax(dim=1).mean().item() > 0.999
    # Of 4,000, the share that falls on the second class has a standard error of 0.008.
    assert drawn[:, 1].mean().item() == pytest.approx(0.5, abs=0.04)


def test_either_half_of_a_class_is_drawn_with_its_own_concentration(tiny_images: ModuleType) -> None:
    made = learning(tiny_images, images=3000, concentration=20.0, second_concentration=0.01)
    rows = class_similarities(made.context.teacher)
    first = torch.arange(3000, device=CPU) // 3 % 2 == 0
    for label in range(3):
        chosen = first & (torch.arange(3000, device=CPU) % 3 == label)
        mean = 20 * rows[label] + 1e-4
        # Of 500 draws; no component's deviation is above 0.12 at a concentration of 20 and more.
        assert torch.allclose(made.answers[chosen].double().mean(dim=0), mean / mean.sum(), atol=5 * 0.12 / 500**0.5)
    assert made.answers[~first].amax(dim=1).mean().item() > 0.97
    assert made.answers[first].amax(dim=1).mean().item() < 0.9
    assert torch.equal(made.labels, made.answers.argmax(dim=1))
    assert torch.equal(made.samples(6).labels, made.labels[:6])


# ---- impressions


def test_the_loss_is_the_cross_entropy_of_the_draw_and_the_softened_answer(tiny_images: ModuleType) -> None:
    made = learning(tiny_images, temperature=7.0, square_weight=0.3)
    teacher, x = made.context.teacher, shown(made)[6:]
    terms = made.terms(x, slice(6, 12), None)
    said = torch.softmax(teacher.classifier(teacher.encode(x)) / 7, dim=1)
    entropy = -sum(made.answers[6 + i, c] * said[i, c].log() for i in range(6) for c in range(3)) / 6
    squares = sum(float((image**2).sum()) for image in x) / 2 / 6
    assert terms["cross_entropy"].item() == pytest.approx(float(entropy), rel=1e-5)
    assert terms["loss"].item() == pytest.approx(float(entropy) + 0.3 * squares, rel=1e-5)


def test_a_batch_is_stretched_from_black_to_white_after_every_step(tiny_images: ModuleType) -> None:
    prior = ImagePrior((1, 8, 8), 3, mean=(0.3,), std=(0.5,))
    made = learning(tiny_images, prior)
    twin = nn.Parameter(shown(made)[:6] * 0.5 + 0.3)
    optimizer = torch.optim.Adam([twin], lr=0.05, fused=True)
    for _ in range(3):
        loss = made.terms((twin - 0.3) / 0.5, slice(0, 6), None)["loss"]
        (twin.grad,) = torch.autograd.grad(loss, [twin])
        optimizer.step()
        least, largest = twin.data.min(), twin.data.max()
        twin.data = (twin.data - least) / (largest - least)
        made.step(None)
        x = shown(made)[:6]
        assert x.min().item() == pytest.approx(prior.lowest[0], abs=1e-6)
        assert x.max().item() == pytest.approx(prior.highest[0], abs=1e-6)
    assert torch.allclose(x, (twin.data - 0.3) / 0.5, atol=1e-5)


@pytest.mark.parametrize("std", [0.2, 0.5])
def test_the_rate_is_of_pixels_from_0_to_1_whatever_the_teacher_reads(tiny_images: ModuleType, std: float) -> None:
    made = learning(tiny_images, ImagePrior((1, 8, 8), 3, mean=(0.3,), std=(std,)), rate=1e-3)
    made.moved = lambda x: x  # type: ignore[method-assign]
    before = made.samples(6).x
    made.step(None)
    # Adam's first step moves every pixel that has a gradient by its rate.
    assert (made.samples(6).x - before).abs().max().item() * std == pytest.approx(1e-3, rel=1e-3)


def test_pixels_begin_even_between_black_and_white_or_free(tiny_images: ModuleType) -> None:
    prior = ImagePrior((1, 8, 8), 3, mean=(0.3,), std=(0.5,))
    stretched, free = (learning(tiny_images, prior, images=300, pixels=kind) for kind in ("stretched", "free"))
    pixels = shown(stretched) * 0.5 + 0.3
    assert 0 <= pixels.min().item() < 0.01 < 0.99 < pixels.max().item() <= 1
    assert pixels.mean().item() == pytest.approx(0.5, abs=0.01)
    assert shown(free).std().item() == pytest.approx(1, abs=0.02)
    free.step(None)
    assert free.samples(6).x.max().item() > 2


def test_impressions_come_to_say_what_was_drawn(tiny_images: ModuleType) -> None:
    made = learning(tiny_images, images=6, steps=60, rate=0.1, pixels="free", temperature=5.0)
    drawn = made.answers
    floor = -(drawn * drawn.clamp_min(1e-30).log()).sum(dim=1).mean().item()
    losses = [made.step(None)["loss"].item() for _ in range(60)]
    assert losses[-1] - floor < 0.5 * (losses[0] - floor)


# ---- variations


def test_each_way_to_vary_an_image_is_the_one_it_is_meant_to_be() -> None:
    ways, image = placements(), torch.rand(10, 10, generator=generator(), device=CPU)
    assert ways.shape == (1 + 3 + 4 + 10 + 3 + 12 + 40 + 30, 2, 3)
    assert torch.allclose(of_way(image, ways[0]), image, atol=1e-5)
    right, left, down, up = (of_way(image, way) for way in ways[4:8])
    assert torch.allclose(right[:, 2:], image[:, :-2], atol=1e-5)
    assert torch.allclose(left[:, :-2], image[:, 2:], atol=1e-5)
    assert torch.allclose(down[2:], image[:-2], atol=1e-5)
    assert torch.allclose(up[:-2], image[2:], atol=1e-5)
    assert right[:, :2].abs().max().item() < 1e-5
    quarters = [torch.rot90(image, times) for times in (1, -1)]
    assert torch.allclose(of_way(image, ways[8]), quarters[1], atol=1e-5)
    assert torch.allclose(of_way(image, ways[17]), quarters[0], atol=1e-5)
    flipped = [of_way(image, way) for way in ways[18:21]]
    for found, meant in zip(flipped, (image.flip(1), image.flip(0), image.t()), strict=True):
        assert torch.allclose(found, meant, atol=1e-5)


def test_two_ways_are_taken_one_after_the_other() -> None:
    ways = placements()
    ramp = torch.linspace(-0.95, 0.95, 20, device=CPU).expand(20, 20)
    # The pixels of a ramp say where they come from.
    assert torch.allclose(of_way(ramp, ways[3]), 0.6 * ramp, atol=1e-5)
    scaled_then_moved = of_way(ramp, ways[21 + 2 * 4])
    assert torch.allclose(scaled_then_moved[:, 4:], 0.6 * (ramp - 0.4)[:, 4:], atol=1e-5)
    moved_then_turned = of_way(ramp, ways[33])
    # Turned by a right angle, what was moved to the right is moved up or down.
    assert torch.allclose(moved_then_turned, of_way(of_way(ramp, ways[4]), ways[8]), atol=1e-5)


def test_a_pool_is_drawn_as_it_is_or_each_image_varied_on_black(tiny_images: ModuleType) -> None:
    prior = ImagePrior((1, 8, 8), 3, mean=(0.3,), std=(0.5,))
    made = learning(tiny_images, prior)
    indices = torch.tensor([3, 8], device=CPU)
    assert torch.equal(made.source("fixed").draw(indices).x, (made.x[indices] - 0.3) / 0.5)
    # White images: whatever is not white came in from outside, at most mixed with white at the edge.
    made.x.fill_(1.0)
    source = made.source("resampled")
    found = [source.draw(indices).x for _ in range(60)]
    assert min(x.min().item() for x in found) == pytest.approx(prior.lowest[0], abs=1e-5)
    assert max(x.max().item() for x in found) == pytest.approx(prior.highest[0], abs=1e-5)
    assert len({x.sum().item() for x in found}) > 10
    assert any(not torch.equal(x[0], x[1]) for x in found)


# ---- the method


def test_the_released_settings_are_the_defaults() -> None:
    config = ZskdConfig()
    made, taught = config.synthesis, config.transfer
    assert (made.images, made.batch_size, made.steps, made.rate) == (20 * 20 * 100, 100, 1500, 0.001)
    assert (made.concentration, made.second_concentration, made.temperature) == (1.0, 0.1, 20)
    assert (made.pixels, made.square_weight) == ("stretched", 0)
    assert (taught.steps, taught.batch_size, taught.rate) == (500 * 40_000 // 64, 64, 0.001)
    assert (taught.temperature.value, taught.samples, taught.optimizer) == (20, "resampled", "adam")
    compact = ZskdConfig.model_validate({"synthesis": {"recipe": "compact", "steps": 7}})
    assert (compact.synthesis.images, compact.synthesis.steps, compact.transfer.steps) == (512, 7, 2000)


VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "varied": ({**POOL, "images": 9}, {"curriculum": {"pacing": "linear", "pace": 0.9}}),
    "free": (
        {**POOL, "pixels": "free", "square_weight": 0.01},
        {"samples": "fixed", "temperature": {"mode": "adversarial"}},
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_resumed_to_the_byte_in_either_phase(
    tiny: ModuleType, tiny_images: ModuleType, tmp_path: Path, variant: str
) -> None:
    def fresh() -> Any:
        return tiny_images.distillation("zskd", *VARIANTS[variant])

    whole = tiny.assert_resumes_alike(fresh, range(1, fresh().total_steps), tmp_path)
    assert not whole.method.needs_student(whole.config)


@pytest.mark.slow
def test_impressions_teach_digits_better_than_noise(tmp_path: Path) -> None:
    taught = {"recipe": "compact", "steps": 400, "batch_size": 64}
    few = {"recipe": "compact", "images": 256, "steps": 100}
    methods = [
        {"name": "zskd", "synthesis": few, "transfer": taught},
        {"name": "noise", "synthesis": {"recipe": "compact"}, "transfer": taught},
    ]
    found: list[list[dict[str, float]]] = [[], []]
    for seed in (100, 101, 102):
        for method, rows in zip(methods, found, strict=True):
            teacher = {"preset": "resnet-8", "epochs": 20}
            config = {"dataset": "digits", "teacher": teacher, "student": "wrn-10-1", "method": method}
            experiment = Experiment(RunConfig.model_validate(config), seed, home=tmp_path)
            experiment.prepare()
            run = experiment.start()
            run.advance()
            rows.append(experiment.evaluate(run, ["validation_accuracy", "validation_divergence"]))
    accuracy, divergence = (
        [sum(row[f"validation_{name}"] for row in rows) / 3 for rows in found] for name in ("accuracy", "divergence")
    )
    # Seeds differ by 0.02 for impressions and by 0.03 for noise; their means by 0.05.
    assert accuracy[0] > accuracy[1]
    # By a factor of 0.4, of which seeds leave between 0.2 and 0.5.
    assert divergence[0] < 0.7 * divergence[1]
