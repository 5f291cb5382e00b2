"""Categorical edge features and several categorical columns: in priors, pseudo-graphs, methods, models and calls."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch_geometric.nn as gnn
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

import acgkd
from acgkd.config import PriorConfig, RunConfig
from acgkd.errors import ConfigError, TeacherError
from acgkd.graphs import GRAPHS, GraphBatch, GraphPrior
from acgkd.graphs.batch import collate, joined
from acgkd.losses import feature_entropy, prediction_entropy
from acgkd.models import build_model
from acgkd.modules.columns import as_blocks, as_numbers, random_kinds
from acgkd.priors import prior_as_given
from acgkd.teachers.teacher import as_teacher

CPU = torch.device("cpu")
COLUMNS: dict[str, Any] = {"node_columns": [3, 2], "feature_count": 5, "edge_columns": [4, 2]}
PRIOR = GraphPrior(5, 8, 2.0, "categorical", 5, 2, (3, 2), (4, 2))


def is_one_hot(rows: Tensor, columns: tuple[int, ...]) -> bool:
    return all(
        bool(((block == 0) | (block == 1)).all()) and bool((block.sum(1) == 1).all())
        for block in rows.split(columns, dim=1)  # type: ignore[no-untyped-call]
    )


def both_ways_alike(batch: GraphBatch) -> bool:
    """Whether an edge has the same features as the one that goes back."""
    assert batch.edge_attr is not None
    found = {
        (int(source), int(target)): row for source, target, row in zip(*batch.edge_index, batch.edge_attr, strict=True)
    }
    return all(torch.equal(row, found[target, source]) for (source, target), row in found.items())


# ---- the prior


def test_columns_are_part_of_the_prior_and_nothing_is_said_where_there_are_none() -> None:
    known = prior_as_given({"nodes": [5, 8], "features": "categorical", "classes": 2, "node_columns": [3, 2]})
    assert isinstance(known, GraphPrior)
    assert (known.feature_count, known.node_columns, known.edge_features) == (5, (3, 2), 0)
    assert known.facts()["node_columns"] == (3, 2)
    assert "edge_columns" not in known.facts()
    plain = GraphPrior(5, 8, 2.0, "categorical", 5, 2)
    assert plain.facts().keys() == {"min_nodes", "max_nodes", "mean_degree", "features", "feature_count", "classes"}
    assert "edge_columns" not in PriorConfig(nodes=(5, 8)).model_dump(mode="json")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"node_columns": [3, 2], "feature_count": 6}, "is the sum of `node_columns`, but got 6"),
        ({"node_columns": [3, 2], "features": "degree"}, "`node_columns` needs `features: categorical`"),
        ({"edge_columns": []}, "`edge_columns`"),
        ({"edge_columns": [0]}, "`edge_columns/0`"),
        ({"node_columns": [3, "x"]}, "`node_columns/1`"),
    ],
)
def test_columns_that_cannot_be_are_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        prior_as_given({"nodes": [5, 8], "classes": 2, "feature_count": None, "features": "categorical", **said})


def test_edge_features_that_the_data_do_not_have_are_refused() -> None:
    from acgkd.datasets import DATASETS

    config = RunConfig.model_validate(
        {"dataset": "motifs", "teacher": "gin-2-8", "student": "gin-2-8", "method": "acgkd"}
    )
    assert config.dataset is not None
    with pytest.raises(ConfigError, match="edges of 'motifs' have no features"):
        DATASETS["motifs"].check_prior(PriorConfig(edge_columns=(4,)), config.dataset)


# ---- pseudo-graphs of every method


SYNTHESES: dict[str, tuple[str, dict[str, Any]]] = {
    "acgkd": ("acgkd", {"graphs": 6, "steps": 3}),
    "acgkd, threshold": ("acgkd", {"graphs": 6, "steps": 2, "complexity": {"mode": "threshold"}}),
    "acgkd, regrown, in parts": ("acgkd", {"graphs": 6, "steps": 3, "regrowth": {"every": 1}, "graphs_at_once": 3}),
    "acgkd, communities": ("acgkd", {"graphs": 6, "steps": 2, "structure": "communities"}),
    "gfkd": ("gfkd", {"graphs": 6, "steps": 3}),
    "deepinv_graphs": ("deepinv_graphs", {"graphs": 6, "steps": 3}),
    "random_graphs": ("random_graphs", {"graphs": 6}),
    "dfad_gnn": ("dfad_gnn", {"hidden": [8]}),
}


@pytest.mark.parametrize("name", SYNTHESES)
def test_every_method_makes_features_of_edges_and_resumes_alike(name: str, tiny: ModuleType, tmp_path: Path) -> None:
    method, synthesis = SYNTHESES[name]
    transfer: dict[str, Any] = {"steps": 4, "batch_size": 4}
    transfer |= {"turn": 2} if method == "dfad_gnn" else {"projection": "none"}

    def fresh() -> Any:
        return tiny.distillation(method, synthesis, transfer, **COLUMNS)

    run = tiny.assert_resumes_alike(fresh, (2,), tmp_path)
    batch = run.method_run.samples(4)
    assert is_one_hot(batch.x, (3, 2))
    assert is_one_hot(batch.edge_attr, (4, 2))
    if method != "gfkd":  # whose pairs are ordered
        assert both_ways_alike(batch)


@pytest.mark.parametrize("method", ["acgkd", "gfkd", "deepinv_graphs"])
def test_gradients_of_the_teachers_loss_reach_edge_features(method: str, tiny: ModuleType) -> None:
    run = tiny.distillation(method, {"graphs": 6, "steps": 3}, {"steps": 2, "projection": "none"}, **COLUMNS)
    graphs = run.method_run._synthesis.graphs
    before = graphs.edge_features.detach().clone()
    run.advance(until=0.5)
    assert not torch.equal(graphs.edge_features, before)
    probabilities = run.method_run._synthesis.source("soft").draw(torch.arange(3)).edge_attr
    for block in probabilities.split((4, 2), dim=1):
        torch.testing.assert_close(block.sum(1), torch.ones(len(block)))
    written = run.method_run._synthesis.source("mixed").draw(torch.arange(4))
    assert is_one_hot(written.edge_attr, (4, 2))


def test_the_generator_learns_features_of_edges(tiny: ModuleType) -> None:
    run = tiny.distillation("dfad_gnn", {"hidden": [8]}, {"steps": 2, "batch_size": 4, "turn": 1}, **COLUMNS)
    before = run.method_run.generator.of_edges.weight.detach().clone()
    run.advance()
    assert not torch.equal(run.method_run.generator.of_edges.weight, before)


def test_entropies_of_columns_are_summed() -> None:
    logits = torch.randn(7, 5)
    expected = prediction_entropy(logits[:, :3]).mean() + prediction_entropy(logits[:, 3:]).mean()
    torch.testing.assert_close(feature_entropy(logits, (3, 2)), expected)
    assert torch.equal(feature_entropy(logits, (5,)), feature_entropy(logits))


# ---- batches


def test_edge_features_go_where_their_edges_go() -> None:
    generator = torch.Generator().manual_seed(0)
    graphs = [
        Data(x=torch.randn(n, 2), edge_index=torch.randint(n, (2, n)), edge_attr=torch.randn(n, 3)) for n in (4, 5, 6)
    ]
    whole = collate(graphs, CPU)
    assert whole.edge_attr is not None
    picked = GRAPHS.selector(whole)(torch.tensor([2, 0]))
    assert torch.equal(picked.edge_attr, torch.cat([graphs[2].edge_attr, graphs[0].edge_attr]))
    assert torch.equal(joined(picked, whole).edge_attr, torch.cat([picked.edge_attr, whole.edge_attr]))
    chosen = torch.rand(15, generator=generator) > 0.5
    assert torch.equal(whole.with_edges(chosen).edge_attr, whole.edge_attr[chosen])
    again = GRAPHS.unpack(GRAPHS.pack(whole), CPU)
    assert torch.equal(again.edge_attr, whole.edge_attr)
    del graphs[1].edge_attr
    assert collate(graphs, CPU).edge_attr is None, "not all have them"
    assert "edge_attr" not in GRAPHS.pack(collate(graphs, CPU))


def test_numbers_and_blocks_are_the_same() -> None:
    blocks = random_kinds(9, (3, 2), torch.Generator().manual_seed(0))
    numbers = as_numbers(blocks, (3, 2))
    assert torch.equal(as_blocks(numbers, (3, 2), "x"), blocks)
    assert torch.equal(as_blocks(numbers[:, 0], (3,), "x"), blocks[:, :3])
    assert torch.equal(as_blocks(blocks.long(), (3, 2), "x"), blocks), "one-hot rows of whole numbers"
    with pytest.raises(ConfigError, match="`x` must have 2 columns of whole numbers, but has 3"):
        as_blocks(torch.zeros(4, 3).long(), (3, 2), "x")
    with pytest.raises(ConfigError, match="Column 1 of `x` must hold kinds from 0 to 1, but reaches 0 and 2"):
        as_blocks(torch.tensor([[0, 0], [2, 2]]), (3, 2), "x")


# ---- models


@pytest.mark.parametrize("preset", ["gin-3-8", "gcn-3-8", "sage-3-8", "gat-3-8"])
def test_presets_read_edge_features_by_the_laws(preset: str) -> None:
    with torch.random.fork_rng(devices=[]):
        model = build_model(preset, 5, 2, edge_features=6).eval()
    GRAPHS.check_teacher(model, PRIOR)
    config: Any = model.config()  # type: ignore[operator]
    assert config["edge_features"] == 6
    assert "edge_features" not in build_model(preset, 5, 2).config()  # type: ignore[operator]
    with pytest.raises(ConfigError, match="built for 6 columns of edge features: pass `edge_attr=`"):
        model(torch.zeros(3, 5), torch.tensor([[0, 1], [1, 0]]))
    cost, plain = GRAPHS.unit_cost(model, 5, 6), GRAPHS.unit_cost(build_model(preset, 5, 2), 5)
    assert cost.edge > plain.edge
    assert cost.node == plain.node


class Molecules(nn.Module):
    """As OGB's baselines are written: embeddings of atoms and bonds, GINE layers."""

    def __init__(self, look_up: Any = acgkd.embed_kinds) -> None:
        super().__init__()
        self.atoms = nn.ModuleList(nn.Embedding(kinds, 8) for kinds in (3, 2))
        self.bonds = nn.ModuleList(nn.Embedding(kinds, 8) for kinds in (4, 2))
        self.layers = nn.ModuleList(
            gnn.GINEConv(nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8)))
            for _ in range(2)
        )
        self.head, self.look_up = nn.Linear(8, 2), look_up

    def nodes(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        nodes, edges = self.look_up(x, self.atoms), self.look_up(edge_attr, self.bonds)
        for layer in self.layers:
            nodes = layer(nodes, edge_index, edges).relu()
        return nodes  # type: ignore[no-any-return]

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor) -> Tensor:
        scores: Tensor = self.head(gnn.global_add_pool(self.nodes(x, edge_index, edge_attr), batch))
        return scores


