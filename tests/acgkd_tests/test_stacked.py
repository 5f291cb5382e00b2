"""Runs that are taught together: as if each had been alone, from any point to any other."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from acgkd.config import MethodChoice
from acgkd.methods import parse_method
from acgkd.run.distillation import Distillation
from acgkd.run.together import Together, why_alone

PLAIN = {"projection": "none", "curriculum": {"pacing": "none"}}
LIFTED = {
    "temperature": {"mode": "adversarial"},
    "curriculum": {"difficulty": "gap", "pace": 0.9},
    "recalibration": 2,
    "feature_weight": 0.5,
}
KINDS: dict[str, dict[str, Any]] = {
    "gin": {"transfer": PLAIN},
    "gcn": {"student": "gcn-3-8", "teacher": "gcn-3-8", "transfer": {**PLAIN, "samples": "fixed"}},
    "sage, of a teacher of another kind": {
        "student": "sage-3-8",
        "teacher": "gat-3-8",
        "transfer": {**PLAIN, "optimizer": "sgd"},
    },
    "edge features": {"prior": {"edge_columns": [3]}, "transfer": PLAIN},
    "lifted": {"transfer": LIFTED},
    "lifted to a head with BatchNorm": {"transfer": {"projection": "gat"}, "head": True},
    "gat": {"student": "gat-3-8", "transfer": {**PLAIN, "weight_decay": 0.1}},
}


@pytest.fixture(autouse=True)
def single_again() -> Iterator[None]:
    yield
    torch.set_default_dtype(torch.float32)


def fresh(tiny: ModuleType, kind: str, seed: int, own: nn.Module | None = None, **more: Any) -> Distillation:
    """A run in double precision."""
    asked, facts = KINDS[kind], KINDS[kind].get("prior", {})
    transfer = {"steps": 20, "batch_size": 4, **asked["transfer"], **more}
    method, config = parse_method(MethodChoice(name="acgkd", synthesis=tiny.SYNTHESIS, transfer=transfer))
    torch.set_default_dtype(torch.float32)  # teachers come in single precision
    teacher = own or tiny.teacher(seed, asked.get("teacher", "gin-3-8"), tiny.prior(**facts))
    if asked.get("head"):
        teacher.classifier = with_norm(teacher.classifier, seed)
    context = tiny.context(seed, asked.get("student", "gin-3-8"), of=teacher.double(), **facts)
    torch.set_default_dtype(torch.float64)
    context.student.double()
    return Distillation(method, config, context)


def with_norm(classifier: nn.Module, seed: int) -> nn.Module:
    """A teacher's own head, whose BatchNorm stays at rest while students are taught through it."""
    norm = nn.BatchNorm1d(8)
    norm.running_mean = torch.full((8,), 0.1 * seed)
    return nn.Sequential(norm, nn.ReLU(), classifier).requires_grad_(False).eval()


def three(tiny: ModuleType, kind: str, **more: Any) -> list[Distillation]:
    return [fresh(tiny, kind, seed, **more) for seed in range(3)]


def assert_alike(one: Distillation, other: Distillation) -> None:
    torch.testing.assert_close(one._state()["run"], other._state()["run"], rtol=0, atol=1e-8)
    assert one.steps_done == other.steps_done
    assert one.curves.keys() == other.curves.keys()
    for stage, curve in one.curves.items():
        assert curve == {name: pytest.approx(values, abs=1e-8) for name, values in other.curves[stage].items()}
    streams, others = one.context.streams.state_dict(), other.context.streams.state_dict()
    drawn = [name for name in streams if name != "fork/dropout"]  # from which these models draw nothing
    assert all(torch.equal(streams[name], others[name]) for name in drawn)
    assert one.measure_cost()["multiply_adds"] == other.measure_cost()["multiply_adds"]


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_steps_together_are_those_of_each_alone(tiny: ModuleType, kind: str) -> None:
    alone, runs = three(tiny, kind), three(tiny, kind)
    assert [why_alone(run) for run in runs] == [""] * 3
    Together(runs).advance()
    for one, other in zip(runs, alone, strict=True):
        other.advance()
        assert_alike(one, other)
        assert one.done
        assert one.measure_cost()["taught_together"] == 3
        assert "taught_together" not in other.measure_cost()


def test_a_teacher_of_ones_own_is_asked_by_itself(tiny: ModuleType) -> None:
    class Own(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.encode, self.readout, self.width = inner.encode, inner.readout, inner.width
            self.classifier, self.layers = inner.classifier, inner

    teachers = [Own(tiny.teacher(seed)).eval() for seed in range(2)]
    alone, runs = ([fresh(tiny, "gin", seed, teachers[seed]) for seed in range(2)] for _ in range(2))
    Together(runs).advance()
    for one, other in zip(runs, alone, strict=True):
        other.advance()
        assert_alike(one, other)


def test_a_run_may_leave_the_others_and_come_to_them_at_any_step(tiny: ModuleType, tmp_path: Path) -> None:
    begun = three(tiny, "lifted")
    Together(begun).advance(until=0.7)
    begun[0].advance(until=0.85)  # one is ahead, as a replicate is that was resumed by itself
    small = tmp_path / "2.ckpt"
    for index, run in enumerate(begun):
        run.save(tmp_path / f"{index}.ckpt")
    resumed = three(tiny, "lifted")
    for index, run in enumerate(resumed):
        run.load(tmp_path / f"{index}.ckpt")
    assert [run.progress for run in resumed] == [run.progress for run in begun]
    left = fresh(tiny, "lifted", 2)
    left.load(small)
    Together(resumed).advance()
    left.advance()
    alone = three(tiny, "lifted")
    for one, other in zip([*resumed, left], [*alone, alone[2]], strict=True):
        other.advance()
        assert_alike(one, other)
    before = fresh(tiny, "lifted", 2)
    before.advance(until=0.7)
    before.save(tmp_path / "alone.ckpt")
    assert small.stat().st_size < 1.2 * (tmp_path / "alone.ckpt").stat().st_size, "a file holds one student"


def test_seconds_are_split_evenly(tiny: ModuleType) -> None:
    runs = three(tiny, "gin")
    Together(runs).advance()
    taught = [run.seconds["transfer"] for run in runs]
    assert taught == [taught[0]] * 3
    assert taught[0] > 0
    worked = [run._clocks.state_dict()["cpu_seconds"]["transfer"] for run in runs]
    assert worked == [worked[0]] * 3
    assert all(run.measure_cost()["cpu_s"] > worked[0] > 0 for run in runs), "a synthesis is each one's own"


def test_what_must_be_alone_says_why(tiny: ModuleType) -> None:
    class Strange(nn.ReLU):
        pass

    assert "while pseudo-samples are made" in why_alone(tiny.chosen("joint"))
    odd = fresh(tiny, "gin", 0)
    odd.context.student.layers[0].nn[2] = Strange()
    assert "`Strange`" in why_alone(odd)
