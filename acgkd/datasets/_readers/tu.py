"""The TU collection: graph sets as text files, read by torch_geometric's `TUDataset`, kept processed in the cache."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.datasets import TUDataset

from acgkd import cache, checkpoint
from acgkd.config import Config, DatasetConfig, PriorConfig
from acgkd.datasets import Dataset, NoOptions, Samples
from acgkd.datasets._readers.source import Source, find_source, read_labels
from acgkd.errors import DataError

COLLECTION = "Morris et al. (2020), TUDataset: a collection of benchmark datasets for learning with graphs."
# Counted up when what is kept in the cache changes.
_VERSION = 1


class DegreeOptions(Config):
    """Options of a set whose node features are its degrees.

    Args:
        degree_cap: degrees from here on share the last column; None keeps all.
    """

    degree_cap: Annotated[int, Field(ge=1, le=100_000)] | None = None


def tu_dataset(
    name: str, *, graphs: int, known: PriorConfig, citation: str, class_counts: tuple[int, ...] = ()
) -> Dataset:
    """An entry of the catalogue for one set of the collection.

    Args:
        name: as the collection calls it.
        graphs: how many there are; a file with another number is refused.
        known: what is published of the set. Its feature kind says what nodes get: one-hot labels, one-hot degrees or
            a constant 1.
        citation: of the set.
        class_counts: graphs of each class, where they are published.
    """

    def known_with(options: DegreeOptions) -> PriorConfig:
        if options.degree_cap is None:
            return known
        return known.model_copy(update={"feature_count": options.degree_cap + 1})

    def load(config: DatasetConfig) -> Samples:
        return _load(name, config, graphs, entry.known_for(config))

    def locate(config: DatasetConfig) -> None:
        source = find_source(name, config, TUDataset.url)
        if not _kept(name, source).exists():
            source.reach()

    by_degree = known.features == "degree"
    entry = Dataset(
        modality="graphs",
        known=known,
        load=load,
        # As in GFKD's released models. The GIN literature averages on social sets; over three splits the two
        # differed by less than the splits did.
        pooling="sum",
        source=f"{TUDataset.url}/{name}.zip; {citation} {COLLECTION}",
        options=DegreeOptions if by_degree else NoOptions,
        known_with=known_with if by_degree else None,
        locate=locate,
        class_counts=(lambda _: {"all": class_counts}) if class_counts else None,
        labels=lambda config: read_labels(name, find_source(name, config, TUDataset.url)),
    )
    return entry


def _kept(name: str, source: Source) -> Path:
    return cache.folder() / "datasets" / f"{name}-{_VERSION}-{source.key}.pt"


def _load(name: str, config: DatasetConfig, graphs: int, prior: PriorConfig) -> Samples:
    source = find_source(name, config, TUDataset.url)
    kept = _kept(name, source)
    cache.once(kept, lambda part: _process(name, source.unpack, source.described, part))
    loaded = checkpoint.load(kept)
    labels: Tensor = loaded["labels"]
    if labels.numel() != graphs or int(labels.max()) + 1 != prior.classes:
        raise DataError(
            f"{name} has {graphs} graphs of {prior.classes} classes, but {source.described} holds {labels.numel()} of "
            f"{int(labels.max()) + 1}. Is it another set, or a part of it?"
        )
    return Samples(items=_cut(name, loaded, prior), labels=labels, classes=int(prior.classes))


class _Silent(TUDataset):  # type: ignore[misc]
    """`TUDataset` that reads what lies in its folder and says nothing."""

    log = property(lambda self: False, lambda self, value: None)

    def download(self) -> None:
        """Never fetches: the files were put in place, or the set is incomplete."""
        raise FileNotFoundError("raw files")


def _process(name: str, unpack: Callable[[Path], None], described: str, part: Path) -> None:
    """Unpacks and reads a set in a folder of its own, and keeps what is needed of it as one file."""
    folder = part.with_name(f"{part.name}.folder")
    raw = folder / name / "raw"
    try:
        raw.mkdir(parents=True)
        unpack(raw)
        try:
            # torch_geometric builds tensors without naming a device.
            with torch.device("cpu"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = _Silent(str(folder), name)
        # Its reader knows no errors of its own: a line cut short may end in any of a dozen.
        except Exception as error:
            raise DataError(
                f"The files of {name} from {described} cannot be read ({type(error).__name__}: {error}). "
                "Get them again."
            ) from error
        data, slices = dataset._data, dataset.slices
        counts = slices["x"].diff() if data.x is not None else torch.tensor(data._num_nodes, device="cpu")
        content = {
            "nodes": counts,
            "edges": slices["edge_index"].diff(),
            # No set has two thousand million nodes; half the size for the largest one.
            "edge_index": data.edge_index.to(torch.int32),
            "kinds": None if data.x is None else data.x.argmax(dim=1).to(torch.int32),
            "kind_count": 0 if data.x is None else int(data.x.shape[1]),
            "labels": data.y,
        }
        checkpoint.save(content, part)
    finally:
        cache.remove(folder)


def _cut(name: str, loaded: dict[str, Any], prior: PriorConfig) -> list[Data]:
    """Cuts the whole set into graphs and gives the nodes their features."""
    nodes, edges = loaded["nodes"].tolist(), loaded["edges"].tolist()
    edge_index = torch.split(loaded["edge_index"].long(), edges, dim=1)
    features = torch.split(_features(name, loaded, prior), nodes)
    return [
        Data(x=x, edge_index=pairs, y=label)
        for x, pairs, label in zip(features, edge_index, loaded["labels"].view(-1, 1), strict=True)
    ]


def _features(name: str, loaded: dict[str, Any], prior: PriorConfig) -> Tensor:
    total, columns = int(loaded["nodes"].sum()), int(prior.feature_count or 0)
    if prior.features == "constant":
        return torch.ones(total, columns, device="cpu")
    if prior.features == "degree":
        starts = loaded["nodes"].cumsum(0) - loaded["nodes"]
        targets = loaded["edge_index"][1].long() + starts.repeat_interleave(loaded["edges"])
        chosen = torch.bincount(targets, minlength=total).clamp(max=columns - 1)
    elif loaded["kind_count"] == columns:
        chosen = loaded["kinds"].long()
    else:
        raise DataError(f"{name} has {columns} kinds of nodes, but these files have {loaded['kind_count']}.")
    return torch.zeros(total, columns, device="cpu").scatter_(1, chosen.unsqueeze(1), 1.0)
