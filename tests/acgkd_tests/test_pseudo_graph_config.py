"""Pseudo-graphs: undirected, loop-free, each within itself; parts equal slices of the whole; honest degrees."""

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from acgkd.config import PriorConfig
from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.pseudo.concrete import one_hot
from acgkd.graphs.pseudo.relaxed_graphs import PseudoGraphs
from acgkd.priors import GraphPrior
from acgkd.settings.pseudo_graphs import ComplexityConfig, PseudoGraphConfig
from acgkd.synthesis.graphs.drawn_graphs import build_pseudo_graphs

MODES = [{"mode": "degree"}, {"mode": "ratio", "ratio": 0.5}, {"mode": "threshold", "threshold": 0.3}]
FEATURES = ["categorical", "continuous", "degree", "constant"]


@pytest.fixture
def build(tiny: ModuleType) -> Any:
    def make(seed: int = 0, config: dict[str, Any] | None = None, **prior: Any) -> PseudoGraphs:
        context = tiny.context(seed, **prior)
        return build_pseudo_graphs(
            PseudoGraphConfig.model_validate({"graphs": 9, "structure": "pairs", **(config or {})}), context
        )

    return make


def drawn(graphs: PseudoGraphs, how: str, indices: Tensor | None = None, seed: int = 0) -> GraphBatch:
    generator = torch.Generator().manual_seed(seed)
    if how == "thresholded":
        return graphs.thresholded(indices)
    return getattr(graphs, how)(generator, indices)  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", ["relaxed", "sampled", "thresholded"])
@pytest.mark.parametrize("complexity", MODES, ids=lambda mode: mode["mode"])
@pytest.mark.parametrize("features", FEATURES)
def test_graphs_are_undirected_loop_free_and_apart(
    build: Any, tiny: ModuleType, how: str, complexity: dict[str, Any], features: str
) -> None:
    graphs = build(config={"complexity": complexity}, features=features)
    batch = drawn(graphs, how)
    adjacency = tiny.dense(batch)
    assert torch.equal(adjacency, adjacency.T)
    assert bool((adjacency.diagonal() == 0).all())
    assert adjacency.max() <= 1
    assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])
    assert batch.graphs == 9
    assert torch.equal(batch.batch, torch.arange(9).repeat_interleave(graphs.candidates.sizes))
    assert batch.x.shape == (graphs.candidates.nodes, 4)
    assert batch.labels is not None
    assert torch.equal(batch.labels, torch.arange(9) % 2)


@pytest.mark.parametrize("features", FEATURES)
def test_a_part_equals_a_slice_of_the_whole(build: Any, features: str) -> None:
    graphs = build(features=features)
    indices = torch.tensor([7, 0, 3, 3])
    part, cut = graphs.thresholded(indices), GRAPHS.selector(graphs.thresholded())(indices)
    assert torch.equal(part.x, cut.x)
    assert torch.equal(part.batch, cut.batch)
    assert part.graphs == cut.graphs == 4
    assert torch.equal(part.labels, cut.labels)
    # The same edges of the same weights, in another order.
    nodes = part.x.shape[0]
    keys = [batch.edge_index[0] * nodes + batch.edge_index[1] for batch in (part, cut)]
    assert torch.equal(keys[0].sort().values, keys[1].sort().values)
    assert torch.equal(part.edge_weight[keys[0].argsort()], cut.edge_weight[keys[1].argsort()])


