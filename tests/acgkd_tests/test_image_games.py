"""ZSKT and DFAD: generators of images that play against a student."""

import logging
from types import ModuleType
from typing import Any

import pytest
import torch

from acgkd.errors import ConfigError
from acgkd.images import IMAGES, ImageBatch
from acgkd.images.image_losses import attention_distance, one_hot_loss
from acgkd.losses import balance_loss
from acgkd.method import MethodContext
from acgkd.methods import METHODS
from acgkd.methods.dfad import DfadConfig
from acgkd.methods.zskt import ZsktConfig
from acgkd.run.distillation import Distillation

CPU = torch.device("cpu")


def numbers(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator(device=CPU).manual_seed(seed), device=CPU)


@pytest.mark.fidelity
def test_attention_is_compared_place_by_place() -> None:
    # One image of two places: the teacher looks at the first alone, the student at both alike.
    teacher = torch.tensor([[[[2.0, 0.0]], [[4.0, 0.0]]]], device=CPU)
    student = torch.tensor([[[[3.0, -3.0]]]], device=CPU)
    root = 0.5**0.5
    assert attention_distance([teacher], [student]).item() == pytest.approx(((1 - root) ** 2 + root**2) / 2)
    assert attention_distance([teacher, teacher], [student, teacher]).item() == pytest.approx(
        ((1 - root) ** 2 + root**2) / 2
    )


def test_the_released_settings_are_the_defaults() -> None:
    zskt, dfad = ZsktConfig(), DfadConfig()
    assert (zskt.synthesis.turn, zskt.transfer.turn, zskt.transfer.steps) == (1, 10, 80_000 * 10)
    assert (zskt.synthesis.clip, zskt.transfer.clip, zskt.synthesis.noise) == (5, 5, "kept")
    assert (zskt.synthesis.rate, zskt.transfer.rate, zskt.transfer.decay) == (1e-3, 2e-3, "cosine")
    assert (zskt.transfer.batch_size, zskt.transfer.temperature.value) == (128, 1)
    assert (zskt.synthesis.generator.ending, zskt.synthesis.generator.latent) == ("norm", 100)
    assert (dfad.synthesis.turn, dfad.transfer.turn, dfad.transfer.steps) == (1, 5, 40 * 50 * 5)
    assert (dfad.transfer.optimizer, dfad.transfer.rate, dfad.transfer.weight_decay) == ("sgd", 0.01, 1e-4)
    assert (dfad.synthesis.clip, dfad.transfer.clip, dfad.synthesis.noise) == (None, None, "fresh")
    assert (dfad.transfer.batch_size, dfad.transfer.distance, dfad.transfer.attention_weight) == (512, "logits", 0)
    assert (dfad.synthesis.generator.ending, dfad.synthesis.generator.eps) == ("tanh_norm", 1e-5)


@pytest.mark.parametrize("config", [ZsktConfig, DfadConfig])
def test_the_compact_recipe_is_that_of_both_stages_and_yields_to_what_is_said(config: Any) -> None:
    compact = config.model_validate({"synthesis": {"recipe": "compact"}, "transfer": {"steps": 70}})
    assert compact.synthesis.generator.width == 32
    assert (compact.transfer.batch_size, compact.transfer.optimizer, compact.transfer.steps) == (128, "adam", 70)
    assert config().synthesis.generator.width == 128


def test_a_student_at_rest_keeps_its_memory_in_the_generators_turn(tiny_images: ModuleType) -> None:
    for at_rest in (True, False):
        run = tiny_images.distillation("dfad", {"student_at_rest": at_rest}).method_run
        run._player.deal()
        before = run.student.norm.running_mean.clone()
        run._player.step(run.student)
        assert torch.equal(before, run.student.norm.running_mean) == at_rest


