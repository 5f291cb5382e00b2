"""The TU collection: graph sets as text files, read by torch_geometric's `TUDataset`, kept processed in the cache."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.datasets import TUDataset

from acgkd import cache, checkpoint
from acgkd.config import PriorConfig
from acgkd.datasets import Samples
from acgkd.datasets._readers.source import Source
from acgkd.datasets._readers.tu import kept_in
from acgkd.errors import DataError


def load_tu(name: str, source: Source, graphs: int, prior: PriorConfig) -> Samples:
    """Reads a set, or takes what was kept of it.

    Args:
        name: as the collection calls it.
        source: where its files are.
        graphs: how many there must be.
        prior: what is known of it as it is loaded: feature kind, columns, classes.

    Raises:
        DataError: missing, damaged, or another set.
    """
    kept = kept_in(name, source)
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


def _cut(name: str, loaded: Mapping[str, Tensor], prior: PriorConfig) -> list[Data]:
    """Cuts the whole set into graphs and gives the nodes their features."""
    nodes, edges = loaded["nodes"].tolist(), loaded["edges"].tolist()
    edge_index = torch.split(loaded["edge_index"].long(), edges, dim=1)
    features = torch.split(_features(name, loaded, prior), nodes)
    return [
        Data(x=x, edge_index=pairs, y=label)
        for x, pairs, label in zip(features, edge_index, loaded["labels"].view(-1, 1), strict=True)
    ]


def _features(name: str, loaded: Mapping[str, Tensor], prior: PriorConfig) -> Tensor:
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