@pytest.mark.parametrize("how", ["relaxed", "sampled"])
def test_draws_follow_from_their_generator(build: Any, how: str) -> None:
    graphs = build()
    one, same, other = (drawn(graphs, how, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.edge_weight, same.edge_weight)
    assert torch.equal(one.x, same.x)
    assert not torch.equal(one.edge_weight, other.edge_weight)
    assert not torch.equal(one.x, other.x)


def test_equal_seeds_make_equal_pseudo_graphs(build: Any, tiny: ModuleType) -> None:
    assert tiny.weight_bytes(build(3)) == tiny.weight_bytes(build(3)) != tiny.weight_bytes(build(4))


@pytest.mark.parametrize("features", FEATURES)
def test_gradients_reach_structure_and_features(build: Any, features: str) -> None:
    graphs = build(features=features)
    batch = drawn(graphs, "relaxed")
    messages = torch.zeros_like(batch.x).index_add(
        0, batch.edge_index[1], batch.edge_weight.unsqueeze(1) * batch.x[batch.edge_index[0]]
    )
    ((batch.x + messages) @ torch.arange(1.0, 5.0)).square().sum().backward()
    # A draw far out is flat in single precision, hence not all.
    assert graphs.structure.logits.grad is not None
    assert (graphs.structure.logits.grad != 0).float().mean() > 0.9
    if features in ("categorical", "continuous"):
        assert bool((graphs.features.grad.abs().sum(dim=1) > 0).all())
    else:
        assert graphs.features is None
        assert graphs.feature_logits() is None


@pytest.mark.parametrize("how", ["sampled", "thresholded"])
def test_what_transfer_sees_is_discrete_and_has_no_gradient(build: Any, how: str) -> None:
    batch = drawn(build(), how)
    assert set(batch.edge_weight.tolist()) <= {0.0, 1.0}
    assert set(batch.x.flatten().tolist()) == {0.0, 1.0}
    assert bool((batch.x.sum(dim=1) == 1).all())
    assert not batch.x.requires_grad
    assert not batch.edge_weight.requires_grad


@pytest.mark.parametrize("noise", ["logistic", "gumbel"])
def test_expected_edges_are_drawn_on_average(build: Any, noise: str) -> None:
    graphs = build(config={"noise": noise})
    expected = graphs.kept_edges().item()
    generator = torch.Generator().manual_seed(5)
    counts = [graphs.sampled(generator).edge_weight.sum().item() / 2 for _ in range(400)]
    # A sum of Bernoulli draws: its variance is at most a quarter for each candidate.
    deviation = (graphs.structure.logits.numel() / 4 / 400) ** 0.5
    assert abs(sum(counts) / 400 - expected) < 4 * deviation


def test_the_most_likely_graph_is_the_most_likely(build: Any) -> None:
    graphs = build()
    with torch.no_grad():
        graphs.structure.logits[::2], graphs.structure.logits[1::2] = 9.0, -9.0
        graphs.features.copy_(9 * one_hot(torch.arange(graphs.candidates.nodes) % 4, 4, torch.float32))
    most_likely, sampled = graphs.thresholded(), drawn(graphs, "sampled")
    half = graphs.structure.logits.numel()
    assert torch.equal(most_likely.edge_weight[:half], (graphs.structure.logits > 0).float())
    assert (sampled.edge_weight != most_likely.edge_weight).float().mean() < 0.05
    assert torch.equal(most_likely.x.argmax(dim=1), torch.arange(graphs.candidates.nodes) % 4)


@pytest.mark.parametrize("relaxation", ["straight_through", "relaxed"])
def test_threshold_mode_keeps_all_pairs_and_drops_weak_ones_from_message_passing(build: Any, relaxation: str) -> None:
    config = {"complexity": {"mode": "threshold", "threshold": 0.4}, "edges": relaxation}
    graphs = build(config=config)
    sizes = graphs.candidates.sizes
    assert graphs.structure.logits.numel() == int((sizes * (sizes - 1) // 2).sum())
    batch = drawn(graphs, "relaxed")
    assert 0 < batch.edge_index.shape[1] < 2 * graphs.structure.logits.numel()
    assert batch.edge_index.shape[1] == batch.edge_weight.numel()
    if relaxation == "relaxed":
        assert batch.edge_weight.min() >= 0.4
    everything = drawn(build(config={**config, "complexity": {"mode": "threshold", "threshold": 0.0}}), "relaxed")
    assert everything.edge_index.shape[1] == 2 * graphs.structure.logits.numel()


@pytest.mark.parametrize("relaxation", ["straight_through", "relaxed"])
def test_degrees_do_not_count_what_was_dropped(build: Any, tiny: ModuleType, relaxation: str) -> None:
    config = {"complexity": {"mode": "threshold", "threshold": 0.45}, "edges": relaxation}
    batch = drawn(build(config=config, features="degree", feature_count=9), "relaxed")
    degrees = tiny.dense(batch).sum(dim=0).round().long()
    assert torch.equal(batch.x.argmax(dim=1), degrees)


def test_degree_features_follow_the_drawn_graph(build: Any, tiny: ModuleType) -> None:
    graphs = build(features="degree", feature_count=3)
    for how in ("sampled", "thresholded", "relaxed"):
        batch = drawn(graphs, how)
        assert torch.equal(batch.x.argmax(dim=1), tiny.dense(batch).sum(dim=0).clamp(max=2).round().long())


@pytest.mark.parametrize("complexity", MODES, ids=lambda mode: mode["mode"])
@pytest.mark.parametrize("noise", ["logistic", "gumbel"])
@pytest.mark.parametrize("nodes", [(10, 30), (300, 320)], ids=["small", "large"])
def test_where_the_mean_degree_is_known_graphs_start_at_it(
    build: Any, complexity: dict[str, Any], noise: str, nodes: tuple[int, int]
) -> None:
    graphs = build(config={"complexity": complexity, "noise": noise, "graphs": 6}, nodes=nodes, mean_degree=2.2)
    degree = 2 * graphs.kept_edges().item() / graphs.candidates.nodes
    assert degree == pytest.approx(2.2, rel=0.15)


def test_where_it_is_unknown_densities_are_spread(build: Any) -> None:
    graphs = build(config={"graphs": 60}, nodes=(12, 12), mean_degree="unknown")
    share = torch.sigmoid(graphs.structure.logits.detach()).view(60, -1).mean(dim=1)
    assert share.min() < 0.25
    assert share.max() > 0.75
    assert graphs.candidates.counts.tolist() == [36] * 60  # 6 candidate neighbours a node.


def test_labels_are_balanced_and_sizes_within_the_prior(build: Any) -> None:
    graphs = build(config={"graphs": 60}, nodes=(4, 9), classes=3)
    assert torch.bincount(graphs.labels).tolist() == [20, 20, 20]
    assert graphs.candidates.sizes.min() == 4
    assert graphs.candidates.sizes.max() == 9
    assert graphs.count == 60


@pytest.mark.parametrize("method", ["acgkd", "gfkd", "deepinv_graphs"])
def test_fewer_graphs_than_classes_are_refused(tiny: ModuleType, method: str) -> None:
    with pytest.raises(ConfigError, match=r"method/synthesis/graphs >= 5"):
        tiny.distillation(method, {"graphs": 4, "steps": 1}, classes=5)


def test_a_threshold_above_one_half_is_refused() -> None:
    # Synthesis would drop edges that transfer draws: a sampled edge is one whose relaxed weight is above 0.5.
    with pytest.raises(ValueError, match=r"less than or equal to 0\.5"):
        ComplexityConfig(mode="threshold", threshold=0.6)


def test_priors_join_run_and_entry_and_the_run_wins() -> None:
    known = PriorConfig(nodes=(3, 9), mean_degree=2.5, features="degree", feature_count=5, classes=2)
    assert GRAPHS.prior(PriorConfig(), known) == GraphPrior(3, 9, 2.5, "degree", 5, 2)
    said = PriorConfig(nodes=(4, 4), mean_degree="unknown", classes=3)
    assert GRAPHS.prior(said, known) == GraphPrior(4, 4, None, "degree", 5, 3)
    assert GRAPHS.prior(PriorConfig(mean_degree=1.0), known).mean_degree == 1.0
    with pytest.raises(ConfigError, match=r"`features`, `feature_count`"):
        GRAPHS.prior(PriorConfig(nodes=(3, 4), classes=2), PriorConfig())


def test_labels_may_be_drawn_and_leave_no_class_out(build: Any) -> None:
    labels = [build(seed, {"graphs": 40, "labels": "drawn"}, classes=3).labels for seed in range(3)]
    balanced = build(config={"graphs": 40}, classes=3).labels
    for drawn_labels in labels:
        assert drawn_labels[:3].tolist() == [0, 1, 2]
        assert set(drawn_labels.tolist()) == {0, 1, 2}
        assert not torch.equal(drawn_labels, balanced)
    assert not torch.equal(labels[0], labels[1])
    assert len({tuple(each.bincount().tolist()) for each in labels}) > 1, "classes are not of equal numbers"
    with pytest.raises(ValueError, match="`labels: drawn` needs `sizes: uniform`"):
        build(config={"labels": "drawn", "sizes": "matched"})


def test_degrees_may_be_learned_as_if_they_followed_from_nothing(build: Any) -> None:
    free, structural = (build(config={"degree_features": how}, features="degree") for how in ("free", "structural"))
    assert structural.features is None
    assert free.features is not None
    assert free.features.shape == (free.candidates.nodes, 4)
    batch = drawn(free, "relaxed")
    batch.x.square().sum().backward()
    assert bool((free.features.grad.abs() > 0).any())
    rows = drawn(free, "sampled").x
    assert bool((rows.sum(dim=1) == 1).all())
    assert build(config={"degree_features": "free"}, features="constant").features is None


def test_options_that_came_later_leave_earlier_fingerprints_as_they_were() -> None:
    dumped = PseudoGraphConfig().model_dump()
    assert not {"labels", "degree_features"} & dumped.keys()
    assert PseudoGraphConfig(labels="drawn").model_dump()["labels"] == "drawn"
