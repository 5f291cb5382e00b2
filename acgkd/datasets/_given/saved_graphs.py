"""Graphs as torch_geometric saves them, opened with `weights_only`: a list, a collated set, or a file for each."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
from torch_geometric.data.storage import GlobalStorage

from acgkd import checkpoint
from acgkd.datasets._given.graph_columns import PlainGraph
from acgkd.errors import CheckpointError, DataError

_KINDS = (Data, DataEdgeAttr, DataTensorAttr, GlobalStorage)


def read_saved(files: Sequence[Path], *, labelled: bool = True) -> list[PlainGraph]:
    """All graphs, in the order of the files.

    Args:
        files: all of them.
        labelled: whether every graph must have its class.

    Raises:
        DataError: a file that is damaged, unsafe to open or holds something else, or a graph without class or nodes.
    """
    alone = len(files) == 1
    return [
        _plain(graph, labelled, f"graph {number} of {file}" if alone else str(file))
        for file in files
        for number, graph in enumerate(_graphs(file, alone))
    ]


def _graphs(file: Path, alone: bool) -> Iterator[Mapping[str, object]]:
    try:
        content = checkpoint.load(file, kinds=_KINDS)
    except CheckpointError as error:
        raise DataError(f"{error} Graphs are saved by `torch.save([data, ...], path)`.") from None
    if isinstance(content, Data):
        yield content.to_dict()
    elif isinstance(content, tuple) and len(content) >= 2 and isinstance(content[1], dict):
        yield from _cut(file, content[0], content[1])
    elif isinstance(content, list | tuple) and all(isinstance(graph, Data) for graph in content):
        if not alone and len(content) != 1:
            raise DataError(f"One of several files holds one graph, but {file} holds {len(content)}.")
        yield from (graph.to_dict() for graph in content)
    else:
        raise DataError(
            f"{file} must hold `Data` objects of torch_geometric, but holds {type(content).__name__}. Save them by "
            "`torch.save([data, ...], path)`."
        )


def _cut(file: Path, joined: object, slices: Mapping[str, Tensor]) -> Iterator[Mapping[str, object]]:
    """The graphs of an `InMemoryDataset`, as it joins them."""
    whole = joined.to_dict() if isinstance(joined, Data) else joined
    if not isinstance(whole, dict) or "edge_index" not in slices:
        raise DataError(f"{file} is a joined set that has no `edge_index` for each graph.")
    count = len(slices["edge_index"]) - 1
    for number in range(count):
        graph: dict[str, object] = {}
        for name, places in slices.items():
            start, end = int(places[number]), int(places[number + 1])
            value = whole.get(name)
            if isinstance(value, Tensor):
                along = -1 if "index" in name else 0
                graph[name] = value.narrow(along, start, end - start) if value.dim() else value
            elif isinstance(value, list):
                graph[name] = value[start]
        sizes = whole.get("_num_nodes")
        if isinstance(sizes, list):
            graph["num_nodes"] = sizes[number]
        yield graph


def _plain(graph: Mapping[str, object], labelled: bool, where: str) -> PlainGraph:
    edges, x, label = graph.get("edge_index"), graph.get("x"), graph.get("y")
    if not isinstance(edges, Tensor) or edges.dim() != 2 or edges.shape[0] != 2 or edges.is_floating_point():
        raise DataError(f"{where} must have an `edge_index` of whole numbers, `[2, edges]`.")
    if x is not None and not isinstance(x, Tensor):
        raise DataError(f"`x` of {where} must be a tensor, but is {type(x).__name__}.")
    x = x.view(-1, 1) if isinstance(x, Tensor) and x.dim() == 1 else x
    said = graph.get("num_nodes")
    if isinstance(x, Tensor):
        nodes = int(x.shape[0])
    elif isinstance(said, (int, Tensor)):
        nodes = int(said)
    else:
        nodes = int(edges.max()) + 1 if edges.numel() else 0
    kinds = graph.get("edge_attr")
    edge_attr = kinds if isinstance(kinds, Tensor) else None
    known = _label(label, where) if labelled or _is_class(label) else None
    return PlainGraph(where, nodes, edges.long(), x, known, edge_attr)


def _is_class(label: object) -> bool:
    """Whether it is one whole number."""
    value = torch.as_tensor(label, device="cpu") if isinstance(label, int | float) else label
    return isinstance(value, Tensor) and value.numel() == 1 and float(value).is_integer()


def _label(label: object, where: str) -> int:
    value = torch.as_tensor(label) if isinstance(label, int | float) else label
    if not isinstance(value, Tensor) or value.numel() != 1:
        found = "none" if label is None else f"{list(value.shape)}" if isinstance(value, Tensor) else repr(label)[:40]
        raise DataError(f"`y` must be the class of a graph, a whole number, but {where} has {found}.")
    number = float(value)
    if number != int(number):
        raise DataError(f"`y` must be the class of a graph, a whole number, but {where} has {number:g}.")
    return int(number)
