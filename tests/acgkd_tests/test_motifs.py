"""The made-up data set: what it holds, and that it needs a graph network and no less."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data

from acgkd.config import DatasetConfig
from acgkd.datasets import DATASETS, Samples
from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.models import build_model
from acgkd.run.metrics import accuracy, logits
from acgkd.run.splits import split
from acgkd.runtime import Streams
from acgkd.teachers.teacher import train_teacher

CPU = torch.device("cpu")


def loaded(**options: object) -> Samples:
    return DATASETS["motifs"].load(DatasetConfig(name="motifs", options=options))


def degree_counts(graph: Data) -> Tensor:
    degrees = torch.bincount(graph.edge_index[1], minlength=graph.x.shape[0])
    return torch.bincount(degrees, minlength=24)[:24].float()


def logistic_regression_accuracy(rows: Tensor, labels: Tensor, seed: int) -> float:
    """Test accuracy of logistic regression, fitted to its optimum."""
    parts = split(labels, (0.6, 0.1, 0.3), seed)
    rows = (rows - rows[parts.train].mean(0)) / (rows[parts.train].std(0) + 1e-6)
    model = nn.Linear(rows.shape[1], 2)
    nn.init.zeros_(model.weight)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        penalty = 1e-3 * model.weight.pow(2).sum()
        loss = F.cross_entropy(model(rows[parts.train]), labels[parts.train]) + penalty
        loss.backward()
        return loss

    optimizer.step(closure)
    return accuracy(model(rows[parts.test]).detach(), labels[parts.test])


def teacher_accuracy(preset: str, data: Samples, seed: int) -> float:
    parts = split(data.labels, (0.6, 0.1, 0.3), seed)
    streams = Streams(seed, CPU)
    with streams.fork("teacher"):
        model = build_model(preset, DATASETS["motifs"].known.feature_count or 0, 2)
    train_teacher(
        model, GRAPHS, data.take(parts.train), epochs=40, batch_size=32, learning_rate=0.01, streams=streams, device=CPU
    )
    test = GRAPHS.collate(data.take(parts.test), CPU)
    return accuracy(logits(model, GRAPHS, [test]), data.labels[parts.test])


def test_the_classes_agree_in_every_degree_count() -> None:
    data = loaded()
    counts = torch.stack([degree_counts(graph) for graph in data.items])
    assert torch.equal(counts[data.labels == 0], counts[data.labels == 1])
    assert logistic_regression_accuracy(counts, data.labels, 0) <= 0.60


def test_a_graph_network_tells_the_classes_apart() -> None:
    assert teacher_accuracy("gin-3-32", loaded(), 0) >= 0.90


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("preset", ["gin-5-64", "gin-3-32"])
def test_over_five_seeds_degrees_say_nothing_and_graph_networks_all(preset: str, seed: int) -> None:
    data = loaded(seed=seed)
    counts = torch.stack([degree_counts(graph) for graph in data.items])
    assert logistic_regression_accuracy(counts, data.labels, seed) <= 0.60
    assert teacher_accuracy(preset, data, seed) >= 0.90


def test_counts_of_kinds_carry_some_evidence_but_not_all() -> None:
    data = loaded()
    kinds = torch.stack([graph.x.sum(0) for graph in data.items])
    scores = [logistic_regression_accuracy(kinds, data.labels, seed) for seed in range(5)]
    assert 0.60 < sum(scores) / 5 < 0.97


def test_every_graph_is_connected_simple_and_undirected() -> None:
    for graph in loaded(graphs=60).items:
        nodes = graph.x.shape[0]
        assert 12 <= nodes <= 24
        assert graph.x.sum(1).tolist() == [1.0] * nodes
        dense = torch.zeros(nodes, nodes).index_put(tuple(graph.edge_index), torch.tensor(1.0), accumulate=True)
        assert torch.equal(dense, dense.t())
        assert float(dense.max()) == 1
        assert float(dense.diagonal().sum()) == 0
        reached = torch.matrix_power(dense + torch.eye(nodes), nodes)
        assert bool((reached > 0).all())


def test_a_seed_gives_the_same_graphs_and_another_seed_others() -> None:
    first, again, other = loaded(graphs=12), loaded(graphs=12), loaded(graphs=12, seed=1)
    assert all(torch.equal(a.edge_index, b.edge_index) for a, b in zip(first.items, again.items, strict=True))
    assert all(torch.equal(a.x, b.x) for a, b in zip(first.items, again.items, strict=True))
    assert any(a.x.shape != b.x.shape for a, b in zip(first.items, other.items, strict=True))


def test_making_it_touches_no_global_generator() -> None:
    before = torch.get_rng_state()
    data = loaded()
    assert torch.equal(before, torch.get_rng_state())
    assert len(data.items) == 320


def test_it_is_made_on_the_cpu_whatever_the_default_device() -> None:
    with torch.device("meta"):
        data = loaded(graphs=12)
    assert {tensor.device for graph in data.items for tensor in (graph.x, graph.edge_index, graph.y)} == {CPU}


@pytest.mark.parametrize(
    ("options", "words"),
    [({"sed": 1}, "no option 'sed'. Did you mean 'seed'"), ({"graphs": 2}, "`graphs`"), ({"seed": "x"}, "`seed`")],
)
def test_bad_options_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        loaded(**options)
