"""The generator of images, and a generator as the synthesis of a method."""

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.images import IMAGES, ImageBatch
from acgkd.images.generator import ImageGenerator
from acgkd.method import MethodContext
from acgkd.models import build_model
from acgkd.runtime import Streams
from acgkd.settings.choices import Ending
from acgkd.settings.generators import GeneratedConfig
from acgkd.synthesis.images.generation import GeneratorTraining, Made
from acgkd.transfer.image_outputs import answer, last_maps

CPU = torch.device("cpu")


def generator(shape: tuple[int, int, int] = (1, 8, 8), **options: Any) -> ImageGenerator:
    chosen: dict[str, Any] = {"latent": 6, "width": 8, "ending": "tanh_norm", "eps": 0.8, **options}
    with Streams(0, CPU).fork("generator"):
        return ImageGenerator(shape, device=CPU, **chosen)


def noise(rows: int, length: int = 6) -> Tensor:
    return torch.randn(rows, length, generator=torch.Generator(device=CPU).manual_seed(0), device=CPU)


# ---- the network


@pytest.mark.parametrize(("latent", "channels", "parameters"), [(100, 1, 1_049_985), (1000, 3, 8_423_939)])
def test_the_released_generator_has_its_number_of_parameters(latent: int, channels: int, parameters: int) -> None:
    released = generator((channels, 32, 32), latent=latent, width=128)
    assert sum(parameter.numel() for parameter in released.parameters()) == parameters


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 28), (2, 4, 12)])
@pytest.mark.parametrize("ending", ["tanh_norm", "norm", "sigmoid"])
def test_images_have_the_priors_shape(shape: tuple[int, int, int], ending: Ending) -> None:
    statistics = ((0.5,) * shape[0], (0.25,) * shape[0])
    made = generator(shape, ending=ending, mean=statistics[0], std=statistics[1])(noise(3))
    assert made.shape == (3, *shape)


@pytest.mark.parametrize("side", [6, 30])
def test_a_side_that_doubling_does_not_reach_is_refused(side: int) -> None:
    with pytest.raises(ConfigError, match=f"multiples of 4, but got 8 x {side}"):
        generator((1, 8, side))


def test_endings_standardise_what_comes_out() -> None:
    z = noise(64)
    ends = generator()(z)
    assert ends.mean().item() == pytest.approx(0, abs=1e-5)
    assert ends.std().item() == pytest.approx(1, abs=0.01)
    assert generator().last_norm.weight is None
    assert generator(ending="norm").last_norm.weight is not None
    pixels = generator(ending="sigmoid", mean=(0.3,), std=(0.2,))(z) * 0.2 + 0.3
    assert 0 < pixels.min() < 0.5 < pixels.max() < 1


def test_eps_is_that_of_the_norms_between_convolutions_alone() -> None:
    made = generator()
    assert [norm.eps for norm in made.modules() if isinstance(norm, nn.BatchNorm2d)] == [1e-5, 0.8, 0.8, 1e-5]


# ---- training it


def training(of: MethodContext, pool: int = 8, **config: Any) -> GeneratorTraining:
    def magnitude(made: Made) -> dict[str, Tensor]:
        return {"loss": (made.x**2).mean() + made.logits.abs().mean()}

    small = {"steps": 4, "batch_size": 8, "generator": {"latent": 6, "width": 8}}
    chosen = GeneratedConfig.model_validate({**small, **config})
    return GeneratorTraining(chosen, of, terms=magnitude, pool=pool)


def test_latents_are_as_released_where_nothing_is_said(tiny_images: ModuleType) -> None:
    for channels, latent in ((1, 100), (3, 1000)):
        made = training(tiny_images.context(shape=(channels, 8, 8)), generator={"width": 8})
        assert made.generator.latent == latent


def test_sigmoid_ends_in_the_teachers_preprocessing(tiny_images: ModuleType) -> None:
    context = tiny_images.context()
    context = replace(context, prior=replace(context.prior, mean=(0.5,), std=(0.25,)))
    made = training(context, generator={"latent": 6, "width": 8, "ending": "sigmoid"}).generator(noise(30))
    assert -2 < made.min() < 0 < made.max() < 2
    assert made.max() - made.min() > 0.1


