"""The law that every method keeps, on graphs and on images, in two phases or jointly.

A new file in `acgkd/methods` is covered without a change here but that of the count. Two dummies go through the same
suite: a joint method and one on images, so that the interface is known to bear both.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import Field, ValidationError
from torch import Tensor, nn

from acgkd import checkpoint
from acgkd.config import Config, PriorConfig
from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.images import IMAGES, ImageBatch
from acgkd.losses import softened_kl
from acgkd.method import AnyMethod, Method, MethodConfig, MethodContext, MethodRun, Stage
from acgkd.methods import METHODS
from acgkd.modality import modality
from acgkd.run.distillation import Distillation
from acgkd.run.pseudo_samples import pseudo_samples
from acgkd.runtime import Streams, backward, derive_seed
from acgkd.settings.transfer_stage import TransferConfig
from acgkd.testing.method_laws import LAWS, MethodCase, finished
from acgkd.transfer.transfer import Transfer
from acgkd.transfer.two_phase import TwoPhase
from analysis.records.pseudo_samples import of as as_read

CPU = torch.device("cpu")

# ---- a joint method, whole: pseudo-graphs of fixed structure whose features play against the student


class JointSettings(Config):
    steps: int = Field(default=20, ge=1)
    rate: float = Field(default=0.05, gt=0)


class JointConfig(MethodConfig):
    synthesis: JointSettings = JointSettings()


class JointDummy(MethodRun):
    def __init__(self, config: JointConfig, context: MethodContext) -> None:
        self.config, self.context, self.done, self._work = config.synthesis, context, 0, 0.0
        ring = torch.arange(24, device=context.device)
        self._edges = torch.stack([ring, ring // 6 * 6 + (ring + 1) % 6])
        noise = torch.randn(
            24, context.prior.feature_count, generator=context.streams.generator("x"), device=context.device
        )
        self._x = nn.Parameter(noise)
        self._players = [torch.optim.Adam([self._x], lr=config.synthesis.rate)]
        self._players.append(torch.optim.Adam(context.student.parameters(), lr=config.synthesis.rate))
        self._costs = [GRAPHS.counter(model, self.samples(4)) for model in (context.teacher, context.student)]

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (Stage("joint", self.config.steps, judged=True),)

    @property
    def student(self) -> nn.Module:
        return self.context.student

    def samples(self, count: int) -> GraphBatch:
        whole = GraphBatch(
            self._x, self._edges, None, torch.arange(4, device=self.context.device).repeat_interleave(6), 4
        )
        return GRAPHS.selector(whole.detach())(torch.arange(count, device="cpu") % 4)

    def step(self) -> Mapping[str, Tensor]:
        self.context.student.train()
        for sign, player in zip((-1.0, 1.0), self._players, strict=True):
            batch = replace(self.samples(4), x=self._x)
            target, answer = (GRAPHS.logits(model, batch) for model in (self.context.teacher, self.context.student))
            loss = softened_kl(target, answer, 2.0).mean()
            player.zero_grad()
            backward(sign * loss)
            player.step()
            self._work += 3 * sum(cost(batch) for cost in self._costs)
        self.done += 1
        return {"loss": loss.detach()}

    def multiply_adds(self) -> float:
        return self._work

    def state_dict(self) -> dict[str, Any]:
        players = [player.state_dict() for player in self._players]
        student = self.context.student.state_dict()
        return {"x": self._x.detach(), "student": student, "players": players, "done": self.done, "work": self._work}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._x.data.copy_(state["x"])
        self.context.student.load_state_dict(state["student"])
        for player, own in zip(self._players, state["players"], strict=True):
            player.load_state_dict(own)
        self.done, self._work = state["done"], state["work"]


# ---- a method on images, whole: pixels learned by the teacher's loss, then the shared transfer


class PixelSettings(Config):
    steps: int = Field(default=4, ge=1)
    images: int = Field(default=8, ge=2)


class PixelConfig(MethodConfig):
    synthesis: PixelSettings = PixelSettings()
    transfer: TransferConfig = TransferConfig()


class Pixels:
    def __init__(self, config: PixelSettings, context: MethodContext) -> None:
        self.context, self.steps, self.done, self.multiply_adds = context, config.steps, 0, 0.0
        shape = (config.images, *context.prior.shape)
        noise = torch.randn(shape, generator=context.streams.generator("pixels"), device=context.device)
        self.x = nn.Parameter(noise)
        self.labels = torch.arange(config.images, device="cpu") % context.prior.classes
        self._optimizer = torch.optim.Adam([self.x], lr=0.1)
        self._cost = IMAGES.counter(context.teacher, ImageBatch(self.x))

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        batch = ImageBatch(self.x, self.labels.to(self.context.device))
        loss = F.cross_entropy(IMAGES.logits(self.context.teacher, batch), batch.labels)
        self._optimizer.zero_grad()
        backward(loss)
        self._optimizer.step()
        self.done += 1
        self.multiply_adds += 3 * self._cost(batch)
        return {"loss": loss.detach()}

    def source(self, samples: str) -> "Pixels":
        return self

    def draw(self, indices: Tensor) -> ImageBatch:
        return IMAGES.selector(ImageBatch(self.x.detach(), self.labels))(indices)

    def samples(self, count: int) -> ImageBatch:
        return self.draw(torch.arange(count, device="cpu") % self.labels.numel())

    def facts(self) -> Mapping[str, float]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        state = {"x": self.x.detach(), "optimizer": self._optimizer.state_dict()}
        return {**state, "done": self.done, "multiply_adds": self.multiply_adds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.x.data.copy_(state["x"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.done, self.multiply_adds = state["done"], state["multiply_adds"]


def start_pixels(config: PixelConfig, context: MethodContext) -> MethodRun:
    return TwoPhase(
        Pixels(config.synthesis, context),
        lambda: Transfer(config.transfer, context, IMAGES),
        student=context.student,
        transfer_steps=config.transfer.steps,
        samples="fixed",
    )


class ImageNet(nn.Module):
    """Convolution, BatchNorm, mean over places, dropout."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.width = 5
        self.body = nn.Sequential(nn.Conv2d(shape[0], 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Dropout(0.2))
        self.classifier = nn.Linear(5, classes)

    def encode(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.body(x).mean(dim=(2, 3))
        return pooled


# ---- the cases


@dataclass(frozen=True)
class Case(MethodCase):
    """A method of the catalogue or a dummy, on teachers as the other tests have them."""

    tiny: ModuleType

    def config(self, **changes: Mapping[str, Any]) -> Any:
        """Still fewer steps than `MethodCase` has: a run is resumed at each, and they are as alike as those."""
        steps = {"synthesis": {"steps": 3}, "transfer": {"steps": 4}}
        return super().config(**{part: {**said, **changes.get(part, {})} for part, said in steps.items()})

    def context(self, seed: int = 0, other_student: bool = False) -> MethodContext:
        if self.kind == "graphs":
            context = self.tiny.context(seed, "gin-3-8" if other_student else "gin-2-8")
            if not self.method.needs_data:
                return context
            return replace(context, real=_items(self.tiny.distillation(seed=100).method_run.samples(8)))
        prior = IMAGES.prior(PriorConfig(shape=(1, 8, 8), classes=2), PriorConfig())
        streams = Streams(derive_seed("draws", seed), CPU)
        with Streams(0, CPU).fork("teacher"):
            teacher = ImageNet(prior.shape, 2).eval().requires_grad_(False)
        with streams.fork("student"):
            student = ImageNet(prior.shape, 2)
        pixels = torch.Generator(device="cpu").manual_seed(0)
        real = [(torch.randn(prior.shape, generator=pixels), number % 2) for number in range(8)]
        return MethodContext(teacher, student, prior, streams, CPU, real if self.method.needs_data else ())

    def run(self, seed: int = 0, other_student: bool = False, **changes: Mapping[str, Any]) -> Distillation:
        return Distillation(self.method, self.config(**changes), self.context(seed, other_student))


def _items(batch: GraphBatch) -> list[Any]:
    from torch_geometric.data import Data

    select = GRAPHS.selector(batch)
    alone = (select(torch.tensor([index])) for index in range(batch.graphs))
    return [Data(x=one.x, edge_index=one.edge_index[:, one.edge_weight > 0], y=one.labels) for one in alone]  # type: ignore[operator]


DUMMIES: dict[str, AnyMethod] = {
    "joint dummy": Method(JointConfig, "graphs", JointDummy, needs_student=lambda _: True),
    "image dummy": Method(PixelConfig, "images", start_pixels),
}


# A method that works on both kinds is run on both.
KINDS = [
    (name, kind)
    for name, method in (*((name, METHODS[name]) for name in METHODS), *DUMMIES.items())
    for kind in ([method.modality] if method.modality else ["graphs", "images"])
]


@pytest.fixture(params=KINDS, ids=lambda param: "-".join(param))
def case(request: pytest.FixtureRequest, tiny: ModuleType) -> Case:
    name, kind = request.param
    return Case(DUMMIES[name] if name in DUMMIES else METHODS[name], kind, tiny)


def test_the_catalogue_holds_the_methods_that_the_docs_name() -> None:
    assert METHODS.names() == [
        "acgkd",
        "dafl",
        "deepinv_graphs",
        "deepinversion",
        "dfad",
        "dfad_gnn",
        "fast_meta",
        "gfkd",
        "mskd",
        "noise",
        "random_graphs",
        "rdskd",
        "real_data",
        "zskd",
        "zskt",
    ]


# ---- the laws that others hold their methods to as well


@pytest.mark.parametrize("law", LAWS)
def test_every_method_keeps_the_law(law: str, case: Case) -> None:
    LAWS[law](case)


# ---- settings


def test_settings_are_two_frozen_closed_subtrees_that_survive_json(case: Case) -> None:
    for config in (case.method.config(), case.config()):
        assert set(type(config).model_fields) == {"synthesis", "transfer"}
        assert case.method.config.model_validate_json(config.model_dump_json()) == config
        assert case.method.config.model_validate(config.model_dump(mode="json")) == config
        with pytest.raises(ValidationError, match="frozen"):
            config.synthesis = None
    for part in ("synthesis", "transfer"):
        assert isinstance(getattr(case.method.config(), part), Config)
        with pytest.raises(ValidationError, match="stepz"):
            case.method.config.model_validate({part: {"stepz": 3}})


def test_every_setting_has_a_default(case: Case) -> None:
    assert case.method.config() == case.method.config.model_validate({"synthesis": {}, "transfer": {}})


# ---- stages and steps


def test_the_students_loss_falls(case: Case) -> None:
    steps = {"synthesis": {"steps": 40}, "transfer": {"steps": 40, "batch_size": 8, "curriculum": {"pacing": "none"}}}
    run = case.run(**steps)
    run.advance()
    judged = next(stage for stage in run.stages if stage.judged)
    losses = run.curves[judged.name]["loss"]
    assert len(losses) == 40
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


# ---- seeds and states


def test_a_state_is_not_changed_by_the_steps_that_follow(case: Case, tmp_path: Path) -> None:
    # What was saved is what counts: a file written now holds the state of now.
    run = case.run()
    run.advance(until=0.6)
    run.save(tmp_path / "a.ckpt")
    run.save(tmp_path / "b.ckpt")
    run.advance()
    one, other = case.run(), case.run()
    one.load(tmp_path / "a.ckpt")
    other.load(tmp_path / "b.ckpt")
    assert case.tiny.weight_bytes(one.student) == case.tiny.weight_bytes(other.student)


# ---- samples, work, facts


def test_asking_for_samples_does_not_change_the_run(case: Case) -> None:
    run = case.run()
    while not run.done:
        run.method_run.samples(3)
        run.advance(until=min(1.0, run.progress + 0.3))
    assert case.tiny.weight_bytes(run.student) == finished(case)


def test_pseudo_samples_of_every_class_are_shown_or_the_reason_why_not(case: Case, tmp_path: Path) -> None:
    run, kind = case.run(), modality(case.kind)
    run.advance()
    states, streams = [], run.context.streams.state_dict()
    for _ in range(2):
        checkpoint.save(run.method_run.state_dict(), tmp_path / "run.ckpt")
        states.append((tmp_path / "run.ckpt").read_bytes())
        kept = pseudo_samples(run, kind, 3)
    assert states[0] == states[1]
    assert all(torch.equal(run.context.streams.state_dict()[name], state) for name, state in streams.items())
    again = pseudo_samples(run, kind, 3)
    assert kept.keys() == again.keys()
    assert all(np.array_equal(kept[name], again[name]) for name in kept)
    if case.method.needs_data:
        # Real samples never leave the run.
        assert set(kept) == {"absent"}
        assert "real data" in str(kept["absent"])
        return
    read = as_read(kept)
    assert read.absent == ""
    assert read.modality == case.kind
    assert np.bincount(read.label, minlength=2).tolist() == np.minimum(read.found, 3).tolist()
    assert read.drawn == read.found.sum()
    assert np.all((read.confidence >= 0) & (read.confidence <= 1))


def test_pseudo_samples_taken_on_the_way_do_not_change_the_run(case: Case) -> None:
    run = case.run()
    while not run.done:
        run.advance(until=min(1.0, run.progress + 0.3))
        pseudo_samples(run, modality(case.kind), 2)
    assert case.tiny.weight_bytes(run.student) == finished(case)


# ---- what a method may look at


def test_synthesis_that_needs_no_student_is_the_same_beside_any(case: Case) -> None:
    config = case.config()
    stages = case.run().stages
    if case.method.needs_student(config):
        assert stages[0].name == "joint"
        return
    if stages[0].name != "synthesis" or case.kind != "graphs":
        return
    one, other = case.run(), case.run(other_student=True)
    for run in (one, other):
        run.advance(until=1 / len(run.stages))
    assert torch.equal(one.method_run.samples(5).x, other.method_run.samples(5).x)
    assert case.tiny.weight_bytes(one.context.student) == case.tiny.weight_bytes(case.context().student)


def test_data_are_needed_only_where_it_is_said(case: Case) -> None:
    without = replace(case.context(), real=())
    start: Callable[[], Distillation] = lambda: Distillation(case.method, case.config(), without)  # noqa: E731
    if case.method.needs_data:
        with pytest.raises(ConfigError, match="training split"):
            start()
    else:
        start().advance()


def test_the_ground_floor_imports_no_torch() -> None:
    code = (
        "import sys\nimport acgkd, acgkd.config, acgkd.catalog, acgkd.errors\n"
        "from acgkd.catalog import Catalog\nassert 'acgkd' in Catalog('acgkd.methods', 'METHOD', 'method')\n"
        "print([name for name in ('torch', 'numpy', 'torch_geometric', 'ray', 'optuna') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# Whose settings a method has.


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("random_graphs", "noise", "real_data")])
def test_every_method_but_controls_declares_whose_settings_it_has(name: str) -> None:
    method = METHODS[name]
    names = [variant.name for variant in method.variants]
    assert names
    assert len(set(names)) == len(names)
    assert not method.variants[0].settings, "the defaults come first"
    for variant in method.variants:
        assert variant.source
        assert variant.less_of in ("", *names)
        assert set(variant.settings) <= {"synthesis", "transfer"}
        method.config.model_validate({stage: dict(said) for stage, said in variant.settings.items()})
