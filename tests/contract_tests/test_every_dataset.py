"""Every data set of the catalogue keeps its contract; the real ones are what they are published to be."""

import os

import pytest
import torch

from acgkd.config import DatasetConfig, PriorConfig
from acgkd.datasets import DATASETS, Samples
from acgkd.datasets._split import split
from acgkd.graphs import GRAPHS

NAMES = DATASETS.names()
MADE = [name for name in NAMES if not DATASETS[name].needs_files]

# graphs, classes, mean nodes, mean undirected edges, columns of the node features
PUBLISHED = {
    "mutag": (188, 2, 17.93, 19.79, 7),
    "ptc_mr": (344, 2, 14.29, 14.69, 18),
    "ptc": (344, 2, 25.56, 25.96, 21),
    "proteins": (1113, 2, 39.06, 72.82, 3),
    "imdb_binary": (1000, 2, 19.77, 96.53, 136),
    "reddit_binary": (2000, 2, 429.63, 497.75, 1),
    "collab": (5000, 3, 74.49, 2457.22, 492),
}
REAL = [name for name in PUBLISHED if name != "collab"]
needs_data = pytest.mark.skipif("ACGKD_DATA" not in os.environ, reason="ACGKD_DATA does not name the benchmark data")


def check(name: str, data: Samples) -> None:
    """What methods and models rely on."""
    entry = DATASETS[name]
    known = entry.known
    assert data.classes == known.classes
    assert len(data.items) == data.labels.numel()
    assert sorted(set(data.labels.tolist())) == list(range(data.classes))
    assert data.labels.dtype == torch.long
    for graph, label in zip(data.items[:200], data.labels.tolist(), strict=False):
        assert graph.y.tolist() == [label]
        assert graph.x.shape[1] == known.feature_count
        assert graph.x.dtype == torch.float32
        assert bool((graph.x.sum(1) == 1).all())
        assert graph.edge_index.dtype == torch.long
        source, target = graph.edge_index
        assert bool((source != target).all())
        codes = source * graph.x.shape[0] + target
        back = target * graph.x.shape[0] + source
        assert torch.equal(codes.sort().values, back.sort().values)
        assert codes.unique().numel() == codes.numel()
    parts = split(data.labels, (0.6, 0.1, 0.3), 0)
    batch = GRAPHS.collate(data.take(parts.validation), torch.device("cpu"))
    assert batch.labels is not None
    assert batch.labels.tolist() == data.labels[parts.validation].tolist()


def test_the_catalogue_holds_eight_sets() -> None:
    assert sorted([*PUBLISHED, *MADE]) == NAMES
    assert len(NAMES) == 8
    assert MADE == ["motifs"]


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_publishes_a_whole_prior(name: str) -> None:
    entry = DATASETS[name]
    prior = GRAPHS.prior(PriorConfig(), entry.known_for(DatasetConfig(name=name)))
    assert prior.mean_degree is not None
    assert 0 < prior.mean_degree < prior.max_nodes
    assert entry.source
    assert entry.__class__.__name__ == "Dataset"
    assert "mean nodes" in (__import__(f"acgkd.datasets.{name}", fromlist=["DATASET"]).__doc__ or "")


@pytest.mark.parametrize("name", MADE)
def test_sets_made_in_memory_keep_the_contract(name: str) -> None:
    check(name, DATASETS[name].load(DatasetConfig(name=name)))


def _is_as_published(name: str) -> None:
    data = DATASETS[name].load(DatasetConfig(name=name))
    graphs, classes, nodes, edges, columns = PUBLISHED[name]
    assert (len(data.items), data.classes) == (graphs, classes)
    sizes = torch.tensor([graph.x.shape[0] for graph in data.items], dtype=torch.double)
    pairs = torch.tensor([graph.edge_index.shape[1] / 2 for graph in data.items], dtype=torch.double)
    assert float(sizes.mean()) == pytest.approx(nodes, abs=0.006)
    assert float(pairs.mean()) == pytest.approx(edges, abs=0.006)
    known = DATASETS[name].known
    assert known.feature_count == columns
    assert known.mean_degree == pytest.approx(2 * edges / nodes, abs=0.02)
    assert known.nodes is not None
    assert sizes.min() <= known.nodes[0] < sizes.mean() < known.nodes[1] <= sizes.max()
    check(name, data)


@pytest.mark.realdata
@needs_data
@pytest.mark.parametrize("name", REAL)
def test_real_sets_are_as_published(name: str) -> None:
    _is_as_published(name)


@pytest.mark.realdata
@pytest.mark.slow
@needs_data
def test_the_largest_set_is_as_published() -> None:
    _is_as_published("collab")
