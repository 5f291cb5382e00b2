"""What agreement is worth: each case in which it says nothing is caused, and a case in which it says something."""

import copy
import logging
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import acgkd
from acgkd.agreement import worth as rules
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
    """Says what the teacher says, and the opposite where a batch of graphs has many candidate edges."""

    def __init__(self, teacher: nn.Module, limit: int) -> None:
        super().__init__()
        self.teacher, self.limit, self.sign = teacher, limit, 1.0
        self.classifier = nn.Identity()

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        self.sign = -1.0 if edge_index.shape[1] > self.limit else 1.0
        return self.teacher.encode(x, edge_index, edge_weight, batch)

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int) -> Tensor:
        return self.sign * self.teacher.classifier(self.teacher.readout(nodes, batch, graphs))


def test_parts_that_disagree_show_that_their_choice_decides(tiny: ModuleType) -> None:
    teacher = tiny.teacher()
    pool = reference_pool(teacher, GRAPHS, tiny.prior(), 0, tiny.CPU)
    edges = sorted(sum(batch.edge_index.shape[1] for batch in pool[at : at + DRAWS]) for at in range(0, 6, DRAWS))
    assert edges[-1] > edges[0]
    worth = PoolJudge(teacher, GRAPHS, pool).worth(Contrary(teacher, edges[0] // DRAWS + 1))
    assert worth.agreement_highest - worth.agreement_lowest > rules.SPREAD_LIMIT
    assert any("so the choice of parts decides" in reason for reason in worth.reasons)
    assert worth.agreement_ranking == pytest.approx(-1 / 3), "over parts, of which two of three are turned round"


def test_a_student_of_one_class_is_seen_by_its_worst_and_its_order_by_the_ranking(tiny: ModuleType) -> None:
    teacher = tiny.teacher()
    pool = reference_pool(teacher, GRAPHS, tiny.prior(), 0, tiny.CPU)
    with torch.no_grad():  # so that it says both classes
        scores = torch.cat([GRAPHS.logits(teacher, batch) for batch in pool])
        last_layer(teacher).bias[0] -= (scores[:, 0] - scores[:, 1]).median()
        student = copy.deepcopy(teacher)
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
