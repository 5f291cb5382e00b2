"""DFAD-GNN: what the generator draws, that it learns, and who minimises what."""

import logging
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.pseudo.graph_generator import GraphGenerator
from acgkd.losses import probability_distance
from acgkd.methods.dfad_gnn import METHOD, DfadGnnConfig
from acgkd.modules.batch_norm import BatchNormStatistics
from acgkd.settings.graph_game import DisagreementConfig
from acgkd.synthesis.graphs.disagreement import Disagreement
from acgkd.synthesis.graphs.game import GraphGame
from tests.motifs import taught

FEATURES = ["categorical", "continuous", "degree", "constant"]


@pytest.fixture
def game(tiny: ModuleType) -> Any:
    def make(
        seed: int = 0,
        synthesis: dict[str, Any] | None = None,
        transfer: dict[str, Any] | None = None,
        **prior: Any,
    ) -> GraphGame:
        settings = {"synthesis": synthesis or {}, "transfer": {"batch_size": 8, **(transfer or {})}}
        config = DfadGnnConfig.model_validate(settings)
        return GraphGame(config.synthesis, config.transfer, tiny.context(seed, **prior))

    return make


def generator(**changes: Any) -> GraphGenerator:
    settings: dict[str, Any] = {
        "features": "one_hot",
        "feature_count": 3,
        "threshold": 0.3,
        "mean_degree": None,
        "gradient": "straight_through",
        "latent": 4,
        "hidden": (5,),
        "device": torch.device("cpu"),
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GraphGenerator(6, 3, **{**settings, **changes})


def drawn(made: GraphGenerator, sizes: list[int]) -> GraphBatch:
    z = torch.randn(len(sizes), made.latent, generator=torch.Generator().manual_seed(1))
    batch: GraphBatch = made(z, torch.tensor(sizes))
    return batch


def node_logits(made: GraphGenerator, sizes: list[int]) -> Tensor:
    z = torch.randn(len(sizes), made.latent, generator=torch.Generator().manual_seed(1))
    logits: Tensor = made.layers(z).view(len(sizes), made.nodes, made.columns).detach()
    return logits


# ---- the generator


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("density", ["prior", "released"])
def test_graphs_are_undirected_loop_free_and_apart(game: Any, tiny: ModuleType, features: str, density: str) -> None:
    batch = game(synthesis={"density": density}, features=features).samples(12)
    adjacency = tiny.dense(batch)
    assert torch.equal(adjacency, adjacency.T)
    assert bool((adjacency.diagonal() == 0).all())
    assert set(adjacency.flatten().tolist()) <= {0.0, 1.0}
    assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])
    sizes = torch.bincount(batch.batch)
    # Where the number of edges is known, edges alone are listed.
    listed = batch.edge_weight.sum().item() if density == "prior" else (sizes * (sizes - 1)).sum().item()
    assert batch.edge_index.shape[1] == listed
    assert batch.x.shape == (int(sizes.sum()), 4)


@pytest.mark.fidelity
@pytest.mark.parametrize("gradient", ["straight_through", "cut"])
def test_edges_and_features_are_those_of_the_node_logits(tiny: ModuleType, gradient: str) -> None:
    # A slow twin: graph by graph, pair by pair.
    made, sizes = generator(gradient=gradient, threshold=0.6), [4, 6, 2]
    with torch.no_grad():
        made.layers[-1].weight.mul_(4.0)
    batch, logits = drawn(made, sizes), node_logits(made, sizes)
    adjacency, start, present = tiny.dense(batch), 0, []
    for number, size in enumerate(sizes):
        for i in range(size):
            row = logits[number, i]
            assert batch.x[start + i].tolist() == [float(k == int(row.argmax())) for k in range(3)]
            for j in range(size):
                expected = i != j and torch.sigmoid(row @ logits[number, j]).item() > 0.6
                assert adjacency[start + i, start + j].item() == expected
                present.append(expected)
        start += size
    assert 0 < sum(present) < len(present) / 2
    assert adjacency.shape == (12, 12)
    assert batch.batch.tolist() == [0] * 4 + [1] * 6 + [2] * 2


