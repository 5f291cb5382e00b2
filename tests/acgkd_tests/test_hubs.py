"""Hubs: laws of the candidates, heavy tails that the started graphs have too, and what is learned from there."""

import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from acgkd.graphs.draws import LARGEST, long_tailed_sizes, uniform_sizes
from acgkd.graphs.pseudo.candidates import Mode, draw_candidates, unrank
from acgkd.graphs.pseudo.hubs import STEEPEST, _pairs, _spread, draw_hub_candidates
from acgkd.priors import GraphPrior
from acgkd.settings.pseudo_graphs import PseudoGraphConfig
from acgkd.synthesis.graphs.drawn_graphs import build_pseudo_graphs


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed(seed)


def degrees(nodes: int, ends: Tensor, weights: Tensor | None = None) -> Tensor:
    """Of each node, over pairs that are listed once."""
    ones = torch.ones(ends.shape[1], device="cpu") if weights is None else weights
    return torch.zeros(nodes, device="cpu").index_add(0, ends.flatten(), torch.cat([ones, ones]))


@settings(deadline=None)
@given(
    st.lists(st.integers(2, 40), min_size=1, max_size=8),
    st.sampled_from(["ratio", "degree", "threshold"]),
    st.floats(0.01, 1.0),
    st.integers(2, 4),
    st.integers(0, 1000),
)
def test_hubs_change_which_pairs_are_candidates_and_not_how_many(
    sizes: list[int], mode: Mode, share: float, classes: int, seed: int
) -> None:
    value = 10 * share if mode == "degree" else share
    candidates = draw_hub_candidates(torch.tensor(sizes, device="cpu"), classes, mode, value, generator(seed))
    even = draw_candidates(torch.tensor(sizes, device="cpu"), mode, value, generator(seed))
    assert torch.equal(candidates.counts, even.counts)
    graphs = torch.arange(len(sizes), device="cpu")
    of_node, of_pair = graphs.repeat_interleave(candidates.sizes), graphs.repeat_interleave(candidates.counts)
    low, high = candidates.pairs
    assert bool((low < high).all())
    assert torch.equal(of_node[low], of_pair)
    assert torch.equal(of_node[high], of_pair)
    assert torch.unique(candidates.pairs, dim=1).shape[1] == low.numel()


