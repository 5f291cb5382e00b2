"""RDSKD: its loss and its references, step by step."""

from math import exp
from types import ModuleType
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from acgkd.images.image_losses import diversity_loss, one_hot_loss
from acgkd.losses import balance_loss
from acgkd.methods.rdskd import RdskdConfig
from acgkd.settings.rdskd import RdskdSynthesisConfig
from acgkd.synthesis.images.rdskd_generator import RdskdGenerator
from acgkd.transfer.image_outputs import answer

CPU = torch.device("cpu")


def generator(tiny_images: ModuleType, **synthesis: Any) -> RdskdGenerator:
    config = RdskdSynthesisConfig.model_validate({**tiny_images.SYNTHESIS, "rate": 0.05, **synthesis})
    return RdskdGenerator(config, tiny_images.context(), pool=8)


def next_losses(run: RdskdGenerator, twin: RdskdGenerator) -> tuple[Tensor, Tensor, Tensor]:
    """The three plain losses of the step that `run` does next, from a twin with the same weights and noise."""
    twin.generator.load_state_dict(run.generator.state_dict())
    latents = twin.latents(8, "generator-noise")
    # One pass over both halves, whose BatchNorm sees all of them, as in the released `generator-train.py`.
    x = twin.generator.train()(latents)
    said = answer(twin.context.teacher, x).logits
    logarithm, pairing = twin.config.logarithm, twin.config.pairing  # type: ignore[attr-defined]
    diversity = diversity_loss(x[:4], x[4:], said[:4], said[4:], pairing)
    return one_hot_loss(said), balance_loss(said, logarithm), diversity


def followed(tiny_images: ModuleType, steps: int, **synthesis: Any) -> tuple[list[list[float]], list[float]]:
    """The plain losses of each step, and what it minimised."""
    run, twin = generator(tiny_images, **synthesis), generator(tiny_images, **synthesis)
    plain, totals = [], []
    for _ in range(steps):
        expected = next_losses(run, twin)
        shown = run.step(None)
        for name, value in zip(("one_hot", "balance", "diversity"), expected, strict=True):
            assert shown[name].item() == pytest.approx(value.item(), rel=1e-5)
        plain.append([value.item() for value in expected])
        totals.append(shown["loss"].item())
    return plain, totals


def totals_by_hand(plain: list[list[float]], references: list[tuple[float, float]]) -> list[float]:
    pairs = zip(plain, references, strict=True)
    return [exp(one_hot - c[0]) + exp(balance - c[1]) + diversity for (one_hot, balance, diversity), c in pairs]


def test_references_may_be_the_batch_before(tiny_images: ModuleType) -> None:
    plain, totals = followed(tiny_images, 4, reference="previous")
    references: Any = [(0.0, 0.0), *(tuple(losses[:2]) for losses in plain[:-1])]
    assert totals == pytest.approx(totals_by_hand(plain, references), rel=1e-5)


def test_references_may_be_a_running_average(tiny_images: ModuleType) -> None:
    plain, totals = followed(tiny_images, 4, reference="average", momentum=0.75)
    average = plain[0][:2]
    references: Any = [(0.0, 0.0), tuple(average)]
    for losses in plain[1:3]:
        average = [0.75 * past + 0.25 * now for past, now in zip(average, losses[:2], strict=True)]
        references.append(tuple(average))
    assert totals == pytest.approx(totals_by_hand(plain, references), rel=1e-5)


def test_weights_and_plain_sums(tiny_images: ModuleType) -> None:
    weights = {"one_hot_weight": 0.5, "balance_weight": 2.0, "diversity_weight": 7.0}
    options = {"exponential": False, "logarithm": "10", "pairing": "pair"}
    plain, totals = followed(tiny_images, 3, **weights, **options)
    assert totals == pytest.approx([0.5 * a + 2 * b + 7 * c for a, b, c in plain], rel=1e-5)


def test_the_released_settings_are_the_defaults() -> None:
    config = RdskdConfig()
    made, taught = config.synthesis, config.transfer
    assert (made.steps, made.batch_size, made.rate, made.epoch_steps) == (20 * 120, 512, 1e-3, 120)
    assert (made.one_hot_weight, made.balance_weight, made.diversity_weight) == (1, 1, 1)
    assert (made.exponential, made.reference, made.logarithm, made.pairing) == (True, "epoch", "e", "batch")
    assert (taught.steps, taught.batch_size, taught.rate) == (1000 * 120, 512, 2e-3)
    assert (taught.optimizer, taught.weight_decay, taught.decay) == ("adam", 0, "none")
    assert (taught.temperature.value, taught.curriculum.pacing, taught.samples) == (10, "none", "resampled")


def test_the_compact_recipe_fills_in_what_is_not_said() -> None:
    config = RdskdConfig.model_validate(
        {
            "synthesis": {"recipe": "compact", "generator": {"latent": 50}, "batch_size": 64},
            "transfer": {"temperature": {"value": 3.0}, "steps": 70},
        }
    )
    made, taught = config.synthesis, config.transfer
    assert (made.steps, made.batch_size, made.generator.width, made.generator.latent) == (400, 64, 32, 50)
    assert (made.rate, made.epoch_steps) == (1e-3, 120)
    assert (taught.recipe, taught.steps, taught.batch_size, taught.decay) == ("compact", 70, 128, "linear")
    assert taught.temperature.value == 3
    mixed = RdskdConfig.model_validate({"synthesis": {"recipe": "compact"}, "transfer": {"recipe": "released"}})
    assert mixed.transfer == RdskdConfig().transfer


@pytest.mark.parametrize(
    ("transfer", "words"),
    [
        ({"samples": "soft"}, "`samples: soft` is for graphs"),
        ({"projection": "gat"}, "`projection: gat` is for graphs"),
        ({"curriculum": {"difficulty": "edges"}}, "`difficulty: edges` is for graphs"),
    ],
)
def test_what_graphs_alone_have_is_refused(transfer: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RdskdConfig.model_validate({"transfer": transfer})


VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "joint": ({"joint": True, "epoch_steps": 2}, {"steps": 6}),
    "average": ({"reference": "average"}, {"curriculum": {"pacing": "linear", "pace": 0.9}, "images": 12}),
    "fixed": ({"reference": "previous"}, {"samples": "fixed", "images": 12, "temperature": {"mode": "adversarial"}}),
    "momentum": ({}, {"optimizer": "sgd", "rate": 0.1, "weight_decay": 5e-4, "decay": "cosine"}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_resumed_to_the_byte_in_either_phase(
    tiny: ModuleType, tiny_images: ModuleType, tmp_path: Any, variant: str
) -> None:
    def fresh() -> Any:
        return tiny_images.distillation("rdskd", *VARIANTS[variant])

    tiny.assert_resumes_alike(fresh, range(1, fresh().total_steps), tmp_path)


def test_joint_is_one_stage_and_cannot_be_shared(tiny_images: ModuleType) -> None:
    run = tiny_images.distillation("rdskd", {"joint": True})
    assert [(stage.name, stage.judged) for stage in run.stages] == [("joint", True)]
    assert run.method.needs_student(run.config)
    assert not run.method.needs_student(RdskdConfig())
    run.advance()
    assert run.method_run._synthesis.done == run.method_run._synthesis.steps
