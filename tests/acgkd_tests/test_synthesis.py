"""Options of ACGKD's synthesis beyond its plain form."""

from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphPrior
from acgkd.graphs.draws import matched_sizes
from acgkd.settings.graph_inversion import GraphInversionConfig
from acgkd.synthesis.graphs.inversion import _targets
from acgkd.synthesis.graphs.inversion_loss import misjudged_entropy
from tests.motifs import taught

OPTIONS: dict[str, dict[str, Any]] = {
    "annealed": {"final_concrete_temperature": 0.1},
    "boundary": {"confidence": 0.6},
    "degree": {"degree_weight": 2.0},
    "matched": {"sizes": "matched"},
    "regrown": {"regrowth": {"every": 1, "share": 0.4}},
    "regrown in parts": {"graphs_at_once": 3, "steps": 3, "regrowth": {"every": 1, "share": 0.4}},
    "misjudged": {"class_terms": "misjudged", "class_weight": 0.5},
    "in parts": {"graphs_at_once": 3, "steps": 2, "final_concrete_temperature": 0.1},
}


def small(**synthesis: Any) -> dict[str, Any]:
    return {"graphs": 8, "steps": 4, **synthesis}


def test_the_concrete_temperature_falls_geometrically_from_first_to_last(tiny: ModuleType) -> None:
    run = tiny.distillation(synthesis=small(concrete_temperature=0.8, final_concrete_temperature=0.1)).method_run
    seen = []
    for _ in range(4):
        run.step()
        seen.append(run._synthesis.graphs.relaxing.temperature)
    assert seen == pytest.approx([0.8, 0.4, 0.2, 0.1])


def test_one_step_keeps_the_first_temperature(tiny: ModuleType) -> None:
    run = tiny.distillation(
        synthesis=small(steps=1, concrete_temperature=0.8, final_concrete_temperature=0.1)
    ).method_run
    run.step()
    assert run._synthesis.graphs.relaxing.temperature == 0.8


def test_targets_spread_from_the_least_confidence_to_certainty() -> None:
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2], device="cpu")
    targets = _targets(labels, 3, 0.4)
    assert torch.allclose(targets.sum(dim=1), torch.ones(9, device="cpu"))
    own = targets[torch.arange(9, device="cpu"), labels]
    assert own.tolist() == pytest.approx([0.4] * 3 + [0.7] * 3 + [1.0] * 3)
    # What is left is shared by the other classes alike.
    assert targets[0].tolist() == pytest.approx([0.4, 0.3, 0.3])
    assert _targets(labels, 3, 1.0) is labels


def test_less_confidence_than_chance_is_refused(tiny: ModuleType) -> None:
    with pytest.raises(ConfigError, match=r"1/2 <= method/synthesis/confidence <= 1"):
        tiny.distillation(synthesis=small(confidence=0.4))


def test_the_cross_entropy_is_taken_to_what_is_asked_for(tiny: ModuleType) -> None:
    run, twin = (tiny.distillation(synthesis=small(confidence=0.6)).method_run._synthesis for _ in range(2))
    losses = run.step(None)
    batch = twin.graphs.relaxed(twin.context.streams.generator("synthesis"))
    scores = F.log_softmax(GRAPHS.logits(twin.context.teacher, batch), dim=1)
    expected = -(_targets(twin.graphs.labels, 2, 0.6) * scores).sum(dim=1).mean()
    assert losses["cross_entropy"].item() == pytest.approx(expected.item())


def test_a_graph_with_the_class_asked_for_adds_nothing_where_the_misjudged_count() -> None:
    logits = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 2.0]], device="cpu", requires_grad=True)
    targets = torch.tensor([0, 0, 1], device="cpu")
    found = misjudged_entropy(logits, targets)
    assert found.item() == pytest.approx(F.cross_entropy(logits[1:2], targets[1:2]).item() / 3)
    (gradient,) = torch.autograd.grad(found, logits)
    assert gradient.abs().sum(dim=1).bool().tolist() == [False, True, False]
    soft = F.one_hot(targets, 2) * 0.8 + 0.1
    assert misjudged_entropy(logits, soft).item() == pytest.approx(F.cross_entropy(logits[1:2], soft[1:2]).item() / 3)


def test_no_draw_is_judged_by_classes_that_nobody_asked_for(tiny: ModuleType) -> None:
    with pytest.raises(ConfigError, match="`restarts > 0` needs `class_weight > 0`"):
        tiny.distillation(synthesis=small(class_weight=0, restarts=1))