@pytest.mark.parametrize("keep", [6, 20])
def test_every_pair_comes_as_often_as_its_weight_says(keep: int) -> None:
    # Few of many pairs are drawn, a large share is picked by clocks: one law for both.
    n, rounds, draw = 9, 2000, generator(1)
    total = n * (n - 1) // 2
    seen = torch.zeros(total, device="cpu")
    for _ in range(rounds):
        low, high = _pairs(n, keep, 1.5, draw)
        seen[high * (high - 1) // 2 + low] += 1
    weight = torch.arange(1, n + 1, device="cpu", dtype=torch.double) ** -1.5
    low, high = unrank(torch.arange(total, device="cpu"))
    # The slow twin: one pair after the other, by weight among those that are left.
    twin, chances = torch.zeros(total, device="cpu"), (weight[low] + weight[high]).repeat(rounds, 1)
    picked = torch.multinomial(chances, keep, generator=draw)
    twin = twin.index_add(0, picked.flatten(), torch.ones(picked.numel(), device="cpu"))
    assert torch.allclose(seen / rounds, twin / rounds, atol=0.05)


@given(st.integers(2, 200), st.integers(2, 5), st.integers(0, 9))
def test_steepness_says_nothing_of_the_class(graphs: int, classes: int, seed: int) -> None:
    spread = _spread(graphs, classes, generator(seed))
    assert spread.numel() == graphs
    first, *others = (spread[label::classes] for label in range(classes))
    for other in others:
        assert torch.equal(other, first[: other.numel()])
    expected = torch.linspace(0, STEEPEST, first.numel(), dtype=torch.double, device="cpu")
    assert torch.allclose(first.sort().values, expected if first.numel() > 1 else torch.zeros_like(expected))


def test_three_thousand_nodes_have_as_many_pairs_as_asked_for_and_a_hub() -> None:
    pairs = _pairs(3782, 8774, STEEPEST, generator())
    assert torch.unique(pairs, dim=1).shape == (2, 8774)
    assert degrees(3782, pairs)[0] > 3400


def test_what_no_weight_would_ever_bring_is_drawn_evenly() -> None:
    # A fifth of all pairs of a graph with one steep hub: most of them have next to no weight.
    n = 400
    pairs = _pairs(n, n * (n - 1) // 10, 8.0, generator())
    counted = degrees(n, pairs)
    assert counted[0] == n - 1
    assert counted[1:].min() > 0.3 * counted[1:].mean()


KNOWN: dict[str, Any] = {"nodes": (100, 140), "mean_degree": 2.32, "features": "constant", "feature_count": 1}


def largest_shares(batch: Any) -> Tensor:
    """Of each graph, the share of its nodes that the one with most neighbours is tied to.

    Shapes:
        returns: ``[graphs]``
    """
    weights = torch.ones(batch.edge_index.shape[1], device="cpu") if batch.edge_weight is None else batch.edge_weight
    counted = torch.zeros(batch.x.shape[0], device="cpu").index_add(0, batch.edge_index[1], weights)
    ends = [0, *batch.batch.bincount().cumsum(0).tolist()]
    return torch.stack([counted[a:b].max() / (b - a) for a, b in itertools.pairwise(ends)])


@pytest.fixture
def build(tiny: ModuleType) -> Any:
    def make(structure: str, **config: Any) -> Any:
        settings = {"graphs": 40, "structure": structure, **config}
        return build_pseudo_graphs(PseudoGraphConfig.model_validate(settings), tiny.context(0, **KNOWN))

    return make


def test_started_graphs_have_hubs_at_the_known_mean_degree(build: Any) -> None:
    shares, means = {}, {}
    for kind in ("pairs", "hubs"):
        batch = build(kind).sampled(generator())
        shares[kind], means[kind] = largest_shares(batch), batch.edge_weight.sum().item() / batch.x.shape[0]
    assert means == pytest.approx({"pairs": 2.32, "hubs": 2.32}, rel=0.05)
    assert shares["pairs"].max() < 0.1
    # Some are as even as those, some have a node that a third of all others are tied to, and there is all between.
    assert shares["hubs"].min() < 0.1
    assert shares["hubs"].max() > 0.3
    assert shares["hubs"].std() > 0.08


@pytest.mark.parametrize("method", ["acgkd", "random_graphs", "deepinv_graphs"])
def test_all_methods_on_these_pseudo_graphs_suppose_the_same(tiny: ModuleType, method: str) -> None:
    synthesis = {"graphs": 20, **({} if method == "random_graphs" else {"steps": 1})}
    shares = largest_shares(tiny.distillation(method, synthesis, **KNOWN).method_run.samples(20))
    assert shares.min() < 0.1
    assert shares.max() > 0.3


def test_gradients_reach_every_candidate_of_a_hub(build: Any) -> None:
    graphs = build("hubs")
    batch = graphs.relaxed(generator())
    counted = torch.zeros(batch.x.shape[0], device="cpu").index_add(0, batch.edge_index[1], batch.edge_weight)
    counted.square().sum().backward()
    assert (graphs.structure.logits.grad != 0).float().mean() > 0.95


@pytest.mark.parametrize("extra", [{}, {"regrowth": {"every": 1, "share": 0.3}}])
def test_a_run_on_hubs_resumed_at_any_step_ends_in_the_same_bytes(
    tiny: ModuleType, tmp_path: Path, extra: dict[str, Any]
) -> None:
    def start() -> Any:
        synthesis = {**tiny.SYNTHESIS, "structure": "hubs", **extra}
        return tiny.distillation(
            synthesis=synthesis, features="constant", feature_count=1, nodes=(20, 30), mean_degree=2.0
        )

    tiny.assert_resumes_alike(start, (2, 7), tmp_path)


@given(st.integers(2, 300), st.integers(2, 60), st.integers(0, 500), st.integers(2, 5), st.integers(0, 9))
def test_long_tailed_sizes_are_bounded_and_alike_in_every_class(
    count: int, least: int, width: int, classes: int, seed: int
) -> None:
    prior = GraphPrior(least, least + width, 2.0, "constant", 1, classes)
    sizes = long_tailed_sizes(prior, count, generator(seed))
    assert sizes.numel() == count
    assert sizes.min() >= 2
    assert sizes.max() <= LARGEST * (least + width / 2)
    first, *others = (sizes[label::classes] for label in range(classes))
    for other in others:
        assert torch.equal(other, first[: other.numel()])


def test_long_tailed_sizes_keep_the_mean_and_leave_the_range() -> None:
    prior = GraphPrior(215, 645, 2.32, "constant", 1, 2)
    sizes = torch.stack([long_tailed_sizes(prior, 60, generator(seed)) for seed in range(50)]).float()
    assert sizes.mean() == pytest.approx(430, rel=0.05)
    assert sizes.amax(dim=1).min() > 1200
    assert sizes.amin(dim=1).max() < 80
    assert uniform_sizes(prior, 60, generator()).max() <= 645


@pytest.mark.parametrize("method", ["acgkd", "random_graphs", "deepinv_graphs"])
def test_all_methods_on_these_pseudo_graphs_take_long_tailed_sizes(tiny: ModuleType, method: str) -> None:
    synthesis = {"graphs": 20, "sizes": "long_tail", **({} if method == "random_graphs" else {"steps": 1})}
    sizes = tiny.distillation(method, synthesis, **KNOWN).method_run.samples(20).batch.bincount()
    assert sizes.max() > 200
    assert sizes.min() < 60


@pytest.mark.parametrize("structure", ["pairs", "hubs", {"kind": "communities"}])
def test_any_structure_may_have_long_tailed_sizes(tiny: ModuleType, structure: Any) -> None:
    config = PseudoGraphConfig.model_validate({"graphs": 40, "sizes": "long_tail", "structure": structure})
    graphs = build_pseudo_graphs(config, tiny.context(0, **{**KNOWN, "nodes": (10, 14)}))
    sizes, counts = graphs.candidates.sizes, graphs.candidates.counts
    assert sizes.max() > 2 * 14
    if isinstance(structure, dict):
        assert torch.equal(counts, sizes * (sizes - 1) // 2)
    else:
        assert bool((counts <= 2.32 * sizes + 1).all())