def test_the_prior_places_the_threshold_where_its_mean_degree_is(game: Any, tiny: ModuleType) -> None:
    for degree in (1.0, 3.0):
        batch = game(mean_degree=degree, nodes=(5, 12)).samples(40)
        degrees = tiny.dense(batch).sum(dim=1)
        assert degrees.mean().item() == pytest.approx(degree, abs=0.1)
        # Of every graph, up to the rounding of its number of edges.
        for graph in range(40):
            own = degrees[batch.batch == graph]
            assert abs(own.sum().item() - degree * own.numel()) <= 1
    # Denser than complete is complete.
    batch = game(mean_degree=30.0, nodes=(5, 12)).samples(40)
    assert bool((batch.edge_weight == 1).all())
    # The released threshold is below one half, where structure logits begin: a complete graph.
    for start in (game(synthesis={"density": "released"}), game(mean_degree="unknown")):
        assert start.samples(40).edge_weight.mean().item() > 0.95


@pytest.mark.fidelity
def test_the_strongest_pairs_of_each_graph_are_its_edges(tiny: ModuleType) -> None:
    made, sizes = generator(mean_degree=2.0), [6, 4, 2]
    batch, logits = drawn(made, sizes), node_logits(made, sizes)
    adjacency, start = tiny.dense(batch), 0
    for number, (size, edges) in enumerate(zip(sizes, [6, 4, 1], strict=True)):
        own = adjacency[start : start + size, start : start + size].triu(1)
        products = (logits[number, :size] @ logits[number, :size].T)[torch.ones(size, size).triu(1) > 0]
        weights = own[torch.ones(size, size).triu(1) > 0]
        assert own.sum().item() == edges
        assert edges == weights.numel() or products[weights == 1].min() > products[weights == 0].max()
        start += size


@pytest.mark.parametrize("kind", ["one_hot", "degree"])
def test_the_same_graphs_are_drawn_with_and_without_a_gradient(tiny: ModuleType, kind: Any) -> None:
    made, sizes = generator(features=kind, mean_degree=2.0), [6, 4, 6]
    learning = drawn(made, sizes)
    with torch.no_grad():
        alone = drawn(made, sizes)
    assert torch.equal(tiny.dense(learning), tiny.dense(alone))
    assert torch.equal(learning.x, alone.x)
    assert alone.edge_index.shape[1] == 32 < learning.edge_index.shape[1]


@pytest.mark.parametrize("kind", ["one_hot", "values", "degree", "constant"])
def test_gradients_reach_every_parameter_unless_they_are_cut(kind: Any) -> None:
    for gradient, density in (("straight_through", None), ("straight_through", 2.0), ("cut", None)):
        made = generator(features=kind, gradient=gradient, mean_degree=density)
        batch = drawn(made, [6, 6, 4])
        loss = (batch.x @ torch.arange(1.0, 4.0)).square().sum() + (
            batch.edge_weight * torch.arange(batch.edge_weight.numel())
        ).sum()
        assert loss.requires_grad == (gradient == "straight_through")
        if loss.requires_grad:
            loss.backward()
            assert all(bool((p.grad != 0).any()) for p in made.parameters())


@pytest.mark.parametrize("kind", ["one_hot", "degree"])
def test_features_have_a_gradient_of_their_own(kind: Any) -> None:
    made = generator(features=kind, threshold=0.5)
    (drawn(made, [6, 6]).x @ torch.arange(1.0, 4.0)).square().sum().backward()
    assert all(bool((p.grad != 0).any()) for p in made.parameters())


def test_the_work_of_the_generator_is_counted() -> None:
    # 4 -> 5 -> 6 nodes of 3 columns, then all products of six rows.
    assert generator().multiply_adds(7) == 7 * (4 * 5 + 5 * 18 + 6 * 6 * 3)