def by_numbers(x: Tensor, tables: nn.ModuleList) -> Tensor:
    """OGB's own way."""
    return sum(table(x[:, place].long()) for place, table in enumerate(tables))  # type: ignore[return-value]


def shifted(x: Tensor, tables: nn.ModuleList) -> Tensor:
    """Of numbers that are made of others nobody can tell which column they are."""
    return sum(table(x[:, place].long() % 2) for place, table in enumerate(tables))  # type: ignore[return-value]


def of_blocks(x: Tensor, tables: nn.ModuleList) -> Tensor:
    return by_numbers(as_numbers(x, [table.num_embeddings for table in tables]), tables)  # type: ignore[misc]


def molecules(look_up: Any = acgkd.embed_kinds) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Molecules(look_up).eval()


def test_embeddings_read_numbers_and_blocks_alike() -> None:
    module, blocks = molecules(), random_kinds(9, (3, 2), torch.Generator().manual_seed(0))
    numbers = as_numbers(blocks, (3, 2))
    expected = by_numbers(numbers, module.atoms)  # type: ignore[arg-type]
    torch.testing.assert_close(acgkd.embed_kinds(numbers, module.atoms), expected)  # type: ignore[arg-type]
    torch.testing.assert_close(acgkd.embed_kinds(blocks, module.atoms), expected)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="have 5 rows in all, but the one-hot blocks have 4 columns"):
        acgkd.embed_kinds(blocks[:, :4], module.atoms)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="2 embeddings, but 3 columns"):
        acgkd.embed_kinds(torch.zeros(4, 3).long(), module.atoms)  # type: ignore[arg-type]