@pytest.mark.parametrize("weight", [0.0, 0.25])
def test_the_cross_entropy_counts_by_its_weight(tiny: ModuleType, weight: float) -> None:
    run = tiny.distillation(
        synthesis=small(class_weight=weight, statistics_weight=2.0, entropy_weight=0, degree_weight=0)
    ).method_run
    terms = run.step()
    expected = weight * terms["cross_entropy"] + 2.0 * terms["statistics"]
    assert terms["loss"].item() == pytest.approx(expected.item())


def test_the_degree_term_draws_density_to_the_prior(tiny: ModuleType) -> None:
    away = []
    for weight in (0.0, 10_000.0):
        run = tiny.distillation(
            synthesis=small(steps=60, rate=0.5, degree_weight=weight, complexity={"mode": "ratio", "ratio": 1.0}),
            mean_degree=2.0,
        ).method_run
        # Far too dense to start from.
        with torch.no_grad():
            run._synthesis.graphs.structure.logits.fill_(1.5)
        for _ in range(60):
            losses = run.step()
        graphs = run._synthesis.graphs
        away.append(abs(2 * graphs.kept_edges().item() / graphs.candidates.nodes - 2.0))
        assert ("degree" in losses) == (weight > 0)
    assert away[1] < 0.3 < away[0]


def test_there_is_no_degree_term_where_the_mean_degree_is_unknown(tiny: ModuleType) -> None:
    losses = tiny.distillation(synthesis=small(degree_weight=1.0), mean_degree="unknown").method_run.step()
    assert "degree" not in losses


@given(st.integers(2, 300), st.integers(2, 60), st.integers(0, 500), st.integers(2, 5), st.integers(0, 9))
def test_matched_sizes_fill_the_range_evenly_and_alike_in_every_class(
    count: int, least: int, width: int, classes: int, seed: int
) -> None:
    prior = GraphPrior(least, least + width, 2.0, "constant", 1, classes)
    sizes = matched_sizes(prior, count, torch.Generator(device="cpu").manual_seed(seed))
    assert sizes.numel() == count
    assert sizes.min() >= least
    assert sizes.max() <= least + width
    first, *others = (sizes[label::classes] for label in range(classes))
    for other in others:
        assert other.tolist() == first[: other.numel()].tolist()
    # One to each of equal stretches of the range.
    stretch = (width + 1) / first.numel()
    for number, size in enumerate(first.tolist()):
        assert least + int(number * stretch) - 1 <= size <= least + (number + 1) * stretch


@pytest.mark.parametrize("name", OPTIONS)
def test_a_run_resumed_at_any_step_ends_in_the_same_bytes(tiny: ModuleType, tmp_path: Path, name: str) -> None:
    def start() -> Any:
        return tiny.distillation(synthesis=small(**OPTIONS[name]))

    plain = tiny.distillation()
    plain.advance()
    whole = tiny.assert_resumes_alike(start, range(start().total_steps), tmp_path)
    assert whole.curves != plain.curves


def per_graph(graphs: Any) -> list[bytes]:
    """Everything learned of each graph."""
    odds = graphs.structure.logits.detach().split(graphs.candidates.counts.tolist())
    rows = graphs.features.detach().split(graphs.candidates.sizes.tolist())
    return [a.numpy().tobytes() + b.numpy().tobytes() for a, b in zip(odds, rows, strict=True)]


