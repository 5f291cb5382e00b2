"""Structures: where they start, what they draw; communities draw cliques, and one network serves all graphs."""

import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import GraphBatch
from acgkd.graphs.pseudo.communities import Communities, shared
from acgkd.graphs.pseudo.relaxed_graphs import PseudoGraphs
from acgkd.graphs.pseudo.shared_mlp import SharedMlp
from acgkd.graphs.pseudo.structures import Pairs
from acgkd.settings.pseudo_graphs import PseudoGraphConfig
from acgkd.synthesis.graphs.drawn_graphs import build_pseudo_graphs

KINDS: dict[str, Any] = {
    "pairs": "pairs",
    "hubs": "hubs",
    "mlp": "mlp",
    "communities": {"kind": "communities", "ego": False},
    "ego": {"kind": "communities", "communities": 3},
}


@pytest.fixture
def build(tiny: ModuleType) -> Any:
    def make(structure: Any, seed: int = 0, config: dict[str, Any] | None = None, **prior: Any) -> PseudoGraphs:
        settings = {"graphs": 9, "structure": structure, **(config or {})}
        return build_pseudo_graphs(PseudoGraphConfig.model_validate(settings), tiny.context(seed, **prior))

    return make


def adjacencies(tiny: ModuleType, graphs: PseudoGraphs, batch: GraphBatch) -> list[Tensor]:
    matrix, ends = tiny.dense(batch), [0, *graphs.candidates.sizes.cumsum(0).tolist()]
    return [matrix[a:b, a:b] for a, b in itertools.pairwise(ends)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("complexity", [{}, {"degree": 6.0}, {"mode": "ratio", "ratio": 0.8}, {"mode": "threshold"}])
@pytest.mark.parametrize("densities", ["equal", "spread"])
@pytest.mark.parametrize("degree", [2.2, 4.5])
def test_graphs_start_at_the_known_mean_degree(
    build: Any, kind: str, complexity: dict[str, Any], densities: str, degree: float
) -> None:
    structure = {"kind": KINDS[kind]} if isinstance(KINDS[kind], str) else KINDS[kind]
    config = {"complexity": complexity, "graphs": 150}
    graphs = build({**structure, "densities": densities}, config=config, nodes=(12, 20), mean_degree=degree)
    assert 2 * graphs.kept_edges().item() / graphs.candidates.nodes == pytest.approx(degree, rel=0.12)


@pytest.mark.parametrize("kind", KINDS)
def test_spread_densities_reach_from_sparse_to_dense(build: Any, kind: str) -> None:
    structure = {"kind": KINDS[kind]} if isinstance(KINDS[kind], str) else KINDS[kind]

    def densities(how: str) -> Tensor:
        graphs = build({**structure, "densities": how}, config={"graphs": 60}, nodes=(12, 12), mean_degree=5.5)
        weights = graphs.structure.probabilities(graphs._parts(None)).detach()
        return torch.stack([part.mean() for part in weights.split(graphs.candidates.counts.tolist())])

    assert densities("equal").std() < 0.1
    assert densities("spread").min() < 0.2
    assert densities("spread").max() > 0.8


DRAWS = 400  # the bound follows


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", ["logistic", "gumbel"])
def test_edges_are_drawn_as_often_as_their_probability_says(build: Any, kind: str, noise: str) -> None:
    graphs = build(KINDS[kind], config={"noise": noise})
    part, generator = graphs._parts(None), torch.Generator().manual_seed(3)
    with torch.no_grad():
        drawn = torch.stack([graphs.structure.sampled(part, generator) for _ in range(DRAWS)])
        expected = graphs.structure.probabilities(part)
    deviation = (expected * (1 - expected) / DRAWS).sqrt()
    assert bool(((drawn.mean(dim=0) - expected).abs() < 5 * deviation + 1e-3).all())
    # The same edges while learning, at any temperature.
    with torch.no_grad():
        hard = [
            graphs.structure.relaxed(part, temperature=0.3, relaxation="straight_through", generator=generator)[0]
            for _ in range(DRAWS)
        ]
    assert bool(((torch.stack(hard).mean(dim=0) - expected).abs() < 5 * deviation + 1e-3).all())


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_has_the_probabilities_of_the_whole(build: Any, kind: str) -> None:
    graphs = build(KINDS[kind])
    indices = torch.tensor([7, 0, 3])
    part, cut = graphs.soft(indices), GRAPHS.selector(graphs.soft())(indices)
    keys = [batch.edge_index[0] * batch.x.shape[0] + batch.edge_index[1] for batch in (part, cut)]
    assert torch.equal(keys[0].sort().values, keys[1].sort().values)
    assert torch.allclose(part.edge_weight[keys[0].argsort()], cut.edge_weight[keys[1].argsort()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("relaxation", ["straight_through", "relaxed"])
def test_gradients_reach_every_parameter_of_a_structure(build: Any, kind: str, relaxation: str) -> None:
    graphs = build(KINDS[kind], config={"edges": relaxation}, features="degree", feature_count=8)
    batch = graphs.relaxed(torch.Generator().manual_seed(0))
    if relaxation == "straight_through":
        assert set(batch.edge_weight.tolist()) == {0.0, 1.0}
    (batch.x @ torch.arange(8.0)).square().sum().backward()
    for name, parameter in graphs.structure.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).float().mean() > 0.5, name


@pytest.mark.parametrize("kind", ["mlp", "communities", "ego"])
def test_a_run_resumed_at_any_step_ends_in_the_same_bytes(tiny: ModuleType, tmp_path: Path, kind: str) -> None:
    def start() -> Any:
        synthesis = {**tiny.SYNTHESIS, "structure": KINDS[kind]}
        return tiny.distillation(synthesis=synthesis, features="degree", mean_degree=2.5)

    tiny.assert_resumes_alike(start, (2, 7), tmp_path)


@pytest.mark.fidelity
@given(st.integers(2, 7), st.integers(1, 5), st.integers(0, 99))
def test_shared_communities_are_those_of_the_plain_product(nodes: int, communities: int, seed: int) -> None:
    generator = torch.Generator(device="cpu").manual_seed(seed)
    members = torch.rand(nodes, communities, generator=generator, device="cpu", dtype=torch.float64)
    members.mul_(0.98).requires_grad_()
    ends = torch.triu_indices(nodes, nodes, 1, device="cpu")
    product = torch.stack(
        [1 - (1 - members[i] * members[j]).prod() for i, j in zip(*ends.tolist(), strict=True)]  # the slow twin
    )
    assert torch.allclose(shared(members, ends), product)
    (slow,) = torch.autograd.grad(product.square().sum(), members)
    (fast,) = torch.autograd.grad(shared(members, ends).square().sum(), members)
    assert torch.allclose(fast, slow)


def test_one_community_is_one_clique(build: Any, tiny: ModuleType) -> None:
    graphs = build({"kind": "communities", "communities": 1, "ego": False}, nodes=(6, 12), mean_degree=4.0)
    for how in ("sampled", "relaxed"):
        for matrix in adjacencies(tiny, graphs, getattr(graphs, how)(torch.Generator().manual_seed(1))):
            joined = matrix.sum(dim=0) > 0
            clique = joined.unsqueeze(0) & joined.unsqueeze(1) & ~torch.eye(len(joined), dtype=torch.bool, device="cpu")
            assert torch.equal(matrix > 0, clique)


def test_edges_of_communities_are_drawn_jointly(build: Any) -> None:
    spreads = {}
    for kind in ("pairs", "communities"):
        graphs = build(KINDS[kind], config={"complexity": {"mode": "ratio", "ratio": 1.0}}, nodes=(12, 12))
        generator = torch.Generator().manual_seed(0)
        counts = torch.stack([graphs.sampled(generator).edge_weight.sum() for _ in range(300)])
        spreads[kind] = counts.std().item()
    assert spreads["communities"] > 1.3 * spreads["pairs"]


def test_an_ego_knows_everybody_who_knows_anybody(build: Any, tiny: ModuleType) -> None:
    graphs = build(KINDS["ego"], nodes=(6, 12), mean_degree=3.0)
    for batch in (graphs.sampled(torch.Generator().manual_seed(1)), graphs.thresholded()):
        for matrix in adjacencies(tiny, graphs, batch):
            knows = matrix.sum(dim=0) > 0
            assert torch.equal(matrix[0, 1:] > 0, knows[1:])


def test_the_most_likely_memberships_make_the_most_likely_graph(build: Any, tiny: ModuleType) -> None:
    graphs = build({"kind": "communities", "communities": 2, "ego": False}, nodes=(6, 6))
    logits = torch.full((6, 2), -1.0, device="cpu")
    logits[:3, 0] = logits[2:, 1] = 1.0
    with torch.no_grad():
        graphs.structure.logits.copy_(logits.repeat(9, 1))
    wanted = torch.zeros(6, 6, device="cpu")
    wanted[:3, :3] = wanted[2:, 2:] = 1
    for matrix in adjacencies(tiny, graphs, graphs.thresholded()):
        assert torch.equal(matrix, wanted.fill_diagonal_(0))


def test_all_pairs_may_share_a_community_unless_complexity_says_otherwise(build: Any) -> None:
    sizes = build(KINDS["communities"]).candidates.sizes
    assert build(KINDS["communities"]).candidates.counts.tolist() == (sizes * (sizes - 1) // 2).tolist()
    cut = build(KINDS["communities"], config={"complexity": {"degree": 2.0}}).candidates
    assert cut.counts.tolist() == cut.sizes.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_grow_with_pairs_only_where_each_pair_has_its_own(build: Any, kind: str) -> None:
    few, many = (
        sum(p.numel() for p in build(KINDS[kind], config={"complexity": {"mode": "ratio", "ratio": r}}).parameters())
        for r in (0.2, 1.0)
    )
    assert (few < many) == (kind in ("pairs", "hubs"))


def test_the_network_does_not_ask_which_node_comes_first(build: Any) -> None:
    structure = build("mlp").structure
    assert isinstance(structure, SharedMlp)
    ends = torch.tensor([[0, 1, 2], [3, 4, 0]], device="cpu")
    assert torch.allclose(structure._score(structure.vectors, ends), structure._score(structure.vectors, ends.flip(0)))


def test_the_shared_network_cannot_be_learned_in_parts(tiny: ModuleType) -> None:
    with pytest.raises(ConfigError, match=r"graphs_at_once: null"):
        tiny.distillation(synthesis={"structure": "mlp", "graphs": 8, "graphs_at_once": 4})


@pytest.mark.parametrize(
    ("features", "kind"),
    [("degree", "communities"), ("categorical", "pairs"), ("continuous", "pairs"), ("constant", "hubs")],
)
def test_auto_supposes_communities_of_degrees_and_hubs_where_nodes_are_all_alike(
    build: Any, features: str, kind: str
) -> None:
    graphs, said = build("auto", features=features), build(kind, features=features)
    assert isinstance(graphs.structure, Communities if kind == "communities" else Pairs)
    assert torch.equal(graphs.structure.logits, said.structure.logits)
    assert torch.equal(graphs.candidates.pairs, said.candidates.pairs)


def test_a_fault_in_a_structure_names_its_place() -> None:
    with pytest.raises(ValueError, match=r"structure.kind"):
        PseudoGraphConfig.model_validate({"structure": "cliques"})
    assert PseudoGraphConfig.model_validate({"structure": "mlp"}).structure.kind == "mlp"
    assert PseudoGraphConfig().structure.kind == "auto"
