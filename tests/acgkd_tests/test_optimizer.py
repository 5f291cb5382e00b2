"""How a model is moved, and what becomes of its learning rate."""

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from acgkd.settings.transfer_stage import OptimizerConfig
from acgkd.transfer.optimizer import build_optimizer, decayed

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        ("linear", [1.0, 0.75, 0.5, 0.25]),
        ("none", [1.0] * 4),
        ("cosine", [(1 + math.cos(math.pi * n / 4)) / 2 for n in range(4)]),
        ("steps", [1.0, 1.0, 0.1, 0.01]),
    ],
)
def test_rates(decay: Any, expected: list[float]) -> None:
    config = OptimizerConfig(rate=1.0, decay=decay, decay_at=(0.5, 0.75))
    assert [decayed(config, done / 4) for done in range(4)] == pytest.approx(expected)


def test_steps_are_taken_at_their_share_and_not_after() -> None:
    config = OptimizerConfig(rate=1.0, decay="steps")
    rates = [decayed(config, done / 10) for done in range(10)]
    assert rates == pytest.approx([1.0] * 4 + [0.1] * 4 + [0.01] * 2)


@pytest.mark.parametrize("shares", [(0.8, 0.4), (0.4, 0.4), (0.4, 1.0)])
def test_shares_rise_between_0_and_1(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        OptimizerConfig(decay_at=shares)


def moved(optimizer: torch.optim.Optimizer, parameter: nn.Parameter, steps: int = 3) -> float:
    for _ in range(steps):
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    return parameter.item()


def number() -> nn.Parameter:
    return nn.Parameter(torch.tensor(2.0, device=CPU))


def test_descent_has_momentum_and_weight_decay() -> None:
    parameter = number()
    config = OptimizerConfig(optimizer="sgd", rate=0.1, momentum=0.5, weight_decay=0.2)
    value, speed = 2.0, 0.0
    for _ in range(3):
        speed = 0.5 * speed + 1 + 0.2 * value
        value -= 0.1 * speed
    assert moved(build_optimizer(config, [parameter]), parameter) == pytest.approx(value, rel=1e-6)


def test_what_is_not_to_decay_does_not() -> None:
    for optimizer in ("adam", "sgd"):
        plain = OptimizerConfig.model_validate({"optimizer": optimizer})
        decaying = OptimizerConfig.model_validate({"optimizer": optimizer, "weight_decay": 5.0})
        one, other, alone = number(), number(), number()
        expected = moved(build_optimizer(plain, [one]), one)
        built = build_optimizer(decaying, [other], undecayed=[alone])
        other.grad = torch.ones_like(other)
        assert moved(built, alone) == pytest.approx(expected)
        assert other.item() != pytest.approx(expected)


def test_transfer_goes_by_it(tiny: ModuleType) -> None:
    def student(**transfer: Any) -> bytes:
        run = tiny.distillation(transfer={**tiny.TRANSFER, **transfer})
        run.advance()
        weights: bytes = tiny.weight_bytes(run.student)
        return weights

    before = student()
    assert student(optimizer="adam", weight_decay=0.0, decay="linear") == before
    others = [student(**one) for one in ({"optimizer": "sgd"}, {"weight_decay": 0.1}, {"decay": "cosine"})]
    assert len({before, *others}) == 4
