"""DAFL, MSKD and the control beside them, noise."""

import math
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.methods.dafl import DaflConfig, DaflSynthesisConfig, dafl_terms
from acgkd.methods.mskd import MskdConfig, MskdSynthesisConfig, mskd_terms
from acgkd.methods.noise import NoiseConfig
from acgkd.synthesis.images.generation import Made

CPU = torch.device("cpu")


def made() -> Made:
    """Four images of two pixels, three classes, one map of four pixels."""

    def filled(*shape: int, seed: int) -> Tensor:
        return torch.randn(*shape, generator=torch.Generator(device=CPU).manual_seed(seed), device=CPU)

    return Made(
        filled(4, 5, seed=0),
        filled(4, 1, 1, 2, seed=1),
        filled(4, 3, seed=2),
        filled(4, 6, seed=3),
        filled(4, 1, 2, 2, seed=4),
    )


@pytest.mark.parametrize("features", ["maps", "embedding"])
@pytest.mark.parametrize("logarithm", ["10", "e"])
def test_the_loss_of_dafl_is_the_weighted_sum_of_its_terms(features: str, logarithm: str) -> None:
    said = made()
    weights = {"one_hot_weight": 0.5, "balance_weight": 3.0, "activation_weight": 0.2}
    how = DaflSynthesisConfig.model_validate({**weights, "features": features, "logarithm": logarithm})
    terms = dafl_terms(how)(said)
    mean = F.softmax(said.logits, dim=1).mean(dim=0)
    expected = {
        "one_hot": -F.log_softmax(said.logits, dim=1).max(dim=1).values.mean(),
        "balance": (mean * mean.log()).sum() / (math.log(10) if logarithm == "10" else 1),
        "activation": -(said.maps if features == "maps" else said.embedding).abs().mean(),
    }
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-5)
    total = 0.5 * expected["one_hot"] + 3 * expected["balance"] + 0.2 * expected["activation"]
    assert terms["loss"].item() == pytest.approx(total.item(), rel=1e-5)


def test_mskd_is_dafl_and_the_mode_seeking_term() -> None:
    said = made()
    plain = dafl_terms(DaflSynthesisConfig())(said)
    terms = mskd_terms(MskdSynthesisConfig(mode_seeking_weight=0.5))(said)
    apart = (said.x[2:] - said.x[:2]).abs().mean() / (said.latents[2:] - said.latents[:2]).abs().mean()
    assert terms["mode_seeking"].item() == pytest.approx(1 / (apart.item() + 1e-5), rel=1e-5)
    assert terms["loss"].item() == pytest.approx((plain["loss"] + 0.5 * terms["mode_seeking"]).item(), rel=1e-5)


def test_without_its_term_mskd_is_dafl(tiny: ModuleType, tiny_images: ModuleType) -> None:
    dafl, mskd = tiny_images.distillation("dafl"), tiny_images.distillation("mskd", {"mode_seeking_weight": 0.0})
    seeking = tiny_images.distillation("mskd")
    for run in (dafl, mskd, seeking):
        run.advance()
    assert tiny.weight_bytes(dafl.student) == tiny.weight_bytes(mskd.student) != tiny.weight_bytes(seeking.student)


def test_the_released_settings_are_the_defaults() -> None:
    for config in (DaflConfig(), MskdConfig()):
        synthesis, transfer = config.synthesis, config.transfer
        weights = (synthesis.one_hot_weight, synthesis.balance_weight, synthesis.activation_weight)
        assert weights == (1, 5, 0.1)
        assert (synthesis.joint, synthesis.logarithm, synthesis.rate) == (True, "10", 0.2)
        assert synthesis.steps == transfer.steps == 200 * 120
        assert (synthesis.batch_size, transfer.batch_size, transfer.rate) == (512, 512, 2e-3)
        assert (transfer.temperature.value, transfer.decay, transfer.samples) == (1, "none", "resampled")
    assert MskdConfig().synthesis.mode_seeking_weight == 1
    compact = DaflConfig.model_validate({"synthesis": {"recipe": "compact"}})
    assert compact.synthesis.steps == compact.transfer.steps
    assert compact.synthesis.batch_size == compact.transfer.batch_size


def test_the_generator_never_sees_the_student(tiny: ModuleType, tiny_images: ModuleType) -> None:
    slow, fast = (tiny_images.distillation("dafl", {}, {"rate": rate}) for rate in (1e-4, 1e-1))
    for run in (slow, fast):
        run.advance()
    assert tiny.weight_bytes(slow.method_run._synthesis.generator) == tiny.weight_bytes(
        fast.method_run._synthesis.generator
    )
    assert tiny.weight_bytes(slow.student) != tiny.weight_bytes(fast.student)


@pytest.mark.parametrize("method", ["dafl", "mskd"])
def test_the_generator_may_come_first(tiny: ModuleType, tiny_images: ModuleType, tmp_path: Any, method: str) -> None:
    def fresh() -> Any:
        return tiny_images.distillation(method, {"joint": False})

    whole = tiny.assert_resumes_alike(fresh, (2, 4, 7), tmp_path)
    assert [stage.name for stage in whole.stages] == ["synthesis", "transfer"]
    assert not whole.method.needs_student(whole.config)


# ---- noise


def test_noise_is_standard_normal_where_the_teacher_reads_it(tiny_images: ModuleType) -> None:
    run = tiny_images.distillation("noise")
    x = run.method_run.samples(2000).x
    assert x.shape == (2000, *tiny_images.SHAPE)
    assert x.mean().item() == pytest.approx(0, abs=0.02)
    assert x.std().item() == pytest.approx(1, abs=0.02)
    assert [stage.name for stage in run.stages] == ["transfer"]
    assert NoiseConfig().transfer.temperature.value == 10
    with pytest.raises(ConfigError, match="no synthesis step"):
        run.method_run._synthesis.step(None)


def test_an_untrained_generator_is_standardised_over_its_own_images(tiny_images: ModuleType) -> None:
    run = tiny_images.distillation("noise", {"source": "generator"})
    x = run.method_run.samples(500).x
    assert x.mean().item() == pytest.approx(0, abs=0.1)
    assert x.std().item() == pytest.approx(1, abs=0.1)
    norm = run.method_run._synthesis.maker.first_norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_mean.abs().max() > 0


@pytest.mark.parametrize("samples", ["resampled", "fixed"])
@pytest.mark.parametrize("source", ["noise", "generator"])
def test_noise_is_resumed_to_the_byte(
    tiny: ModuleType, tiny_images: ModuleType, tmp_path: Any, source: str, samples: str
) -> None:
    def fresh() -> Any:
        return tiny_images.distillation("noise", {"source": source}, {"samples": samples, "images": 10})

    whole, run, resumed = fresh(), fresh(), fresh()
    whole.advance()
    run.advance(until=0.5)
    run.save(tmp_path / "run.ckpt")
    resumed.load(tmp_path / "run.ckpt")
    resumed.advance()
    assert tiny.weight_bytes(resumed.student) == tiny.weight_bytes(whole.student)
    assert resumed.method_run.multiply_adds() == whole.method_run.multiply_adds()
