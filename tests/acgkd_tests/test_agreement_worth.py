"""What agreement is worth: each case in which it says nothing is caused, and a case in which it says something."""

import copy
import logging
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import acgkd
from acgkd.agreement.worth import Worth
from acgkd.graphs import GRAPHS
from acgkd.run.reference_pool import DRAWS, PRESETS, PoolJudge, reference_pool

FULL = Worth(0.95, 0.6, 2, 2, 90, 0.97, 0.93, 0.96)
METHOD = {
    "name": "acgkd",
    "synthesis": {"graphs": 8, "steps": 4},
    "transfer": {"steps": 6, "batch_size": 4, "projection": "none"},
}


@pytest.fixture(autouse=True)
def short_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The presets as they are, with fewer graphs and steps."""
    short = tuple((name, {**synthesis, "graphs": 12, "steps": 3}) for name, synthesis in PRESETS["graphs"])
    monkeypatch.setitem(PRESETS, "graphs", short)


def distilled(tiny: ModuleType, teacher: nn.Module, student: Any = "gin-2-8", **more: Any) -> acgkd.Distilled:
    known = tiny.PRIOR_CONFIG.model_dump()
    return acgkd.distill(teacher, student, prior=known, method={**METHOD, **more.pop("method", {})}, **more)


def last_layer(teacher: nn.Module) -> nn.Linear:
    found = [layer for layer in teacher.classifier.modules() if isinstance(layer, nn.Linear)]
    return found[-1]


def test_nothing_is_against_an_agreement_far_above_the_lower_control() -> None:
    assert FULL.informative
    assert FULL.verdict == (
        "What agreement is worth: a student taught with noise reaches 0.600 on the same pool; the teacher says 2 of "
        "its 2 classes there (the rarest 90 times); its mean confidence is 0.97, where a guess has 0.50; parts of the "
        "pool give 0.930 to 0.960. It is on made-up samples, and no accuracy."
    )


@pytest.mark.parametrize(
    ("overlap", "said"),
    [
        (0.95, "with an overlap from 0.9 to 1.0, as the 0.950 here, 8 of 116 students"),
        (0.9, "with an overlap from 0.9 to 1.0"),
        (0.75, "with an overlap from 0.7 to 0.8"),
        (0.2, "with an overlap below 0.7, as the 0.200 here, 109 of 151 students"),
        (-1e-7, "with an overlap below 0.7"),
    ],
)
def test_what_became_of_students_with_such_an_overlap_is_said(overlap: float, said: str) -> None:
    known = replace(FULL, agreement_overlap=overlap, pool_memory=4)
    assert said in known.verdict
    # Nothing was measured of images, and of teachers that remember nothing, or whose pool says nothing, it says little.
    for nothing in (
        replace(FULL, agreement_overlap=overlap),
        replace(known, pool_memory=0),
        replace(known, control_agreement=0.95),
        replace(known, agreement_overlap=None),
    ):
        assert "with an overlap from" not in nothing.verdict
        assert "with an overlap below" not in nothing.verdict


def test_a_teacher_that_says_one_class_is_agreed_with_by_everybody(
    tiny: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    teacher = tiny.teacher()
    with torch.no_grad():
        last_layer(teacher).bias.copy_(torch.tensor([50.0, -50.0]))
    with caplog.at_level(logging.WARNING):
        found = distilled(tiny, teacher)
    assert found.worth.pool_classes == 1
    assert not found.worth.informative
    assert "Agreement is not informative here: " in repr(found)
    assert "the teacher says one class of the whole pool" in repr(found)
    assert "Agreement is not informative here" in caplog.text


def test_a_teacher_that_is_never_sure_decides_nothing(tiny: ModuleType) -> None:
    teacher = tiny.teacher()
    with torch.no_grad():
        last_layer(teacher).weight.mul_(1e-4)
        last_layer(teacher).bias.zero_()
    worth = PoolJudge(teacher, GRAPHS, reference_pool(teacher, GRAPHS, tiny.prior(), 0, tiny.CPU)).worth(teacher)
    assert worth.pool_confidence == pytest.approx(0.5, abs=0.05)
    assert any(reason.startswith("the teacher hardly decides on the pool") for reason in worth.reasons)


def test_noise_that_reaches_as_much_leaves_methods_no_room(tiny: ModuleType) -> None:
    teacher = tiny.teacher()
    student = copy.deepcopy(teacher).requires_grad_(True)
    rate = {"transfer": {**METHOD["transfer"], "rate": 1e-6, "recalibration": 0}}
    found = distilled(tiny, teacher, student, method=rate)
    assert found.worth.control_agreement is not None
    assert found.worth.control_agreement >= 0.98
    assert any("a student taught with noise reaches" in reason for reason in found.worth.reasons)
    unknown = distilled(tiny, teacher, student, method=rate, lower_control=False)
    assert unknown.agreement == found.agreement
    assert unknown.worth.control_agreement is None
    assert "reaches on the same pool was not measured" in unknown.worth.verdict


def test_the_lower_control_is_taught_as_a_sweep_teaches_it(tiny: ModuleType) -> None:
    """By the same settings, on the same stream: `random_graphs` alone gives the same figure."""
    found = distilled(tiny, tiny.teacher())
    alone = distilled(tiny, tiny.teacher(), method={"name": "random_graphs", "synthesis": {"graphs": 8}})
    assert found.worth.control_agreement == alone.agreement
    assert alone.worth.control_agreement is None


class Contrary(nn.Module):
    """Says what the teacher says, and the opposite on batches of so many candidate edges."""

    def __init__(self, teacher: nn.Module, turned: set[int]) -> None:
        super().__init__()
        self.teacher, self.turned, self.sign = teacher, turned, 1.0
        self.classifier = nn.Identity()

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        self.sign = -1.0 if edge_index.shape[1] in self.turned else 1.0
        return self.teacher.encode(x, edge_index, edge_weight, batch)

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int) -> Tensor:
        return self.sign * self.teacher.classifier(self.teacher.readout(nodes, batch, graphs))


def judged_pool(tiny: ModuleType) -> tuple[nn.Module, list[Any]]:
    """A teacher that says both classes, and its pool of two parts."""
    teacher = tiny.teacher()
    pool = reference_pool(teacher, GRAPHS, tiny.prior(), 0, tiny.CPU)
    with torch.no_grad():
        scores = torch.cat([GRAPHS.logits(teacher, batch) for batch in pool])
        last_layer(teacher).bias[0] -= (scores[:, 0] - scores[:, 1]).median()
    return teacher, pool


def test_parts_that_disagree_show_that_their_choice_decides(tiny: ModuleType) -> None:
    teacher, pool = judged_pool(tiny)
    first, second = ({batch.edge_index.shape[1] for batch in part} for part in (pool[:DRAWS], pool[DRAWS:]))
    assert not first & second
    worth = PoolJudge(teacher, GRAPHS, pool).worth(Contrary(teacher, second))
    assert (worth.agreement, worth.agreement_lowest, worth.agreement_highest) == (0.5, 0.0, 1.0)
    assert any("so the choice of parts decides" in reason for reason in worth.reasons)
    assert worth.agreement_ranking == pytest.approx(0), "over parts, of which one is turned round"


def test_a_part_of_which_the_teacher_says_one_class_only_tells_nothing(tiny: ModuleType) -> None:
    teacher, pool = judged_pool(tiny)
    with torch.no_grad():
        gaps = torch.cat([torch.sub(*GRAPHS.logits(teacher, batch).unbind(1)) for batch in pool[DRAWS:]])
    chosen = [GRAPHS.selector(pool[DRAWS])((gaps[: pool[DRAWS].graphs] < 0).nonzero().flatten())] * DRAWS
    student = copy.deepcopy(teacher)
    with torch.no_grad():
        last_layer(student).bias[1] += 1e3
    assert PoolJudge(teacher, GRAPHS, chosen).worth(student).agreement == 1, "there is no other part"
    worth = PoolJudge(teacher, GRAPHS, [*pool[:DRAWS], *chosen]).worth(student)
    assert (worth.agreement, worth.agreement_lowest, worth.agreement_highest) == (0.5, None, None)
    assert worth.agreement_overlap == PoolJudge(teacher, GRAPHS, pool[:DRAWS]).worth(student).agreement_overlap


class WithoutMemory(nn.Module):
    """The same teacher with BatchNorm layers that remember nothing."""

    def __init__(self, teacher: nn.Module) -> None:
        super().__init__()
        self.teacher = copy.deepcopy(teacher)
        for module in self.teacher.modules():
            if hasattr(module, "running_mean"):
                module.running_mean = module.running_var = None
        self.classifier, self.encode, self.readout = self.teacher.classifier, self.teacher.encode, self.teacher.readout


def test_of_a_teacher_that_remembers_nothing_agreement_hardly_ranks_students(tiny: ModuleType) -> None:
    teacher, pool = judged_pool(tiny)
    known = PoolJudge(teacher, GRAPHS, pool).said
    assert known.pool_memory == 2
    assert "the pool follows what the teacher remembers (BatchNorm layers: 2)" in known.verdict
    said = PoolJudge(WithoutMemory(teacher), GRAPHS, pool).said
    assert said.pool_memory == 0
    assert any(reason.startswith("no BatchNorm layer of the teacher remembers its data") for reason in said.reasons)


def test_a_student_of_one_class_is_seen_by_its_worst_and_its_order_by_the_ranking(tiny: ModuleType) -> None:
    teacher, pool = judged_pool(tiny)
    student = copy.deepcopy(teacher)
    with torch.no_grad():
        last_layer(student).bias[0] += 1e3
    worth = PoolJudge(teacher, GRAPHS, pool).worth(student)
    assert (worth.pool_classes, worth.agreement, worth.agreement_worst_class) == (2, 0.5, 0)
    assert worth.agreement_ranking > 0.9, "it orders graphs as its teacher does"


def test_most_classes_that_are_never_said_are_not_known() -> None:
    few = Worth(1.0, 0.2, classes=10, pool_classes=3, pool_confidence=0.9)
    assert few.reasons == ("the teacher says 3 of its 10 classes on the pool, so nothing is known of most of them",)
    assert Worth(1.0, 0.2, classes=10, pool_classes=5, pool_confidence=0.9).informative


def test_facts_that_are_not_known_are_no_reasons_and_no_columns() -> None:
    assert Worth(0.9).informative
    assert Worth(0.9, 0.5).columns() == {"agreement": 0.9, "control_agreement": 0.5}
    assert "no less than this one" in Worth(0.5, 0.5).verdict