def test_sizes_are_the_priors_or_fixed(game: Any) -> None:
    sizes = torch.bincount(game(nodes=(5, 8)).samples(100).batch)
    assert (sizes.min(), sizes.max()) == (5, 8)
    fixed = game(synthesis={"sizes": "fixed", "nodes": 11}, nodes=(5, 8))
    assert torch.bincount(fixed.samples(10).batch).tolist() == [11] * 10
    assert fixed.generator.nodes == 11


def test_degrees_follow_the_edges_unless_they_are_free(game: Any, tiny: ModuleType) -> None:
    batch = game(features="degree", mean_degree=2.0).samples(20)
    degrees = tiny.dense(batch).sum(dim=0).clamp(max=3).long()
    assert torch.equal(batch.x.argmax(dim=1), degrees)
    free = game(synthesis={"degree_features": "free"}, features="degree", mean_degree=2.0)
    assert not torch.equal(free.samples(20).x.argmax(dim=1), tiny.dense(free.samples(20)).sum(dim=0).long())
    assert (free.generator.columns, game(features="degree").generator.columns) == (4, 32)


# ---- the game


def turns(game: GraphGame, steps: int) -> list[tuple[bool, bool]]:
    """Whether student and generator changed at each step."""
    seen = []
    for _ in range(steps):
        before = [[p.detach().clone() for p in m.parameters()] for m in (game.student, game.generator)]
        game.step()
        after = [list(m.parameters()) for m in (game.student, game.generator)]
        student, own = (
            [torch.equal(x, y) for x, y in zip(*pair, strict=True)] for pair in zip(before, after, strict=True)
        )
        seen.append((not all(student), not any(own)))
    return seen


def test_the_players_take_turns(game: Any) -> None:
    assert turns(game(transfer={"turn": 3}), 7) == [(True, step in (2, 5)) for step in range(7)]


def test_a_cut_gradient_leaves_the_generator_as_it_was(game: Any, tiny: ModuleType) -> None:
    cut = game(synthesis={"gradient": "cut"}, transfer={"turn": 1})
    start = tiny.weight_bytes(cut.generator)
    assert "generator_loss" in cut.step()
    assert tiny.weight_bytes(cut.generator) == start


def test_the_generators_turn_leaves_the_student_alone(game: Any, tiny: ModuleType) -> None:
    one, other = game(synthesis={"turn": 1}), game(synthesis={"turn": 9})
    for _ in range(5):
        one.step()
        other.step()
    assert tiny.weight_bytes(one.student) == tiny.weight_bytes(other.student)
    assert tiny.weight_bytes(one.generator) != tiny.weight_bytes(other.generator)


@pytest.mark.parametrize("density", ["prior", "released"])
def test_against_a_student_at_rest_the_generator_finds_disagreement(game: Any, density: str) -> None:
    play = game(synthesis={"density": density, "rate": 0.001}, transfer={"batch_size": 32})
    losses = [play._generator_step().item() for _ in range(60)]
    assert sum(losses[-10:]) < sum(losses[:10]) - 0.5


# ---- what the generator minimises


def loss_of(tiny: ModuleType, play: GraphGame, **options: Any) -> tuple[Tensor, GraphBatch]:
    """With such options, of one batch that the generator made."""
    batch = play._generate(16, "game")
    config = DisagreementConfig.model_validate(options)
    return Disagreement(config, play.context)(play.student.eval(), batch), batch


@pytest.mark.parametrize(("balance", "weight"), [(0.0, 0.0), (3.0, 0.0), (0.0, 0.5), (3.0, 0.5)])
def test_the_generators_loss_is_the_weighted_sum_of_its_terms(game: Any, balance: float, weight: float) -> None:
    play = game()
    teacher, batch = play.context.teacher, play.samples(16)
    statistics = BatchNormStatistics(teacher, "squared")
    with statistics.listening():
        target = GRAPHS.logits(teacher, batch)
    apart = probability_distance(target, GRAPHS.logits(play.student.eval(), batch)).item()
    mean = target.softmax(dim=1).mean(dim=0)
    entropy = -(mean * mean.log()).sum().item()
    config = DisagreementConfig(balance_weight=balance, statistics_weight=weight, statistics="squared")
    expected = -apart - balance * entropy + weight * statistics.distance(torch.device("cpu")).item()
    assert Disagreement(config, play.context)(play.student, batch).item() == pytest.approx(expected, rel=1e-5)