def test_a_step_is_adam_on_the_loss_of_fresh_noise(tiny: ModuleType, tiny_images: ModuleType) -> None:
    run, twin = training(tiny_images.context()), training(tiny_images.context())
    before = tiny.weight_bytes(run.generator)
    run.step(None)
    assert tiny.weight_bytes(run.generator) != before
    x = twin.generator.train()(twin.latents(8, "generator-noise"))
    loss = (x**2).mean() + IMAGES.logits(twin.context.teacher, ImageBatch(x)).abs().mean()
    optimizer = torch.optim.Adam(twin.generator.parameters(), lr=0.001, fused=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert tiny.weight_bytes(run.generator) == tiny.weight_bytes(twin.generator)


def test_one_pass_gives_answers_and_maps(tiny_images: ModuleType) -> None:
    teacher, x = tiny_images.context().teacher, torch.ones(2, *tiny_images.SHAPE, device=CPU)
    said = answer(teacher, x)
    assert torch.equal(said.logits, IMAGES.logits(teacher, ImageBatch(x)))
    assert torch.equal(said.embedding, teacher.encode(x))
    assert [maps.shape for maps in said.stages] == [(2, 8, 6, 6), (2, 8, 6, 6)]
    assert last_maps(teacher, said) is said.stages[-1]
    # A teacher of the user's need not have stages: then it is what the classifier sees.
    teacher.stages = None
    teacher.encode = lambda x: x.flatten(1)
    teacher.classifier = nn.Identity()
    said = answer(teacher, x)
    assert said.stages == ()
    assert torch.equal(said.embedding, x.flatten(1))
    assert last_maps(teacher, said) is said.embedding


@pytest.mark.parametrize(("preset", "side"), [("resnet-8", 8), ("wrn-10-1", 8), ("lenet5", 32)])
def test_the_last_maps_are_what_is_pooled(preset: str, side: int) -> None:
    with Streams(0, CPU).fork("teacher"):
        teacher = build_model(preset, 1, 3, device=CPU).eval()
    x = torch.randn(4, 1, side, side, generator=torch.Generator(device=CPU).manual_seed(0), device=CPU)
    with torch.no_grad():
        said = answer(teacher, x)
        maps = last_maps(teacher, said)
    assert maps.amin() >= 0
    if preset != "lenet5":
        assert torch.allclose(maps.mean(dim=(2, 3)), said.embedding)


def test_passes_of_generator_and_teacher_are_counted(tiny_images: ModuleType) -> None:
    run = training(tiny_images.context())
    width, half = 8, 4
    # The linear layer to 2 x 2, convolutions at 4 x 4 and 8 x 8, the last one.
    own = 6 * width * 4 + 9 * (width * width * 16 + width * half * 64 + half * 64)
    teacher = 9 * 8 * 36 + 8 * tiny_images.CLASSES
    assert run.multiply_adds == 0
    run.step(None)
    assert run.multiply_adds == 3 * 8 * (own + teacher)
    run.source("resampled").draw(torch.arange(5, device=CPU))
    assert run.multiply_adds == 3 * 8 * (own + teacher) + 5 * own


# ---- where transfer draws from


def test_fresh_images_are_of_a_generator_at_rest_and_live_for_one_step(tiny_images: ModuleType) -> None:
    run = training(tiny_images.context())
    run.step(None)
    source: Any = run.source("resampled")
    batch = source.draw(torch.arange(8, device=CPU))
    assert not run.generator.training
    alone = torch.cat([source.draw(torch.tensor([index], device=CPU)).x for index in range(8)])
    assert torch.allclose(batch.x, alone, atol=1e-5)
    source.renew()
    assert not torch.allclose(source.draw(torch.arange(8, device=CPU)).x, alone, atol=1e-2)


def test_a_fixed_set_is_made_once_and_named_by_the_teacher(tiny_images: ModuleType) -> None:
    run = training(tiny_images.context(), pool=20)
    source: Any = run.source("fixed")
    everything = torch.arange(20, device=CPU)
    first = source.draw(everything).x
    assert torch.equal(source.draw(everything).x, first)
    assert torch.equal(source.labels, IMAGES.logits(run.context.teacher, ImageBatch(first)).argmax(dim=1))


def test_a_joint_student_sees_what_the_generator_was_moved_by(tiny_images: ModuleType) -> None:
    run = training(tiny_images.context(), joint=True, pool=6)
    source: Any = run.source("resampled")
    run.step(None)
    moved_by = run.just_made
    assert moved_by is not None
    source.renew()
    assert source.labels.numel() == 8
    assert torch.equal(source.draw(torch.tensor([3, 1], device=CPU)).x, moved_by[[3, 1]])
    # Between two steps of the generator, fresh ones.
    source.renew()
    assert source.labels.numel() == 6
    assert source.draw(torch.arange(6, device=CPU)).x.shape == (6, *tiny_images.SHAPE)


def test_the_curriculum_lets_in_the_easiest_of_each_step(tiny_images: ModuleType) -> None:
    curriculum = {"pacing": "linear", "start": 0.25, "pace": 1.0, "difficulty": "entropy"}
    run = tiny_images.distillation("rdskd", None, {"batch_size": 40, "curriculum": curriculum})
    run.advance(until=0.5)
    source: Any = run.method_run._synthesis.source("resampled")
    drawn: list[Tensor] = []
    draw = source.draw
    source.draw = lambda indices: drawn.append(indices) or draw(indices)
    teacher = run.context.teacher
    transfer = run.method_run._begin_transfer()
    for share in (0.25, 0.4):
        drawn.clear()
        transfer.step(source)
        # As many are made as it takes for a batch at the start.
        assert source.labels.numel() == 160
        every = IMAGES.logits(teacher, draw(torch.arange(160, device=CPU)))
        entropy, said = torch.distributions.Categorical(logits=every).entropy(), every.argmax(dim=1)
        assert torch.equal(source.labels, said)
        *_, taught = drawn
        assert taught.unique().numel() == taught.numel() == 40
        for label in said.unique().tolist():
            members = (said == label).nonzero().flatten()
            mine = [index for index in taught.tolist() if said[index] == label]
            easiest = math.ceil(round(share * members.numel(), 9))
            assert entropy[mine].max() <= entropy[members].sort().values[easiest - 1] + 1e-6


def test_samples_carry_the_teachers_verdict(tiny_images: ModuleType) -> None:
    run = tiny_images.distillation("rdskd")
    run.advance(until=0.5)
    batch = run.method_run.samples(20)
    assert torch.equal(batch.labels, IMAGES.logits(run.context.teacher, batch).argmax(dim=1))
