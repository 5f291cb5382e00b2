"""The laws of data sets: what methods and models rely on."""

from pathlib import Path

import torch

from acgkd.config import DatasetConfig, PriorConfig
from acgkd.datasets import DATASETS, Dataset, Samples
from acgkd.graphs import GRAPHS
from acgkd.images import IMAGES
from acgkd.pixels import Pixels
from acgkd.run.splits import split, split_official
from acgkd.testing.subjects import require, subject

_CPU = torch.device("cpu")


def check_dataset(what: Dataset | str | Path, config: DatasetConfig | None = None) -> None:
    """Loads a data set and holds it to all laws.

    Args:
        what: its name, a Python file that exports `DATASET`, or the `Dataset`.
        config: what a run says of it; nothing but a name if left out.

    Raises:
        AssertionError: a law does not hold; it says which.
        UnknownNameError, ConfigError: there is no such data set, or it has no such options.
        DataError: it cannot be read.
    """
    entry = subject(what, "datasets", DATASETS)
    chosen = config or DatasetConfig(name=what if isinstance(what, str) else "checked")
    check_samples(entry, entry.known_for(chosen), entry.load(chosen))


def check_samples(entry: Dataset, known: PriorConfig, data: Samples) -> None:
    """Holds what was loaded of an entry to all laws.

    Raises:
        AssertionError: a law does not hold; it says which.
    """
    require(data.classes == known.classes, "there are as many classes as the prior says")
    require(len(data.items) == data.labels.numel(), "every sample has a label")
    require(sorted(set(data.labels.tolist())) == list(range(data.classes)), "every class has a sample")
    require(data.labels.dtype == torch.long, "labels are whole numbers of 64 bits")
    require(entry.official_test == (data.official is not None), "`official_test` says whether there is a test part")
    if entry.modality == "images":
        _images(known, data)
    else:
        _graphs(known, data)


def _images(known: PriorConfig, data: Samples) -> None:
    assert isinstance(data.items, Pixels), "images are `acgkd.pixels.Pixels`"
    require(data.items.values.dtype == torch.uint8, "images are kept as bytes")
    require(tuple(data.items.values.shape[1:]) == known.shape, "images have the shape that the prior says")
    require(torch.equal(data.items.labels, data.labels), "images and set have the same labels")
    require((data.items.mean, data.items.std) == (known.mean, known.std), "images are normalised as the prior says")
    official = data.official
    parts = split(data.labels, (0.6, 0.1, 0.3), 0) if official is None else split_official(data.labels, official, 0)
    some = parts.validation[:100]
    batch = IMAGES.collate(data.take(some), _CPU)
    require(batch.labels is not None and torch.equal(batch.labels, data.labels[some]), "batches keep labels in order")
    prior = IMAGES.prior(PriorConfig(), known)
    for channel, (low, high) in enumerate(zip(prior.lowest, prior.highest, strict=True)):
        least, most = float(batch.x[:, channel].min()), float(batch.x[:, channel].max())
        require(low - 1e-5 <= least < most <= high + 1e-5, "pixels lie between black and white")


def _graphs(known: PriorConfig, data: Samples) -> None:
    for number, (graph, label) in enumerate(zip(data.items[:200], data.labels.tolist(), strict=False)):
        where = f"in graph {number} "
        require(graph.y.tolist() == [label], where + "`y` is the label")
        require(graph.x.shape[1] == known.feature_count, where + "`x` has the columns that the prior says")
        require(graph.x.dtype == torch.float32, where + "features are 32-bit numbers")
        if known.features != "continuous":
            require(bool((graph.x.sum(1) == 1).all()), where + "the features of a node are one-hot")
        require(graph.edge_index.dtype == torch.long, where + "`edge_index` is of 64-bit numbers")
        source, target = graph.edge_index
        require(bool((source != target).all()), where + "no edge is a loop")
        codes, back = source * graph.x.shape[0] + target, target * graph.x.shape[0] + source
        both = torch.equal(codes.sort().values, back.sort().values)
        require(both, where + "every edge is there in both directions")
        require(codes.unique().numel() == codes.numel(), where + "no edge is there twice")
    parts = split(data.labels, (0.6, 0.1, 0.3), 0)
    batch = GRAPHS.collate(data.take(parts.validation), _CPU)
    kept = batch.labels is not None and batch.labels.tolist() == data.labels[parts.validation].tolist()
    require(kept, "batches keep labels in order")
