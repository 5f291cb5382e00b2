"""The teaching stage, and how synthesis and teaching are put together."""

from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.losses import softened_kl
from acgkd.method import MethodContext
from acgkd.settings.transfer_stage import TransferConfig
from acgkd.students.projection import ProjectedStudent
from acgkd.synthesis.graphs.graph_synthesis import WRITTEN_AT_ONCE
from acgkd.transfer.transfer import Transfer
from acgkd.transfer.two_phase import TwoPhase


class Watched:
    """Fixed samples; remembers which were drawn."""

    def __init__(self, batch: GraphBatch) -> None:
        assert batch.labels is not None
        self.labels = batch.labels
        self.drawn: list[list[int]] = []
        self._select = GRAPHS.selector(batch)

    def draw(self, indices: Tensor) -> Any:
        self.drawn.append(indices.tolist())
        return self._select(indices)


@pytest.fixture
def source(tiny: ModuleType) -> Watched:
    return Watched(tiny.distillation(synthesis={"graphs": 20, "steps": 1}).method_run.samples(20))


def make(tiny: ModuleType, context: MethodContext | None = None, **config: Any) -> Transfer:
    chosen = context or tiny.context()

    def lift(student: nn.Module) -> nn.Module:
        return ProjectedStudent(student, chosen.teacher.classifier, 8, tiny.CPU)

    return Transfer(TransferConfig.model_validate({"steps": 10, "batch_size": 4, **config}), chosen, GRAPHS, lift)


def test_a_step_is_adam_on_the_softened_divergence(tiny: ModuleType, source: Watched) -> None:
    transfer, twin = make(tiny, curriculum={"pacing": "none"}), tiny.context()
    losses = transfer.step(source)
    batch = GRAPHS.selector(source._select._batch)(torch.tensor(source.drawn[0]))
    twin.student.train()
    optimizer = torch.optim.Adam(twin.student.parameters(), lr=0.01)
    target = GRAPHS.logits(twin.teacher, batch)
    loss = softened_kl(target, GRAPHS.logits(twin.student, batch), 4.0).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert losses["loss"].item() == pytest.approx(loss.item(), rel=1e-6)
    assert losses["temperature"].item() == 4.0
    # Not to the last bit: one of the two may use the fused kernel.
    for ours, theirs in zip(transfer.student.state_dict().values(), twin.student.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_rate_falls_linearly_to_zero(tiny: ModuleType, source: Watched) -> None:
    transfer = make(tiny, rate=0.5, steps=4)
    rates = []
    for _ in range(4):
        transfer.step(source)
        rates.append(transfer._optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.5, 0.375, 0.25, 0.125])


