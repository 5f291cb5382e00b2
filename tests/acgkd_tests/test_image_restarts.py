"""A synthesis of images that is stuck is done again from another draw, as one of graphs is."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from acgkd.agreement.health_facts import Health
from acgkd.config import MethodChoice
from acgkd.errors import ConfigError
from acgkd.images import ImagePrior
from acgkd.method import MethodContext
from acgkd.methods import parse_method
from acgkd.run.distillation import Distillation
from acgkd.runtime import Streams, derive_seed
from acgkd.teachers.teacher import as_teacher

CPU = torch.device("cpu")
EACH = 10
POOL: dict[str, Any] = {"images": 12, "batch_size": 6, "steps": 2}
APART: dict[str, Any] = {"joint": False, "steps": 3}
SYNTHESES: dict[str, dict[str, Any]] = {
    "deepinversion": POOL,
    "zskd": POOL,
    "dafl": APART,
    "mskd": APART,
    "rdskd": {"steps": 3},
}


class ByCorner(nn.Module):
    """Says class 1 of images whose first pixel is bright, which no step as small as those here changes."""

    def __init__(self) -> None:
        super().__init__()
        self.width = 2
        self.classifier = nn.Linear(2, 2)
        with torch.no_grad():
            self.classifier.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
            self.classifier.bias.zero_()

    def encode(self, x: Tensor) -> Tensor:
        """The first pixel, twice."""
        return x[:, 0, :1, 0].expand(-1, 2)


def by_corner(seed: int, restarts: int) -> Distillation:
    """Ten images of either class, of which nothing is learned: the draw decides whether the teacher says that class."""
    teacher, student = as_teacher(ByCorner(), CPU), ByCorner()
    streams = Streams(derive_seed("draws", seed), CPU)
    context: MethodContext[Any] = MethodContext(teacher, student, ImagePrior((1, 4, 4), 2), streams, CPU)
    synthesis = {"images": 2 * EACH, "batch_size": 2 * EACH, "steps": 1, "rate": 1e-9, "jitter": 0}
    transfer = {"steps": 2, "batch_size": 4}
    choice = MethodChoice(
        name="deepinversion", synthesis={**synthesis, "restarts": restarts}, transfer={**transfer, "samples": "fixed"}
    )
    return Distillation(*parse_method(choice), context)


def test_images_that_the_teacher_does_not_recognise_are_drawn_again() -> None:
    for seed in range(400):
        left = by_corner(seed, 0)
        left.advance(until=0.5)
        if left.health().stuck:
            break
    else:
        raise AssertionError("one draw of fifty or so is stuck: four hundred seeds must have one")
    run = by_corner(seed, 3)
    run.advance()
    cost = run.measure_cost()
    assert cost["synthesis_restarts"] == 1
    assert cost["synthesis_steps"] == 2
    assert not run.health().stuck
    assert "synthesis_restarts" not in left.measure_cost()
    assert run.method_run.multiply_adds() > left.method_run.multiply_adds() > 0


@pytest.fixture
def judged_by_a_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draw counts as stuck where the first pixel of its first image is above 0."""

    def judged(draw: Any, *args: Any, **options: Any) -> tuple[Health, Any]:
        streams = args[3]
        with streams.aside("health"):
            batch = draw(4)
        return Health(hit_rate_lowest=0.1 if float(batch.x.flatten()[0]) > 0 else 0.9), batch

    monkeypatch.setattr("acgkd.synthesis.restarts.health_of", judged)


def run_of(tiny_images: ModuleType, name: str, restarts: int, seed: int = 0) -> Distillation:
    synthesis = {**SYNTHESES[name], "restarts": restarts}
    made: Distillation = tiny_images.distillation(name, synthesis, {"steps": 3}, seed=seed)
    return made


@pytest.mark.usefixtures("judged_by_a_pixel")
@pytest.mark.parametrize("name", SYNTHESES)
def test_a_run_resumes_in_the_middle_of_a_restart(
    tiny: ModuleType, tiny_images: ModuleType, tmp_path: Path, name: str
) -> None:
    def restarts(seed: int) -> Any:
        run = run_of(tiny_images, name, 2, seed)
        run.advance(until=0.5)
        return run.measure_cost()["synthesis_restarts"]

    seed = next(seed for seed in range(60) if restarts(seed) == 1)
    total = 2 * run_of(tiny_images, name, 0).stages[0].steps + 3
    whole = tiny.assert_resumes_alike(lambda: run_of(tiny_images, name, 2, seed), range(1, total), tmp_path)
    assert whole.measure_cost()["synthesis_restarts"] == 1


@pytest.mark.parametrize("name", SYNTHESES)
def test_the_first_draw_is_the_one_that_there_is_without_restarts(tiny_images: ModuleType, name: str) -> None:
    ends = []
    for restarts in (0, 3):
        run = run_of(tiny_images, name, restarts)
        run.advance(until=0.5 * 2 / run.stages[0].steps)
        assert run.steps_done == 2, "one before the first draw is looked at"
        ends.append(run.method_run.samples(4).x)
    assert torch.equal(*ends)


@pytest.mark.parametrize(
    ("name", "synthesis", "law"),
    [
        ("deepinversion", {"adversarial_weight": 1.0}, "`restarts > 0` needs `adversarial_weight: 0`"),
        ("dafl", {"joint": True}, "`restarts > 0` needs `joint: false`"),
        ("rdskd", {"joint": True}, "`restarts > 0` needs `joint: false`"),
    ],
)
def test_what_is_made_beside_the_student_cannot_be_restarted(
    tiny_images: ModuleType, name: str, synthesis: dict[str, Any], law: str
) -> None:
    with pytest.raises(ConfigError, match=law):
        tiny_images.distillation(name, {**SYNTHESES[name], **synthesis, "restarts": 1})