def test_disagreement_alone_is_the_published_loss() -> None:
    config = METHOD.config().synthesis
    assert (config.balance_weight, config.statistics_weight) == (0.0, 0.0)


@pytest.mark.parametrize("weight", ["balance_weight", "statistics_weight"])
def test_each_weight_moves_the_generator(game: Any, weight: str) -> None:
    weights = {weight: 5.0 if weight == "balance_weight" else 1.0}
    gains = []
    for seed in (1, 3):
        ends = []
        for synthesis in ({}, weights):
            play = game(seed, synthesis, mean_degree=2.0)
            for _ in range(40):
                play._generator_step()
            with torch.no_grad():
                judged = Disagreement(DisagreementConfig.model_validate(weights), play.context)
                ends.append(judged(play.student, play.samples(200)).item())
        gains.append(ends[0] - ends[1])
    # Over seeds 0 to 3: 0.7 ± 0.3 and 0.7 ± 0.7.
    assert sum(gains) / 2 > 0.2


def test_statistics_without_batch_norm_are_reported(game: Any, caplog: pytest.LogCaptureFixture) -> None:
    play = game()
    for layer in play.context.teacher.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean = None
    with caplog.at_level(logging.WARNING):
        Disagreement(DisagreementConfig(), play.context)
        assert not caplog.records
        for _ in range(3):
            Disagreement(DisagreementConfig(statistics_weight=1.0), play.context)
    assert caplog.text.count("no BatchNorm layer") == 1


def test_the_rate_goes_to_zero_where_the_config_says_so(game: Any) -> None:
    play = game(transfer={"schedule": "linear", "steps": 4})
    rates = []
    for _ in range(4):
        play.step()
        rates.append(play._student_optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.005, 0.00375, 0.0025, 0.00125])


@pytest.mark.parametrize("features", FEATURES)
def test_every_kind_of_prior_is_played(tiny: ModuleType, features: str) -> None:
    transfer = {"steps": 6, "batch_size": 8, "projection": "gat"}
    run = tiny.distillation("dfad_gnn", {"turn": 2}, transfer, features=features)
    run.advance()
    assert run.done
    facts = run.method_run.facts()
    assert 0 < facts["kept_edges"] < facts["candidate_edges"]


def test_it_always_looks_at_the_student() -> None:
    assert METHOD.needs_student(METHOD.config())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_on_motifs_it_learns_with_balance_and_statistics_and_not_without(tmp_path: Path) -> None:
    weights = {"balance_weight": 5.0, "statistics_weight": 1.0}
    longer = {"steps": 300, "schedule": "linear"}
    rows = {
        "both": {"name": "dfad_gnn", "synthesis": weights, "transfer": longer},
        "published": {"name": "dfad_gnn"},
        "control": {"name": "random_graphs", "transfer": {"projection": "none"}},
    }
    # Means over seeds, for a game of two players ends elsewhere on another processor: with both, seeds 100 to 102 had
    # accuracies of 1.00, 0.81 and 0.78 on one machine and of 0.91, 0.63 and 0.50 on another. The control has 0.50 to
    # 0.56, the published form 0.50.
    found = {name: [taught(method, seed, tmp_path) for seed in (100, 101, 102)] for name, method in rows.items()}
    accuracy = {name: mean(pair[0] for pair in pairs) for name, pairs in found.items()}
    divergence = {name: mean(pair[1] for pair in pairs) for name, pairs in found.items()}
    assert accuracy["both"] > accuracy["control"] + 0.1
    assert accuracy["published"] < accuracy["both"] - 0.1
    assert divergence["both"] < 0.25 * divergence["control"]
    assert divergence["published"] > 2 * divergence["both"]