def test_the_student_learns(tiny: ModuleType, source: Watched) -> None:
    transfer = make(tiny, steps=40, batch_size=20, curriculum={"pacing": "none"})
    losses = [transfer.step(source)["loss"].item() for _ in range(40)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_the_teacher_is_left_as_it_was(tiny: ModuleType, source: Watched) -> None:
    context = tiny.context()
    before = tiny.weight_bytes(context.teacher)
    transfer = make(tiny, context, projection="gat", feature_weight=0.5)
    for _ in range(3):
        transfer.step(source)
    assert tiny.weight_bytes(context.teacher) == before
    assert all(parameter.grad is None for parameter in context.teacher.parameters())


@pytest.mark.parametrize("difficulty", ["loss", "entropy", "gap"])
def test_easy_samples_come_first(tiny: ModuleType, source: Watched, difficulty: str) -> None:
    context = tiny.context()
    whole = source._select._batch
    scores = GRAPHS.logits(context.teacher, whole)
    context.student.eval()
    expected = {
        "loss": F.cross_entropy(scores, whole.labels, reduction="none"),
        "entropy": torch.distributions.Categorical(logits=scores).entropy(),
        "gap": softened_kl(scores, GRAPHS.logits(context.student, whole), 1.0),
    }[difficulty].detach()
    transfer = make(tiny, context, batch_size=20, curriculum={"difficulty": difficulty, "start": 0.3, "pace": 1.0})
    transfer.step(source)
    # Of the 10 samples of each class, the 3 easiest.
    easiest = {int(i) for label in (0, 1) for i in sorted(range(label, 20, 2), key=lambda n: expected[n].item())[:3]}
    assert set(source.drawn[-1]) == easiest


def test_all_samples_are_in_at_pace_and_no_batch_repeats_one(tiny: ModuleType, source: Watched) -> None:
    transfer = make(tiny, batch_size=20, curriculum={"pacing": "linear", "start": 0.3, "pace": 0.5})
    for _ in range(10):
        transfer.step(source)
    # The first draw measured the difficulty.
    sizes = [len(drawn) for drawn in source.drawn[1:]]
    assert sizes == sorted(sizes)
    assert sizes[0] == 6
    assert sizes[5:] == [20] * 5
    assert all(len(set(drawn)) == len(drawn) for drawn in source.drawn)


def test_without_a_curriculum_no_difficulty_is_measured(tiny: ModuleType, source: Watched) -> None:
    transfer = make(tiny, curriculum={"pacing": "none"})
    transfer.step(source)
    assert [len(drawn) for drawn in source.drawn] == [4]


def test_the_gap_is_measured_again_and_the_loss_is_not(tiny: ModuleType, source: Watched) -> None:
    def measured(difficulty: str) -> int:
        source.drawn.clear()
        transfer = make(tiny, steps=40, curriculum={"difficulty": difficulty, "pace": 1.0})
        for _ in range(10):
            transfer.step(source)
        return sum(len(drawn) == 20 for drawn in source.drawn)

    assert measured("loss") == 1
    assert measured("gap") == 5


def test_every_pass_is_counted(tiny: ModuleType, source: Watched) -> None:
    context = tiny.context()
    teacher = GRAPHS.counter(context.teacher, source._select._batch)
    student = GRAPHS.counter(context.student, source._select._batch)

    def cost(difficulty: str, pacing: str) -> tuple[float, float]:
        source.drawn.clear()
        transfer = make(tiny, curriculum={"difficulty": difficulty, "pacing": pacing, "pace": 1.0})
        transfer.step(source)
        *measured, step = (source._select(torch.tensor(drawn)) for drawn in source.drawn)
        expected = teacher(step) + 3 * student(step)
        for batch in measured:
            expected += teacher(batch) + (student(batch) if difficulty == "gap" else 0)
        return transfer.multiply_adds, expected

    for difficulty, pacing in (("loss", "none"), ("loss", "linear"), ("gap", "linear")):
        counted, expected = cost(difficulty, pacing)
        assert counted == pytest.approx(expected)


class Dropping(nn.Module):
    """A student that drops out in a function, where no list of layers shows it."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.width = inner.width
        self.classifier = inner.classifier

    def encode(self, *inputs: Any) -> Tensor:
        nodes: Tensor = self.inner.encode(*inputs)
        return F.dropout(nodes, 0.5, self.training)

    def readout(self, *inputs: Any) -> Tensor:
        pooled: Tensor = self.inner.readout(*inputs)
        return pooled


@pytest.mark.parametrize("extra", [{}, {"projection": "gat", "feature_weight": 0.5}], ids=["plain", "features"])
def test_dropout_draws_from_a_stream_of_its_own(tiny: ModuleType, source: Watched, extra: dict[str, Any]) -> None:
    results = []
    for noise in (1, 2):
        context = tiny.context()
        context = MethodContext(context.teacher, Dropping(context.student), context.prior, context.streams, tiny.CPU)
        transfer = make(tiny, context, **extra)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(noise)
            before = torch.get_rng_state()
            for _ in range(3):
                transfer.step(source)
            assert torch.equal(torch.get_rng_state(), before)
        results.append(tiny.weight_bytes(transfer.student))
    assert results[0] == results[1]


def test_the_feature_term_is_added_in_the_same_pass(tiny: ModuleType, source: Watched) -> None:
    results = {}
    for weight in (0.0, 1e-12, 2.0):
        transfer = make(tiny, projection="gat", feature_weight=weight, curriculum={"pacing": "none"})
        results[weight] = transfer.step(source)["loss"].item(), transfer
    assert results[1e-12][0] == pytest.approx(results[0.0][0])
    assert results[2.0][0] > results[0.0][0]
    # One pass moves BatchNorm's memory once, with the term or without.
    memories = [results[weight][1].student.norm.num_batches_tracked.item() for weight in (0.0, 2.0)]
    assert memories == [1, 1]
    assert results[2.0][1].multiply_adds == results[0.0][1].multiply_adds


def test_the_adversarial_temperature_moves_within_its_bounds(tiny: ModuleType, source: Watched) -> None:
    adversarial = {"mode": "adversarial", "low": 2.0, "high": 6.0}
    transfer = make(tiny, steps=30, rate=0.1, temperature=adversarial)
    temperatures = [transfer.step(source)["temperature"].item() for _ in range(30)]
    assert temperatures[:2] == [4.0, 4.0]  # The reversal has no strength yet.
    assert len(set(temperatures)) > 20
    assert all(2 < value < 6 for value in temperatures)


def test_settings_that_contradict_each_other_are_refused(tiny: ModuleType) -> None:
    with pytest.raises(ValueError, match="needs `projection: gat`"):
        TransferConfig(feature_weight=0.1)
    with pytest.raises(ValueError, match="low < high"):
        TransferConfig.model_validate({"temperature": {"low": 5, "high": 2}})
    with pytest.raises(ConfigError, match="is for graphs"):
        Transfer(TransferConfig(projection="gat"), tiny.context(), GRAPHS, None)


def test_stages_and_their_order(tiny: ModuleType) -> None:
    two = tiny.distillation().method_run
    assert [(s.name, s.steps, s.judged) for s in two.stages] == [("synthesis", 4, False), ("transfer", 6, True)]
    control = tiny.distillation("random_graphs", {"graphs": 8}).method_run
    assert [(s.name, s.steps, s.judged) for s in control.stages] == [("transfer", 6, True)]
    joint = tiny.chosen("joint").method_run
    assert [(s.name, s.steps, s.judged) for s in joint.stages] == [("joint", 6, True)]
    structure = two._synthesis.graphs.structure.logits
    seen = []
    for _ in range(10):
        before, student = structure.detach().clone(), tiny.weight_bytes(two.student)
        two.step()
        seen.append((not torch.equal(before, structure), tiny.weight_bytes(two.student) != student))
    assert seen == [(True, False)] * 4 + [(False, True)] * 6


@pytest.mark.parametrize(("synthesis", "transfer"), [(4, 6), (6, 6), (13, 5), (1, 7)])
def test_interleaving_spreads_synthesis_evenly(tiny: ModuleType, synthesis: int, transfer: int) -> None:
    run = tiny.distillation(
        synthesis={"graphs": 8, "steps": synthesis, "adversarial_weight": 0.5},
        transfer={"steps": transfer, "batch_size": 4},
    ).method_run
    for step in range(1, transfer + 1):
        run.step()
        assert run._synthesis.done == step * synthesis // transfer
        assert run._transfer.done == step


def test_adversarial_synthesis_sees_the_student_and_is_charged_for_it(tiny: ModuleType) -> None:
    run = tiny.chosen("joint").method_run
    shown = [run.step() for _ in range(6)]
    assert "synthesis_disagreement" in shown[-1]
    assert all("loss" in losses for losses in shown)
    plain = tiny.distillation().method_run
    per_step = []
    for _ in range(4):
        before = plain.multiply_adds()
        plain.step()
        per_step.append(plain.multiply_adds() - before)
    # Teacher and student are of one architecture: the joint run's synthesis costs twice as much.
    assert run._synthesis.multiply_adds == pytest.approx(2 * sum(per_step))


def test_the_end_of_synthesis_does_not_depend_on_how_transfer_is_set(tiny: ModuleType) -> None:
    states = []
    for transfer in (
        {"steps": 6, "batch_size": 4},
        {"steps": 9, "batch_size": 3, "projection": "gat", "samples": "fixed", "curriculum": {"pacing": "none"}},
        {"steps": 2, "temperature": {"mode": "adversarial"}},
    ):
        run = tiny.distillation(transfer=transfer)
        run.advance(until=0.5)
        assert isinstance(run.method_run, TwoPhase)
        state = run.method_run.state_dict()
        assert state["transfer"] is None
        streams = {name: value.tolist() for name, value in run.context.streams.state_dict().items()}
        structure = state["synthesis"]["graphs"]["structure.logits"].tolist()
        states.append((structure, streams, state["synthesis"]["multiply_adds"]))
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize(("samples", "same"), [("fixed", [True] * 8), ("soft", [True] * 8), ("resampled", [False] * 8)])
def test_fixed_and_soft_samples_stay_and_resampled_ones_do_not(
    tiny: ModuleType, samples: str, same: list[bool]
) -> None:
    assert kept_graphs(tiny, samples) == same


@pytest.mark.parametrize("method", ["acgkd", "gfkd", "deepinv_graphs"])
def test_fixed_samples_are_the_most_likely_graphs_however_they_are_picked(tiny: ModuleType, method: str) -> None:
    many = 2 * WRITTEN_AT_ONCE + 3
    run = tiny.distillation(method, synthesis={"graphs": many, "steps": 1}).method_run
    synthesis = run._synthesis
    indices = torch.tensor([many - 1, 0, WRITTEN_AT_ONCE, WRITTEN_AT_ONCE - 1, 7])
    picked, expected = synthesis.source("fixed").draw(indices), synthesis.graphs.thresholded(indices)
    assert torch.equal(picked.x, expected.x)
    assert torch.equal(picked.labels, expected.labels)
    assert torch.equal(picked.batch, expected.batch)
    assert weighted_edges(picked) == weighted_edges(expected)


def weighted_edges(batch: GraphBatch) -> list[tuple[int, int, float]]:
    """Edges in order of their ends."""
    weights = torch.ones(batch.edge_index.shape[1]) if batch.edge_weight is None else batch.edge_weight
    return sorted(zip(*batch.edge_index.tolist(), weights.tolist(), strict=True))


def test_mixed_samples_are_half_fixed_and_half_fresh(tiny: ModuleType) -> None:
    assert kept_graphs(tiny, "mixed") == [True] * 4 + [False] * 4
    run = tiny.distillation(transfer={"samples": "mixed"}).method_run
    indices = torch.tensor([5, 2, 7])
    mixed = run._synthesis.source("mixed").draw(indices)
    fixed = run._synthesis.source("fixed").draw(indices)
    assert mixed.graphs == 3
    assert torch.equal(mixed.batch, fixed.batch)
    assert set(map(tuple, mixed.edge_index.T.tolist())) == set(map(tuple, fixed.edge_index.T.tolist()))
    assert torch.equal(mixed.labels, fixed.labels)


def test_soft_samples_are_the_probabilities_themselves(tiny: ModuleType) -> None:
    run = tiny.distillation(transfer={"samples": "soft"}).method_run
    graphs = run._synthesis.graphs
    soft = run._synthesis.source("soft").draw(torch.arange(8))
    assert torch.allclose(soft.edge_weight.sum() / 2, graphs.kept_edges())
    assert torch.allclose(soft.x, torch.softmax(graphs.features.detach(), dim=1))


def kept_graphs(tiny: ModuleType, samples: str) -> list[bool]:
    """Which of eight graphs are the same, edges and features, when they are drawn twice."""
    run = tiny.distillation(transfer={"steps": 6, "batch_size": 4, "samples": samples}).method_run
    source = run._synthesis.source(samples)
    one, two = source.draw(torch.arange(8)), source.draw(torch.arange(8))
    same = []
    for graph in range(8):
        nodes, edges = one.batch == graph, one.batch[one.edge_index[0]] == graph
        same.append(
            torch.equal(one.edge_weight[edges], two.edge_weight[edges]) and torch.equal(one.x[nodes], two.x[nodes])
        )
    return same