def test_further_terms_tie_the_generator_to_the_teachers_data(tiny_images: ModuleType) -> None:
    weights = {"one_hot_weight": 0.5, "balance_weight": 3.0, "statistics_weight": 0.25}
    run, plain = (tiny_images.distillation("zskt", settings).method_run for settings in (weights, {}))
    terms, bare = run._play(), plain._play()
    total = terms["synthesis_agreement"] + 0.5 * terms["synthesis_one_hot"] + 3 * terms["synthesis_balance"]
    assert terms["synthesis_loss"].item() == pytest.approx((total + 0.25 * terms["synthesis_statistics"]).item())
    assert bare["synthesis_loss"] == bare["synthesis_agreement"] == terms["synthesis_agreement"]
    again = tiny_images.distillation("zskt").method_run._player
    again.deal()
    again.generator.train()
    logits = IMAGES.logits(again.context.teacher, ImageBatch(again.generator(again._kept)))
    assert terms["synthesis_one_hot"].item() == pytest.approx(one_hot_loss(logits).item(), rel=1e-4)
    assert terms["synthesis_balance"].item() == pytest.approx(balance_loss(logits).item(), rel=1e-4)


@pytest.mark.parametrize("method", ["zskt", "dfad"])
@pytest.mark.parametrize("noise", ["kept", "fresh"])
def test_either_order_is_resumed_to_the_byte_under_a_curriculum(
    tiny: ModuleType, tiny_images: ModuleType, tmp_path: Any, method: str, noise: str
) -> None:
    curriculum = {"pacing": "linear", "pace": 0.6, "difficulty": "entropy"}
    transfer = {"steps": 5, "turn": 2, "images": 12, "curriculum": curriculum, "recalibration": 1}

    def fresh() -> Any:
        return tiny_images.distillation(method, {"noise": noise, "turn": 2}, transfer)

    tiny.assert_resumes_alike(fresh, range(1, 5), tmp_path)


# ---- what models and settings must be


def narrow_setting(tiny_images: ModuleType, stages: Any) -> MethodContext:
    """A setting whose student's stages are something else."""
    context: MethodContext = tiny_images.context()
    student: Any = context.student
    whole = student.stages
    student.encode = lambda x: student.pool(whole(x)[-1])
    student.stages = stages
    return context


def started(context: MethodContext, weight: float | None) -> Any:
    small = {"generator": {"latent": 6, "width": 8}}
    config = ZsktConfig.model_validate({"synthesis": small, "transfer": {"attention_weight": weight, "batch_size": 8}})
    return Distillation(METHODS["zskt"], config, context).method_run


@pytest.mark.parametrize("fewer", [True, False])
def test_attention_needs_stages_that_fit_each_other(
    tiny_images: ModuleType, caplog: pytest.LogCaptureFixture, fewer: bool
) -> None:
    def stages(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (x[:, :, 1:-1, 1:-1],) if fewer else (x, x)

    assert started(tiny_images.context(), None)._opponent.attention_weight == 250
    with pytest.raises(ConfigError, match=r"attention_weight: 0"):
        started(narrow_setting(tiny_images, stages), 1.0)
    with caplog.at_level(logging.WARNING):
        assert started(narrow_setting(tiny_images, stages), None)._opponent.attention_weight == 0
    assert "attention term of the student's loss is absent: The teacher's maps are of sizes" in caplog.text
    assert started(narrow_setting(tiny_images, stages), 0.0)._opponent.attention_weight == 0
    with pytest.raises(ConfigError, match=r"The student has no `stages` and `pool`"):
        started(narrow_setting(tiny_images, None), 1.0)


def test_settings_that_contradict_are_refused(tiny_images: ModuleType) -> None:
    with pytest.raises(ConfigError, match="knows no temperature"):
        tiny_images.distillation("dfad", {}, {"temperature": {"value": 4.0}})
    with pytest.raises(ConfigError, match="this one plays"):
        tiny_images.distillation("zskt", {}, {"samples": "fixed"})


def test_a_temperature_reaches_both_players(tiny_images: ModuleType) -> None:
    warm, cold = (tiny_images.distillation("zskt", {}, {"temperature": {"value": t}}).method_run for t in (4.0, 1.0))
    assert warm._opponent.softening == 4
    assert warm._play()["synthesis_loss"] != cold._play()["synthesis_loss"]
    learned = tiny_images.distillation("zskt", {}, {"temperature": {"mode": "adversarial"}}).method_run
    learned.step()
    assert not learned._opponent.softening.requires_grad
