"""BatchNorm's memory made anew, alone and as the end of transfer."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from acgkd.transfer.recalibration import recalibrate


class Net(nn.Module):
    """Two layers that remember, of which one is borrowed, and dropout between."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.BatchNorm1d(3, device="cpu")
        self.drop = nn.Dropout(0.5)
        self.borrowed = nn.BatchNorm1d(3, device="cpu").eval()

    def train(self, mode: bool = True) -> "Net":
        super().train(mode)
        self.borrowed.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        moved: Tensor = self.borrowed(self.drop(self.own(x)))
        return moved


@pytest.fixture
def batches() -> list[Tensor]:
    generator = torch.Generator(device="cpu").manual_seed(0)
    return [3 + number * torch.randn(8, 3, generator=generator, device="cpu") for number in (1, 2, 5)]


def test_memory_becomes_the_plain_average_over_the_batches(batches: list[Tensor]) -> None:
    net = Net()
    net.own.running_mean.fill_(100.0)  # type: ignore[union-attr]
    recalibrate(net, net, batches)
    means, variances = (torch.stack([part(batch) for batch in batches]).mean(dim=0) for part in (mean, var))
    assert torch.allclose(net.own.running_mean, means)  # type: ignore[arg-type]
    assert torch.allclose(net.own.running_var, variances)  # type: ignore[arg-type]


def mean(batch: Tensor) -> Tensor:
    return batch.mean(dim=0)


def var(batch: Tensor) -> Tensor:
    return batch.var(dim=0)


def test_what_is_borrowed_keeps_its_memory_and_all_else_is_put_back(batches: list[Tensor]) -> None:
    net = Net()
    net.train()
    before = torch.get_rng_state()
    recalibrate(net, net, batches)
    assert net.borrowed.running_mean.tolist() == [0.0, 0.0, 0.0]  # type: ignore[union-attr]
    assert not any(part.training for part in net.modules())
    assert net.own.momentum == 0.1
    assert torch.equal(torch.get_rng_state(), before)


def test_the_momentum_is_put_back_when_a_pass_fails() -> None:
    net = Net()

    def fails(batch: int) -> None:
        raise RuntimeError("no pass")

    with pytest.raises(RuntimeError, match="no pass"):
        recalibrate(net, fails, [1])
    assert net.own.momentum == 0.1
    assert not net.own.training


def small(batches: int, **transfer: Any) -> dict[str, Any]:
    return {"steps": 6, "batch_size": 4, "projection": "gat", "recalibration": batches, **transfer}


def parameters(model: nn.Module) -> list[list[float]]:
    return [parameter.flatten().tolist() for parameter in model.parameters()]


def test_transfer_ends_with_it_and_only_the_memory_changes(tiny: ModuleType) -> None:
    plain, anew = (tiny.distillation(transfer=small(batches)) for batches in (0, 3))
    # Up to the last step they are the same run.
    for run in (plain, anew):
        run.advance(until=0.9)
    assert tiny.weight_bytes(plain.student) == tiny.weight_bytes(anew.student)
    before = anew.method_run.multiply_adds() - plain.method_run.multiply_adds()
    for run in (plain, anew):
        run.advance()
    assert parameters(plain.student) == parameters(anew.student)
    assert tiny.weight_bytes(plain.student) != tiny.weight_bytes(anew.student)
    assert anew.student.norm.num_batches_tracked == 3
    assert before == 0 < anew.method_run.multiply_adds() - plain.method_run.multiply_adds()


def test_a_resumed_run_does_it_exactly_once(tiny: ModuleType, tmp_path: Path) -> None:
    whole = tiny.distillation(transfer=small(2))
    whole.advance()
    for until in (0.4, 0.9, 1.0):
        run, resumed = (tiny.distillation(transfer=small(2)) for _ in range(2))
        run.advance(until=until)
        run.save(tmp_path / "run.ckpt")
        resumed.load(tmp_path / "run.ckpt")
        resumed.advance()
        assert tiny.weight_bytes(resumed.student) == tiny.weight_bytes(whole.student)
