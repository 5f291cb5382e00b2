"""The TU collection: graph sets as text files, read by torch_geometric's `TUDataset`, kept processed in the cache."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.datasets import TUDataset

from acgkd import cache, checkpoint
from acgkd.config import PriorConfig
from acgkd.datasets import Samples
from acgkd.datasets._readers.column_types import GraphColumns
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

    def make(part: Path) -> None:
        process(name, source, part)

    cache.once(kept, make)
    loaded = checkpoint.load(kept)
    labels: Tensor = loaded["labels"]
    if labels.numel() != graphs or int(labels.max()) + 1 != prior.classes:
        raise DataError(
            f"{name} has {graphs} graphs of {prior.classes} classes, but {source.described} holds {labels.numel()} of "
            f"{int(labels.max()) + 1}. Is it another set, or a part of it?"
        )
    return Samples(items=cut(name, loaded, prior), labels=labels, classes=int(prior.classes))


class _Silent(TUDataset):  # type: ignore[misc]
    """`TUDataset` that reads what lies in its folder and says nothing."""

    log = property(lambda self: False, lambda self, value: None)

    def download(self) -> None:
        """Never fetches: the files were put in place, or the set is incomplete."""
        raise FileNotFoundError("raw files")


def process(name: str, source: Source, part: Path, *, edge_labels: bool = False) -> GraphColumns:
    """Unpacks and reads a set in a folder of its own, and keeps what is needed of it as one file.

    Args:
        name: as the collection calls it.
        source: where its files are.
        part: the file.
        edge_labels: whether the kinds of edges are kept too.

    Returns:
        what is kept: the graphs as long columns.

    Raises:
        DataError: missing, damaged, or without classes.
    """
    folder = part.with_name(f"{part.name}.folder")
    raw = folder / name / "raw"
    try:
        raw.mkdir(parents=True)
        source.unpack(raw)
        try:
            # torch_geometric builds tensors without naming a device.
            with torch.device("cpu"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = _Silent(str(folder), name, use_node_attr=True, use_edge_attr=edge_labels)
        # Its reader knows no errors of its own: a line cut short may end in any of a dozen.
        except Exception as error:
            raise DataError(
                f"The files of {name} from {source.described} cannot be read ({type(error).__name__}: {error}). "
                "Get them again."
            ) from error
        data, slices = dataset._data, dataset.slices
        counts = slices["x"].diff() if data.x is not None else torch.tensor(data._num_nodes, device="cpu")
        attributes = dataset.num_node_attributes
        values, kinds = (None, None) if data.x is None else (data.x[:, :attributes], data.x[:, attributes:])
        if data.y is None or data.y.is_floating_point() or data.y.dim() != 1:
            raise DataError(f"{name} from {source.described} gives its graphs numbers and no classes.")
        content: GraphColumns = {
            "nodes": counts,
            "edges": slices["edge_index"].diff(),
            # No set has two thousand million nodes; half the size for the largest one.
            "edge_index": data.edge_index.to(torch.int32),
            "kinds": kinds.argmax(dim=1).to(torch.int32) if kinds is not None and kinds.shape[1] else None,
            "kind_count": 0 if kinds is None else int(kinds.shape[1]),
            "values": values.clone() if values is not None and attributes else None,
            "labels": data.y,
        }
        node_columns = _columns(raw / f"{name}_node_labels.txt")
        if kinds is not None and len(node_columns) > 1:
            blocks = torch.split(kinds, list(node_columns), dim=1)
            whole = torch.stack([block.argmax(1) for block in blocks], dim=1)
            content |= {"kinds": whole.to(torch.int32), "node_columns": node_columns}
        if edge_labels:
            edge_kinds, columns = _edge_kinds(name, raw, data.edge_attr, dataset.num_edge_attributes)
            content |= {"edge_kinds": edge_kinds, "edge_columns": columns}
        checkpoint.save(content, part)
        return content
    finally:
        cache.remove(folder)


def _edge_kinds(
    name: str, raw: Path, edge_attr: Tensor | None, attributes: int
) -> tuple[Tensor | None, tuple[int, ...]]:
    """Columns of kinds, and how many kinds each has; torch_geometric gives them as one-hot blocks side by side.

    Shapes:
        edge_attr: ``[edges, attributes + kinds of all columns]``
    """
    file = raw / f"{name}_edge_labels.txt"
    columns = _columns(file)
    if edge_attr is None or not columns:
        return None, ()
    blocks = torch.split(edge_attr[:, attributes:], list(columns), dim=1)
    # An edge that the file has twice comes as the sum of both.
    if any(bool(((block > 0).sum(1) != 1).any()) for block in blocks):
        raise DataError(f"`{file.name}` must give an edge of {name} one label, but gives one of them two.")
    kinds = torch.stack([block.argmax(1) for block in blocks], dim=1)
    return kinds.to(torch.int32), columns


def _columns(file: Path) -> tuple[int, ...]:
    """How many kinds each column of a file of labels has, from its smallest to its largest; none without the file."""
    if not file.is_file():
        return ()
    said = np.loadtxt(file, delimiter=",", ndmin=2).astype(np.int64)
    return tuple((said.max(0) - said.min(0) + 1).tolist())


def cut(name: str, loaded: GraphColumns, prior: PriorConfig, *, labels_too: bool = False) -> list[Data]:
    """Cuts a whole set into graphs and gives the nodes their features.

    Args:
        name: of the set, for messages.
        loaded: its columns.
        prior: says what features are.
        labels_too: whether continuous features are followed by the one-hot kinds of nodes.

    Raises:
        DataError: another number of kinds than the prior says, or attributes that are no finite numbers.
    """
    nodes, edges = loaded["nodes"].tolist(), loaded["edges"].tolist()
    edge_index = torch.split(loaded["edge_index"].long(), edges, dim=1)
    features = torch.split(_features(name, loaded, prior, labels_too), nodes)
    found = [
        Data(x=x, edge_index=pairs, y=label)
        for x, pairs, label in zip(features, edge_index, loaded["labels"].view(-1, 1), strict=True)
    ]
    if prior.edge_columns:
        edge_kinds = loaded["edge_kinds"]
        assert edge_kinds is not None, "the prior's columns were measured on them"
        of_edges = torch.split(_blocks(edge_kinds, prior.edge_columns), edges)
        for graph, edge_attr in zip(found, of_edges, strict=True):
            graph.edge_attr = edge_attr
    return found


def _features(name: str, loaded: GraphColumns, prior: PriorConfig, labels_too: bool) -> Tensor:
    total, columns = int(loaded["nodes"].sum()), int(prior.feature_count or 0)
    kinds = loaded["kinds"]
    if prior.features == "constant":
        return torch.ones(total, columns, device="cpu")
    if prior.features == "continuous":
        values = loaded["values"]
        assert values is not None, "the kind of features was measured on them"
        if not bool(values.isfinite().all()):
            wrong = int((~values.isfinite().all(1)).sum())
            raise DataError(
                f"Attributes of nodes must be finite numbers, but in {name} those of {wrong} nodes are not. Give them "
                "numbers, or choose other `options/features`."
            )
        if not labels_too:
            return values
        columns_of_kinds = loaded.get("node_columns") or (loaded["kind_count"],)
        assert kinds is not None, "as above"
        return torch.cat([values, _blocks(kinds.view(total, -1), columns_of_kinds)], 1)
    if prior.features == "degree":
        starts = loaded["nodes"].cumsum(0) - loaded["nodes"]
        targets = loaded["edge_index"][1].long() + starts.repeat_interleave(loaded["edges"])
        chosen = torch.bincount(targets, minlength=total).clamp(max=columns - 1)
    elif kinds is not None and prior.node_columns:
        return _blocks(kinds, prior.node_columns)
    elif kinds is not None and loaded["kind_count"] == columns:
        chosen = kinds.long()
    else:
        raise DataError(f"{name} has {columns} kinds of nodes, but these files have {loaded['kind_count']}.")
    return _one_hot(chosen, columns)


def _blocks(kinds: Tensor, columns: Sequence[int]) -> Tensor:
    """A one-hot block for each column of whole numbers."""
    return torch.cat([_one_hot(kinds[:, place].long(), count) for place, count in enumerate(columns)], 1)


def _one_hot(kinds: Tensor, columns: int) -> Tensor:
    return torch.zeros(kinds.numel(), columns, device="cpu").scatter_(1, kinds.unsqueeze(1), 1.0)
