"""Every data set of the catalogue keeps its contract; the real ones are what they are published to be."""

import os
from pathlib import Path

import pytest
import torch
from torch_geometric.datasets import TUDataset

from acgkd.config import DatasetConfig, PriorConfig
from acgkd.datasets import DATASETS, Samples
from acgkd.datasets._readers import tu
from acgkd.errors import DataError
from acgkd.graphs import GRAPHS
from acgkd.images import IMAGES
from acgkd.testing.dataset_laws import check_samples

CPU = torch.device("cpu")
NAMES = DATASETS.names()
MADE = [name for name in NAMES if not DATASETS[name].needs_files]
# What is known of these is measured: tests/acgkd_tests/test_given_data.py.
GIVEN = [name for name in NAMES if DATASETS[name].takes]
GRAPH_SETS = [name for name in NAMES if DATASETS[name].modality == "graphs" and name not in GIVEN]
IMAGE_SETS = [name for name in NAMES if DATASETS[name].modality == "images" and name not in GIVEN]

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


# images for training, for test
PUBLISHED_IMAGES = {
    "mnist": (60_000, 10_000),
    "fashion_mnist": (60_000, 10_000),
    "svhn": (73_257, 26_032),
    "cifar10": (50_000, 10_000),
}


def check(name: str, data: Samples) -> None:
    """The laws that others hold theirs to, and what figures that are published must be."""
    check_samples(DATASETS[name], DATASETS[name].known, data)
    if DATASETS[name].modality == "images":
        batch = IMAGES.collate(data.take(torch.arange(0, len(data.items), max(1, len(data.items) // 500))), CPU)
        # Normalised as its own figures say, which are of the training part and of the published size.
        assert abs(float(batch.x.mean())) < 0.3
        assert 0.7 < float(batch.x.std()) < 1.3


def test_the_catalogue_holds_eight_sets_of_graphs_and_five_of_images() -> None:
    assert sorted([*PUBLISHED, *PUBLISHED_IMAGES, *MADE, *GIVEN]) == NAMES
    assert GIVEN == ["folder", "tu"]
    assert (len(GRAPH_SETS), len(IMAGE_SETS)) == (8, 5)
    assert MADE == ["digits", "motifs"]


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_every_image_entry_publishes_a_whole_prior(name: str) -> None:
    entry = DATASETS[name]
    prior = IMAGES.prior(PriorConfig(), entry.known_for(DatasetConfig(name=name)))
    assert all(low < 0 < high for low, high in zip(prior.lowest, prior.highest, strict=True))
    assert 0 not in prior.mean
    larger = entry.known_for(DatasetConfig(name=name, options={"size": 48})).shape
    assert larger == (prior.shape[0], 48, 48)
    assert entry.source
    assert "published" in (__import__(f"acgkd.datasets.{name}", fromlist=["DATASET"]).__doc__ or "")


@pytest.mark.parametrize("name", GRAPH_SETS)
def test_every_graph_entry_publishes_a_whole_prior(name: str) -> None:
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


def test_the_collection_is_where_torch_geometric_fetches_it_from() -> None:
    assert TUDataset.url == tu.HOME


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


@pytest.mark.realdata
@needs_data
@pytest.mark.parametrize(("name", "test"), [("mnist", None), ("cifar10", 1000)])
def test_real_images_are_as_published(
    name: str, test: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A cache of its own: the files are held against their checksums when they are first read.
    monkeypatch.setenv("ACGKD_CACHE", str(tmp_path))
    options = {} if test is None else {"test_images": test}
    data = DATASETS[name].load(DatasetConfig(name=name, options=options))
    train, published_test = PUBLISHED_IMAGES[name]
    assert data.official is not None
    assert data.official.test.tolist() == list(range(train, train + (test or published_test)))
    assert len(data.items) == train + (test or published_test)
    if name == "mnist":
        assert data.labels[:5].tolist() == [5, 0, 4, 1, 9]
        assert data.labels[train : train + 5].tolist() == [7, 2, 1, 0, 4]
    else:
        assert data.labels[:train].bincount().tolist() == [5000] * 10
    check(name, data)


@pytest.mark.realdata
@needs_data
def test_a_part_of_a_test_set_is_not_taken_for_the_whole() -> None:
    with pytest.raises(DataError, match=r"10,000 images here, but .* holds 1,000.*test_images: 1000"):
        DATASETS["cifar10"].load(DatasetConfig(name="cifar10"))