def test_parts_are_learned_one_after_the_other_and_leave_each_other_alone(tiny: ModuleType) -> None:
    run = tiny.distillation(synthesis=small(graphs=8, graphs_at_once=3, confidence=0.6)).method_run
    assert [(stage.name, stage.steps) for stage in run.stages] == [("synthesis", 12), ("transfer", 6)]
    seen = [per_graph(run._synthesis.graphs)]
    rates = []
    for _ in range(12):
        run.step()
        seen.append(per_graph(run._synthesis.graphs))
        rates.append(run._synthesis._optimizer.param_groups[0]["lr"])
    # As equal as can be: 3, 3 and 2 graphs, each for four steps, each with a rate that falls to 0.
    for step in range(12):
        moved = [index for index in range(8) if seen[step][index] != seen[step + 1][index]]
        assert moved == [[0, 1, 2], [3, 4, 5], [6, 7]][step // 4]
    assert rates == rates[:4] * 3
    assert rates[:4] == sorted(rates[:4], reverse=True)


def test_as_many_at_once_as_there_are_is_all_at_once(tiny: ModuleType) -> None:
    whole, parted = (tiny.distillation(synthesis=small(graphs_at_once=number)) for number in (None, 8))
    for run in (whole, parted):
        run.advance()
    assert tiny.weight_bytes(whole.student) == tiny.weight_bytes(parted.student)


def test_memory_follows_the_graphs_at_once_and_not_the_graphs(tiny: ModuleType) -> None:
    def largest_step(graphs: int, at_once: int | None) -> int:
        """Bytes kept for the backward pass of the largest step."""
        run = tiny.distillation(synthesis=small(graphs=graphs, graphs_at_once=at_once), nodes=(8, 8)).method_run
        steps = []
        for _ in range(run.stages[0].steps):
            kept: dict[int, int] = {}

            def keep(tensor: torch.Tensor, kept: dict[int, int] = kept) -> torch.Tensor:
                storage = tensor.untyped_storage()
                kept[storage.data_ptr()] = storage.nbytes()
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                run.step()
            steps.append(sum(kept.values()))
        return max(steps)

    # Twice as many graphs take as much as before; one half at a time takes about one half.
    assert largest_step(64, 16) < 1.3 * largest_step(32, 16)
    assert largest_step(32, 16) < 0.6 * largest_step(32, None)
    assert largest_step(64, None) > 1.9 * largest_step(32, None)


def test_a_game_against_the_student_is_played_with_all_graphs(tiny: ModuleType) -> None:
    with pytest.raises(ConfigError, match=r"`adversarial_weight > 0` needs `graphs_at_once: null`"):
        tiny.distillation(synthesis=small(adversarial_weight=0.5, graphs_at_once=4))


def test_regrowth_replaces_unlikely_pairs_which_start_afresh_without_momentum(tiny: ModuleType) -> None:
    regrowth = {"every": 3, "share": 0.25}
    run = tiny.distillation(
        synthesis=small(steps=9, complexity={"degree": 4.0}, regrowth=regrowth), nodes=(8, 8)
    ).method_run
    synthesis = run._synthesis
    pairs = [synthesis.graphs.candidates.pairs]
    for _ in range(9):
        run.step()
        pairs.append(synthesis.graphs.candidates.pairs)
    changed = [not torch.equal(*both) for both in pairwise(pairs)]
    # Before the fourth and the seventh step, and not in the last third.
    assert changed == [False] * 3 + [True] + [False] * 2 + [True] + [False] * 2
    start = synthesis.graphs.structure._start.clone()
    synthesis._regrow(torch.tensor([2, 5], device="cpu"))
    new = (synthesis.graphs.candidates.pairs != pairs[-1]).any(dim=0)
    # A quarter of 16 candidates in each of the two graphs.
    assert torch.nonzero(new).flatten().div(16, rounding_mode="floor").tolist() == [2] * 4 + [5] * 4
    odds = synthesis.graphs.structure.logits.detach()
    assert torch.equal(odds[new], start[new])
    moments = synthesis._optimizer.state[synthesis.graphs.structure.logits]
    for name in ("exp_avg", "exp_avg_sq"):
        assert bool((moments[name][new] == 0).all())
        assert bool((moments[name][~new] != 0).any())


def test_draws_follow_the_regrown_pairs(tiny: ModuleType) -> None:
    run = tiny.distillation(synthesis=small(regrowth={"every": 1, "share": 0.4}))
    run.advance(until=0.5)
    graphs = run.method_run._synthesis.graphs
    assert torch.equal(graphs.soft().edge_index[:, : graphs.structure.logits.numel()], graphs.candidates.pairs)


def test_regrowth_needs_odds_of_each_pair_and_pairs_that_are_no_candidates(tiny: ModuleType) -> None:
    with pytest.raises(ConfigError, match="`regrowth/every` needs `structure: pairs`"):
        tiny.distillation(synthesis=small(structure="communities", regrowth={"every": 5}))
    with pytest.raises(ValueError, match=r"`regrowth/every` needs `complexity/mode: degree` or `ratio`"):
        GraphInversionConfig.model_validate({"complexity": {"mode": "threshold"}, "regrowth": {"every": 5}})


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [100, 101, 102])
def test_at_its_defaults_it_teaches_motifs_what_random_graphs_do_not(tmp_path: Path, seed: int) -> None:
    accuracy, divergence = taught({"name": "acgkd"}, seed, tmp_path)
    control, far = taught({"name": "random_graphs"}, seed, tmp_path)
    # Seeds 100 to 102: accuracies of 1, divergences below 0.001; the control's 0.5, and 16, 6.2 and 14.
    assert accuracy > control + 0.3
    assert divergence < 0.2 * far
