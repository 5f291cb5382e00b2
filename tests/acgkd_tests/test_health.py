"""How healthy a synthesis is; one that is stuck is done again from another draw, and a student may break a run off."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from acgkd.agreement.health_facts import DEGREE_BOUND, HIT_RATE_BOUND, STATISTICS_BOUND, Health, at_most
from acgkd.config import MethodChoice
from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.method import MethodContext
from acgkd.methods import parse_method
from acgkd.run.distillation import Distillation
from acgkd.synthesis.health import SAMPLES, health_of
from acgkd.teachers.teacher import as_teacher
from analysis.statistics.intervals import share_interval

CPU = torch.device("cpu")
MIDDLE = 20
GRAPHS_EACH = 8


class BySize(nn.Module):
    """Says class 1 of graphs with more than `MIDDLE` nodes, of which nothing learned changes anything.

    So a synthesis is stuck from its first draw on exactly where sizes were drawn that do not fit the labels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.width = 2
        self.norm = nn.BatchNorm1d(2)
        self.classifier = nn.Linear(2, 2)
        with torch.no_grad():
            self.classifier.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
            self.classifier.bias.copy_(torch.tensor([0.0, -MIDDLE - 0.5]))

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        """Ones, to which nothing adds anything; gradients flow and are 0."""
        weight = torch.ones(edge_index.shape[1]) if edge_weight is None else edge_weight
        nodes: Tensor = self.norm(torch.ones(x.shape[0], 2) + 0.0 * x.sum() + 0.0 * weight.sum())
        return nodes

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """The sum."""
        return torch.zeros(graphs or int(batch.max()) + 1, 2).index_add(0, batch, nodes)


def run_of(
    tiny: ModuleType, restarts: int, *, seed: int = 0, name: str = "acgkd", kept: Path | None = None, **synthesis: Any
) -> Distillation:
    """Eight pseudo-graphs of each class, most of them large: stuck where one small graph at most is of the first."""
    context: MethodContext = tiny.context(seed, of=as_teacher(BySize(), CPU), nodes=(2, 4 * MIDDLE))
    made = {"graphs": 2 * GRAPHS_EACH, "steps": 3, "restarts": restarts, **synthesis}
    choice = MethodChoice(name=name, synthesis=made, transfer={**tiny.TRANSFER, "batch_size": 2})
    return Distillation(*parse_method(choice), context, keep_synthesis=kept)


def steps_of(run: Distillation) -> int:
    return int(run.measure_cost()["synthesis_steps"] or 0)


@pytest.fixture(scope="module")
def stuck_seed(tiny: ModuleType) -> int:
    """The first seed whose first and second draws are stuck, and whose third one is not."""
    for seed in range(200):
        run = run_of(tiny, 2, seed=seed)
        run.advance(until=0.5)
        if steps_of(run) == 9 and not run.health().stuck:
            return seed
    raise AssertionError("some half of all draws are healthy: two hundred seeds must have such a one")


def test_a_synthesis_that_is_stuck_is_restarted_and_healthy(tiny: ModuleType, stuck_seed: int) -> None:
    left = run_of(tiny, 0, seed=stuck_seed)
    left.advance(until=0.5)
    assert left.health().stuck
    assert (left.health().hit_rate_lowest or 0) <= 1 / GRAPHS_EACH
    run = run_of(tiny, 2, seed=stuck_seed)
    run.advance(until=0.5)
    # All draws are counted, and so is looking at each.
    alone, taken = left.method_run.multiply_adds(), run.method_run.multiply_adds()
    assert taken > 2 * alone
    run.advance()
    cost = run.measure_cost()
    assert (cost["synthesis_restarts"], cost["synthesis_steps"], cost["transfer_steps"]) == (2, 9, 6)
    assert not run.health().stuck
    assert (run.health().hit_rate_lowest or 0) >= 2 / GRAPHS_EACH
    assert run.done
    assert "synthesis_restarts" not in left.measure_cost()


