"""The fast method: rounds of a generator that is tuned, and the pool that they fill."""

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from acgkd.errors import ConfigError
from acgkd.images import IMAGES, ImageBatch
from acgkd.losses import norm_distance, softened_kl
from acgkd.methods.fast_meta import FastConfig
from acgkd.modules.batch_norm import AveragedStatistics, BatchNormStatistics
from acgkd.synthesis.images.pool import ImagePool
from acgkd.transfer.two_phase import WarmedUp

CPU = torch.device("cpu")
PLAIN = {"augment": "none", "warm_up": 2}


def test_the_released_settings_are_the_defaults() -> None:
    synthesis, transfer = FastConfig().synthesis, FastConfig().transfer
    weights = (synthesis.adversarial_weight, synthesis.statistics_weight, synthesis.one_hot_weight)
    assert weights == (1.1, 10, 0.4)
    assert (synthesis.inner_steps, synthesis.latent_rate, synthesis.rate) == (5, 0.01, 0.003)
    assert (synthesis.steps, synthesis.warm_up, synthesis.reset_at, synthesis.batch_size) == (220, 20, 140, 256)
    assert (transfer.steps, transfer.optimizer, transfer.rate, transfer.decay) == (200 * 400, "sgd", 0.2, "cosine")
    assert (transfer.temperature.value, transfer.augment) == (20, "crop_flip")
    compact = FastConfig.model_validate({"synthesis": {"recipe": "compact"}})
    assert (compact.synthesis.steps, compact.transfer.optimizer) == (44, "adam")


def test_the_samples_to_look_at_are_those_of_the_last_rounds(tiny_images: ModuleType) -> None:
    run = tiny_images.distillation("fast_meta", {**PLAIN, "batch_size": 4}).method_run._synthesis
    for _ in range(3):
        run.step(run.context.student)
    in_order = run.images.plain(torch.arange(12, device=CPU))
    latest = run.samples(5)
    assert torch.equal(latest.x, in_order.x[-5:])
    assert torch.equal(latest.labels, in_order.labels[-5:])
    assert run.samples(14).labels.numel() == 14


def test_once_warm_the_student_counts_where_it_agrees(tiny_images: ModuleType) -> None:
    run = tiny_images.distillation("fast_meta", {**PLAIN, "adversarial_weight": 0.7}).method_run._synthesis
    x = torch.rand(6, *tiny_images.SHAPE, generator=torch.Generator(device=CPU).manual_seed(0), device=CPU)
    student = run.context.student.eval()
    labels = torch.arange(6, device=CPU) % 3
    terms, bare = run._terms(x, labels, student), run._terms(x, labels, None)
    target, output = (IMAGES.logits(model, ImageBatch(x)) for model in (run.context.teacher, student))
    alike = target.argmax(dim=1) == output.argmax(dim=1)
    expected = softened_kl(target, output, 1.0)[alike].sum() / 6
    assert terms["divergence"].item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-7)
    assert terms["loss"].item() == pytest.approx((bare["loss"] - 0.7 * expected).item(), rel=1e-5)


def test_the_warm_rounds_come_first_and_the_others_are_spread(tiny_images: ModuleType) -> None:
    run = tiny_images.distillation("fast_meta", {"steps": 5, "warm_up": 2, "reset_at": 3}, {"steps": 7}).method_run
    done = []
    for _ in range(7):
        run.step()
        done.append(run._synthesis.done)
    assert done == [3, 3, 4, 4, 5, 5, 5]
    assert run._source.labels.numel() == 5 * 8


def test_rounds_begin_the_epochs_of_the_released_loop() -> None:
    # Its 220 epochs each begin with a round; those after the first 20 continue with 400 steps of the student.
    before = {}
    taught = 0
    for epoch in range(220):
        for step in range(400 if epoch >= 20 else 0):
            before[taught + step] = epoch + 1
        taught += 400 if epoch >= 20 else 0
    transfer: Any = SimpleNamespace(done=0, config=FastConfig().transfer)
    synthesis: Any = SimpleNamespace(steps=220, done=0, source=lambda samples: None)
    run = WarmedUp(synthesis, transfer, first=20, samples="resampled")
    for done in (0, 1, 399, 400, 401, 40_000, 79_599, 79_600, 79_999):
        transfer.done = done
        assert run.due() == before[done]