def test_a_teacher_of_atoms_and_bonds_teaches_and_its_student_is_read_back(
    tiny: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from acgkd.run import reference_pool

    monkeypatch.setitem(reference_pool.PRESETS, "graphs", (("acgkd", {"graphs": 8, "steps": 2}),))  # type: ignore
    teacher = acgkd.adapt(molecules(), encode="nodes", classifier="head", prior=PRIOR)
    method = {"name": "acgkd", "synthesis": tiny.SYNTHESIS, "transfer": {**tiny.TRANSFER, "projection": "gat"}}
    prior = {**tiny.PRIOR_CONFIG.model_dump(), **COLUMNS}
    found = acgkd.distill(teacher, "gin-2-8", prior=prior, method=method, device="cpu")
    found.save(tmp_path / "student.pt")
    loaded = acgkd.load_student(tmp_path / "student.pt")
    graphs = [
        Data(
            x=torch.randint(2, (nodes, 2)),
            edge_index=torch.randint(max(1, nodes), (2, edges)),
            edge_attr=torch.randint(2, (edges, 2)),
        )
        for nodes, edges in ((5, 8), (0, 0), (1, 0), (6, 9))
    ]
    batch: Any = Batch.from_data_list(graphs)
    with torch.no_grad():
        scores = loaded(batch)
        assert torch.equal(scores, found.student(batch))
        x, edges = as_blocks(batch.x, (3, 2), "x"), as_blocks(batch.edge_attr, (4, 2), "edge_attr")
        assert torch.equal(loaded(x, batch.edge_index, batch.batch, edge_attr=edges), scores)
        others = batch.edge_attr.flip(1)
        assert not torch.equal(loaded(x, batch.edge_index, batch.batch, edge_attr=others), scores)
    with pytest.raises(ConfigError, match=r"reads edge features: pass `edge_attr=`, one-hot blocks of \[4, 2\] kinds"):
        loaded(x, batch.edge_index, batch.batch)


# ---- teachers that do not fit


@pytest.mark.parametrize(
    ("look_up", "words"),
    [
        (of_blocks, r"node features .* `argmax` cuts them off"),
        (shifted, r"node features .* `long` cuts them off\. .* `acgkd\.embed_kinds\(x, embeddings\)`"),
    ],
)
def test_numbers_that_cannot_be_followed_are_refused_with_the_way_out(look_up: Any, words: str) -> None:
    with pytest.raises(TeacherError, match=words):
        acgkd.adapt(molecules(look_up), encode="nodes", classifier="head", prior=PRIOR)


def test_columns_that_are_looked_up_are_followed() -> None:
    teacher = acgkd.adapt(molecules(by_numbers), encode="nodes", classifier="head", prior=PRIOR)
    assert teacher.numbers == (PRIOR.node_columns, PRIOR.edge_columns)


def test_a_teacher_of_whole_numbers_is_compared_with_itself_by_them() -> None:
    """Its `forward` looks numbers up; what `encode` makes of blocks has to be the same."""

    def encode(module: Any, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        nodes = acgkd.embed_kinds(x, module.atoms)
        for layer in module.layers[:depth]:
            nodes = layer(nodes, edge_index, acgkd.embed_kinds(edge_attr, module.bonds)).relu()
        return nodes

    def by_index(x: Tensor, tables: nn.ModuleList) -> Tensor:
        return sum(table(x[:, place]) for place, table in enumerate(tables))  # type: ignore[return-value]

    module, depth = molecules(by_index), 2
    acgkd.adapt(module, encode=encode, classifier="head", prior=PRIOR)
    depth = 1
    with pytest.raises(TeacherError, match="class scores of its module's `forward`, but they differ"):
        acgkd.adapt(module, encode=encode, classifier="head", prior=PRIOR)


def test_edge_features_that_prior_and_teacher_disagree_about_are_said() -> None:
    plain = GraphPrior(5, 8, 2.0, "categorical", 5, 2)
    with pytest.raises(TeacherError, match=r"reads edge features: say of how many kinds .* `edge_columns: \[4\]`"):
        acgkd.adapt(molecules(), encode="nodes", classifier="head", prior=plain)
    with pytest.raises(TeacherError, match="pass `prior=` with `edge_columns`"):
        acgkd.adapt(molecules())
    gin = nn.ModuleDict({"layers": gnn.GIN(5, 8, num_layers=2), "head": nn.Linear(8, 2)})
    with pytest.raises(
        TeacherError, match=r"edge features through .* leaves `edge_attr` unused\. Leave `edge_columns`"
    ):
        acgkd.adapt(gin, encode=lambda m, x, e: m["layers"](x, e), classifier="head", prior=PRIOR)

    class Ours(nn.Module):
        classifier, width, readout = nn.Linear(8, 2), 8, gnn.global_add_pool

        def encode(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, batch: Tensor) -> Tensor:
            return x

    with pytest.raises(TeacherError, match=r"`encode` of Ours has no `edge_attr`\. Leave `edge_columns` out"):
        GRAPHS.check_teacher(as_teacher(Ours(), CPU), PRIOR)


def test_attention_over_edge_features_needs_a_number_for_its_loops() -> None:
    def net(**options: Any) -> nn.Module:
        return nn.ModuleDict({"layers": gnn.GATConv(5, 8, edge_dim=6, **options), "head": nn.Linear(8, 2)})

    def encode(module: Any, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        nodes: Tensor = module["layers"](x, edge_index, edge_attr)
        return nodes

    with pytest.raises(TeacherError, match="gives its self-loops the mean of its edges' features"):
        acgkd.adapt(net(), encode=encode, classifier="head")
    acgkd.adapt(net(fill_value=0.0), encode=encode, classifier="head", prior=PRIOR)