def test_progress_only_grows_and_steps_that_are_not_needed_are_left_out(tiny: ModuleType, stuck_seed: int) -> None:
    run, seen = run_of(tiny, 5, seed=stuck_seed), [0.0]
    while not run.done:
        run.advance(until=run.progress + 1e-6)
        seen.append(run.progress)
    assert all(one < other for one, other in pairwise(seen))
    assert seen[9] == 0.5, "three draws of three steps, then transfer"
    assert run.curves["synthesis"]["step"] == list(range(1, 10))
    assert steps_of(run) == 9


def test_a_run_resumes_in_the_middle_of_a_restart(tiny: ModuleType, stuck_seed: int, tmp_path: Path) -> None:
    # Steps 1 to 3 are the first draw's, 4 to 6 the second's, 7 to 9 the third's; then those of transfer.
    tiny.assert_resumes_alike(lambda: run_of(tiny, 2, seed=stuck_seed), range(1, 12), tmp_path)


def test_where_every_draw_is_stuck_the_healthiest_is_kept(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = iter([0.1, 0.4, 0.2] * 20)

    def judged(draw: Any, *args: Any, **options: Any) -> tuple[Health, Any]:
        return Health(hit_rate_lowest=next(rates)), draw(4)

    monkeypatch.setattr("acgkd.synthesis.restarts.health_of", judged)
    run = run_of(tiny, 2)
    run.advance(until=0.5)
    state: Any = run.method_run.state_dict()["synthesis"]
    assert state["best"]["number"] == 1, "the second of three"
    assert state["current"] is None
    # A fresh run has looked at none of the draws, and takes the one that was kept.
    run.save(tmp_path / "run.ckpt")
    again = run_of(tiny, 2)
    again.load(tmp_path / "run.ckpt")
    for one, other in zip(run.method_run.samples(4).x, again.method_run.samples(4).x, strict=True):
        assert torch.equal(one, other)
    run.advance()
    again.advance()
    assert tiny.weight_bytes(run.student) == tiny.weight_bytes(again.student)


def test_the_draw_that_is_kept_serves_other_runs(tiny: ModuleType, stuck_seed: int, tmp_path: Path) -> None:
    kept = tmp_path / "kept.pt"
    keeping = run_of(tiny, 2, seed=stuck_seed, kept=kept)
    keeping.advance()
    other = run_of(tiny, 2, seed=stuck_seed)
    other.load_synthesis(kept)
    assert other.progress == 0.5
    assert steps_of(other) == 9
    other.advance()
    assert tiny.weight_bytes(other.student) == tiny.weight_bytes(keeping.student)


@pytest.mark.parametrize("name", ["acgkd", "gfkd", "deepinv_graphs"])
def test_the_first_draw_is_the_one_that_there_is_without_restarts(tiny: ModuleType, name: str) -> None:
    ends = []
    for restarts in (0, 3):
        run = tiny.distillation(name, {**tiny.SYNTHESIS, "restarts": restarts}, {"steps": 4, "batch_size": 4})
        run.advance(until=0.5 * 3 / run.stages[0].steps)
        assert run.steps_done == 3, "one before the first draw is looked at"
        ends.append(run.method_run.samples(8).x)
    assert torch.equal(*ends)


def test_a_synthesis_beside_the_student_cannot_be_restarted(tiny: ModuleType) -> None:
    with pytest.raises(ConfigError, match="`restarts > 0` needs `adversarial_weight: 0`"):
        tiny.distillation("acgkd", {**tiny.SYNTHESIS, "adversarial_weight": 0.5, "restarts": 1})


# ---- the facts


class Says(nn.Module):
    """A teacher whose scores are the first two columns of a graph's mean node."""

    def __init__(self) -> None:
        super().__init__()
        self.width, self.classifier = 2, nn.Identity()

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        """The columns."""
        return x[:, :2]

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """The mean; every graph has two nodes."""
        return nodes.view(-1, 2, 2).mean(1)


def pairs(scores: Tensor, labels: Tensor | None) -> GraphBatch:
    """Graphs of two nodes that an edge joins."""
    count = scores.shape[0]
    ends = torch.arange(2 * count).view(-1, 2)
    edges = torch.cat([ends, ends.flip(1)]).T
    nodes = scores.repeat_interleave(2, 0)
    return GraphBatch(nodes, edges, None, torch.arange(count).repeat_interleave(2), count, labels)


def test_the_facts_are_those_counted_by_hand(tiny: ModuleType) -> None:
    context = tiny.context(mean_degree=4.0)
    labels = torch.tensor([0] * 16 + [1] * 10)
    scores = torch.tensor([[3.0, 0.0]] * 12 + [[0.0, 3.0]] * 4 + [[0.0, 3.0]] * 10)
    found, _ = health_of(lambda count: pairs(scores, labels), Says(), GRAPHS, context.prior, context.streams)
    assert found.hit_rates == (0.75, 1.0)
    assert (found.hit_rate, found.hit_rate_lowest) == (0.875, 0.75)
    assert found.hit_rate_at_most == pytest.approx(share_interval(12, 16)[1])
    assert found.synthesis_confidence == pytest.approx(1 / (1 + torch.e**-3))
    assert (found.classes, found.synthesis_classes) == (2, 2)
    assert found.degree_ratio == pytest.approx(1 / 4)
    assert found.size_ratio == pytest.approx(2 / 6.5)
    alike = (12 * 11 + 4 * 3) / (16 * 15)
    assert found.likeness == pytest.approx((alike + 1) / 2)
    assert found.statistics_distances is None, "there is no BatchNorm"


def test_a_class_of_few_samples_has_no_hit_rate_of_its_own(tiny: ModuleType) -> None:
    context = tiny.context()
    scores, labels = torch.tensor([[3.0, 0.0]] * 20), torch.tensor([0] * 17 + [1] * 3)
    found, _ = health_of(lambda count: pairs(scores, labels), Says(), GRAPHS, context.prior, context.streams)
    assert found.hit_rates == (1.0, None)
    assert not found.stuck


def test_a_share_is_at_most_the_upper_end_of_wilsons_interval() -> None:
    for hits, count in ((0, 8), (1, 8), (7, 16), (8, 8), (23, 60)):
        assert at_most(hits / count, count) == pytest.approx(share_interval(hits, count)[1])
    assert at_most(0.0, 0) == 1


@pytest.mark.parametrize(("different", "stuck"), [(None, True), (16, False)], ids=["all new", "sixteen in turn"])
def test_draws_of_one_sample_are_no_further_evidence(tiny: ModuleType, different: int | None, stuck: bool) -> None:
    """Three of eight hit, each drawn sixteen times: of 128 that is beyond chance below a half, of 8 it is not."""
    context = tiny.context()
    labels = torch.tensor([0] * 8 + [1] * 8).repeat(16)
    scores = torch.tensor(([[3.0, 0.0]] * 3 + [[0.0, 3.0]] * 5 + [[0.0, 3.0]] * 8) * 16)
    found, _ = health_of(
        lambda count: pairs(scores, labels), Says(), GRAPHS, context.prior, context.streams, different=different
    )
    assert found.hit_rate_lowest == 0.375
    assert found.hit_rate_at_most == pytest.approx(share_interval(*((48, 128) if different is None else (3, 8)))[1])
    assert found.stuck == stuck


def test_classes_that_have_too_few_samples_are_judged_together(tiny: ModuleType) -> None:
    context, labels = tiny.context(), torch.tensor([0] * 5 + [1] * 5)
    found = [
        health_of(
            lambda count, rows=rows: pairs(torch.tensor(rows), labels), Says(), GRAPHS, context.prior, context.streams
        )[0]
        for rows in ([[3.0, 0.0]] * 4 + [[0.0, 3.0]] * 1 + [[3.0, 0.0]] * 5, [[0.0, 3.0]] * 5 + [[3.0, 0.0]] * 5)
    ]
    assert [health.hit_rate for health in found] == [0.4, 0.0]
    assert [health.hit_rate_lowest for health in found] == [None, None]
    assert [health.stuck for health in found] == [False, True], "four of ten may be chance"


@pytest.mark.parametrize("name", ["acgkd", "gfkd", "deepinv_graphs", "dfad_gnn", "random_graphs"])
def test_the_health_of_every_synthesis_of_graphs_is_known_and_changes_nothing(tiny: ModuleType, name: str) -> None:
    def run() -> Distillation:
        small = {"gfkd": tiny.SYNTHESIS, "acgkd": tiny.SYNTHESIS, "deepinv_graphs": tiny.SYNTHESIS}
        synthesis = small.get(name, {"sizes": "prior"} if name == "dfad_gnn" else {"graphs": 8})
        made: Distillation = tiny.distillation(name, synthesis, {"steps": 4, "batch_size": 4})
        return made

    looked, whole = run(), run()
    for wanted in (0.3, 0.8):
        looked.advance(until=wanted)
        first, again = looked.health(), looked.health()
        assert first == again
    looked.advance()
    whole.advance()
    assert tiny.weight_bytes(looked.student) == tiny.weight_bytes(whole.student)
    found = looked.health()
    layers = sum(isinstance(layer, nn.BatchNorm1d) for layer in looked.context.teacher.modules())
    assert found.statistics_distances is not None
    assert len(found.statistics_distances) == layers
    assert found.statistics_distance == pytest.approx(sum(found.statistics_distances))
    assert found.synthesis_confidence is not None
    assert 0.5 <= found.synthesis_confidence <= 1
    assert (found.hit_rate is None) == (name in ("dfad_gnn", "random_graphs"))
    assert found.likeness is not None
    assert -1 <= found.likeness <= 1 + 1e-9
    assert SAMPLES >= 128


@pytest.mark.parametrize(
    ("facts", "stuck"),
    [
        ({"hit_rate_lowest": HIT_RATE_BOUND - 0.01}, True),
        ({"hit_rate_lowest": HIT_RATE_BOUND}, False),
        ({"hit_rate_lowest": 0.4, "hit_rate_at_most": HIT_RATE_BOUND}, False),
        ({"hit_rate_lowest": 0.4, "hit_rate_at_most": HIT_RATE_BOUND - 0.01}, True),
        ({"hit_rate": 0.4, "hit_rate_at_most": 0.6}, False),
        ({"classes": 10, "synthesis_classes": 1}, True),
        ({"classes": 10, "synthesis_classes": 4}, True),
        ({"classes": 2, "synthesis_classes": 1}, True),
        ({"classes": 10, "synthesis_classes": 5}, False),
        ({"classes": 100, "synthesis_classes": 9, "hit_rate": 0.9}, False),
        ({"classes": 100, "synthesis_classes": 9, "hit_rate": 0.1}, True),
        ({"hit_rate": 0.1, "hit_rate_lowest": 0.6}, False),
        ({}, False),
    ],
)
def test_what_counts_as_stuck(facts: dict[str, Any], stuck: bool) -> None:
    health = Health(**facts)
    assert health.stuck == stuck
    assert ("stuck" in health.verdict) == stuck
    assert Health.from_columns(health.columns()) == health
    assert Health.of({**health.columns(), "hit_rates": "0.1,0.2"}) == replace(health, hit_rates=None)


def test_where_no_class_is_asked_for_there_is_no_hit_rate(tiny: ModuleType) -> None:
    asked, free = (run_of(tiny, 0, class_weight=weight) for weight in (1.0, 0.0))
    for run in (asked, free):
        run.advance(until=0.5)
    assert asked.health().hit_rate is not None
    assert free.health().hit_rate is None
    assert free.health().known


# ---- a synthesis that sheds edges

HIGH_DEGREE = 1.0


class ByFeatureAndDegree(nn.Module):
    """Says class 1 of graphs with many nodes of the first kind, if there are edges enough; nothing learns the latter.

    What its BatchNorm remembers has hardly an edge, so that a synthesis sheds all: then it says class 0 of every graph.
    """

    def __init__(self) -> None:
        super().__init__()
        self.width = 2
        self.norm = nn.BatchNorm1d(2, affine=False)
        self.norm.running_mean = torch.tensor([0.1, 0.5])
        self.classifier = Gate()

    def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
        """The degree, and whether it is of the first kind."""
        weight = torch.ones(edge_index.shape[1]) if edge_weight is None else edge_weight
        degree = torch.zeros(x.shape[0]).index_add(0, edge_index[1], weight)
        nodes: Tensor = self.norm(torch.stack([degree, x[:, 0]], dim=1))
        return nodes

    def readout(self, nodes: Tensor, batch: Tensor, graphs: int | None = None) -> Tensor:
        """The mean."""
        count = graphs or int(batch.max()) + 1
        sums = torch.zeros(count, 2).index_add(0, batch, nodes)
        return sums / torch.bincount(batch, minlength=count).clamp(min=1).unsqueeze(1)


class Gate(nn.Module):
    def forward(self, embedded: Tensor) -> Tensor:
        """Scores by the share of the first kind; class 0 below the degree."""
        few = embedded[:, 0] < HIGH_DEGREE
        score = (8 * embedded[:, 1]).masked_fill(few, -1.0)
        return torch.stack([-score, score], dim=1)


def shedding(tiny: ModuleType, restarts: int, **synthesis: Any) -> Distillation:
    of = as_teacher(ByFeatureAndDegree(), CPU)
    context: MethodContext = tiny.context(0, of=of, nodes=(6, 10), mean_degree=3.0)
    led_by_classes = {"rate": 0.5, "statistics_weight": 10, "degree_weight": 0}
    made = {"graphs": 16, "steps": 40, "restarts": restarts, **led_by_classes, **synthesis}
    choice = MethodChoice(name="acgkd", synthesis=made, transfer={**tiny.TRANSFER, "batch_size": 2})
    return Distillation(*parse_method(choice), context)


def test_a_restart_holds_the_degree_after_a_draw_that_has_shed_its_edges(tiny: ModuleType) -> None:
    left = shedding(tiny, 0)
    left.advance(until=0.5)
    assert left.health().stuck
    assert (left.health().degree_ratio or 1.0) < DEGREE_BOUND
    run = shedding(tiny, 1)
    run.advance()
    cost = run.measure_cost()
    assert (cost["synthesis_restarts"], cost["synthesis_restarts_held"]) == (1, 1)
    assert not run.health().stuck
    assert (run.health().degree_ratio or 0.0) > DEGREE_BOUND
    plain = shedding(tiny, 1)
    plain.method_run._synthesis._hold = None
    plain.advance()
    assert plain.health().stuck, "another draw of its own kind is no help"
    assert "synthesis_restarts_held" not in plain.measure_cost()


def test_a_restart_that_holds_the_degree_resumes(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.assert_resumes_alike(lambda: shedding(tiny, 1, steps=6), (5, 6, 7, 12, 13), tmp_path)


def test_a_restart_is_another_plain_draw_where_the_degree_is_the_priors_or_not_known(tiny: ModuleType) -> None:
    for ratio, sheds in ((None, False), (DEGREE_BOUND, False), (DEGREE_BOUND - 0.01, True)):
        assert Health(degree_ratio=ratio).sheds_edges == sheds


def test_samples_that_are_near_to_the_teachers_memory_are_not_stuck_whatever_they_were_made_for() -> None:
    missed = Health(
        hit_rates=(0.9, 0.1), hit_rate=0.5, hit_rate_lowest=0.1, hit_rate_at_most=0.2, synthesis_confidence=0.9
    )
    assert missed.stuck
    near = replace(missed, statistics_distance=STATISTICS_BOUND)
    assert not near.stuck
    assert replace(near, degree_ratio=DEGREE_BOUND).reason is None
    far = replace(missed, statistics_distance=STATISTICS_BOUND + 0.5)
    assert far.reason is not None
    assert "they are 1.50 nats from what it remembers, where 1.0 is the most" in far.reason
    shed = replace(near, degree_ratio=DEGREE_BOUND - 0.1)
    assert shed.reason is not None
    assert "they have 0.80 of the prior's mean degree, where 0.9 is the least" in shed.reason