def test_the_student_is_looked_at_from_the_last_warm_round_on(tiny_images: ModuleType) -> None:
    run = tiny_images.distillation("fast_meta", {**PLAIN, "warm_up": 3}).method_run._synthesis
    looked = ["divergence" in run.step(run.context.student) for _ in range(4)]
    assert looked == [False, False, True, True]


def test_the_first_layer_begins_anew(tiny_images: ModuleType) -> None:
    kept, anew = (
        tiny_images.distillation("fast_meta", {"warm_up": 4, "reset_at": at}).method_run._synthesis for at in (None, 2)
    )
    for run in (kept, anew):
        run.step(run.context.student)
    assert torch.equal(kept.generator.linear.weight, anew.generator.linear.weight)
    before = {name: value.clone() for name, value in anew.generator.state_dict().items()}
    drawn: dict[str, Tensor] = {}
    tuned = anew._tuned.load_state_dict
    anew._tuned.load_state_dict = lambda state: (drawn.update({k: v.clone() for k, v in state.items()}), tuned(state))
    anew.step(anew.context.student)
    changed = {name for name, value in drawn.items() if not torch.equal(value, before[name])}
    # As released, whose BatchNorm begins with scales near 0 and keeps its memory.
    assert changed == {"linear.weight", "linear.bias", "first_norm.weight"} | (changed & {"first_norm.bias"})
    for layer in ("linear", "first_norm"):
        assert drawn[f"{layer}.bias"].abs().max() == 0
    assert drawn["linear.weight"].std().item() == pytest.approx(0.02, rel=0.2)
    assert 0 < drawn["first_norm.weight"].abs().max().item() < 0.08


def test_statistics_are_averaged_over_rounds(tiny_images: ModuleType) -> None:
    teacher = tiny_images.context().teacher
    average, plain = AveragedStatistics(teacher, "norm", 0.75), BatchNormStatistics(teacher, "norm")
    batches = [torch.full((2, *tiny_images.SHAPE), value, device=CPU) for value in (1.0, 3.0)]
    moments = []
    for x in batches:
        for listener in (average, plain):
            with listener.listening():
                teacher.encode(x)
        seen = teacher.stages(x)[0]
        moments.append((seen.mean(dim=(0, 2, 3)), seen.var(dim=(0, 2, 3), unbiased=False)))
        if x is batches[0]:
            assert average.distance(CPU).item() == pytest.approx(plain.distance(CPU).item())
            average.remember()
    mean, var = (0.75 * one + 0.25 * other for one, other in zip(*moments, strict=True))
    expected = norm_distance(mean, var, teacher.norm.running_mean, teacher.norm.running_var)
    assert average.distance(CPU).item() == pytest.approx(expected.item(), rel=1e-4)


def test_a_pool_keeps_pixels_and_augments_what_it_hands_out(tiny_images: ModuleType) -> None:
    pool = ImagePool(4, tiny_images.context(), augment="crop_flip")
    x = torch.rand(2, *tiny_images.SHAPE, generator=torch.Generator(device=CPU).manual_seed(0), device=CPU)
    pool.add(2 * x - 0.5, torch.tensor([2, 0], device=CPU))
    everything = torch.arange(2, device=CPU)
    assert pool.labels.numel() == 2
    assert torch.allclose(pool.plain(everything).x, (2 * x - 0.5).clamp(0, 1), atol=0.5 / 255 + 1e-6)
    assert not torch.equal(pool.draw(everything).x, pool.plain(everything).x)


@pytest.mark.parametrize("transfer", [{"samples": "fixed"}, {"curriculum": {"pacing": "linear"}}])
def test_what_needs_a_whole_set_is_refused(tiny_images: ModuleType, transfer: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="this pool grows"):
        tiny_images.distillation("fast_meta", {}, transfer)
