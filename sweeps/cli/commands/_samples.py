"""Samples that a student is to classify: a data set of the catalogue, or a folder of files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acgkd.errors import ConfigError, DataError

if TYPE_CHECKING:
    from torch import Tensor

    from acgkd.config import DatasetConfig
    from acgkd.priors import GraphPrior, ImagePrior, Prior

BATCH = 256
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
_TU = "_graph_indicator.txt"


@dataclass(frozen=True)
class ToClassify:
    """Samples in batches.

    Args:
        names: of each sample.
        batches: of `acgkd.graphs` or `acgkd.images`; of the latter standardised already.
        labels: of each sample, where they are known.
    """

    names: list[str]
    batches: Iterator[Any]
    labels: list[int] = field(default_factory=list)


def to_classify(source: str, prior: "Prior | None") -> ToClassify:
    """Finds what is named.

    Args:
        source: name of a data set; a folder of pictures, or of a set in the text files of the TU collection; or files
            as the data set `folder` reads them: saved graphs, tables, pictures by class, `.npz`.
        prior: what the student was taught on.

    Raises:
        UnknownNameError: it is neither.
        DataError: files are missing, damaged, or of another kind than the student reads.
    """
    from acgkd.config import DatasetConfig
    from acgkd.priors import ImagePrior

    if not os.path.exists(source):
        return _of_data_set(DatasetConfig(name=source))
    place = Path(source)
    if prior is None:
        raise ConfigError("Of a folder the student must say what it reads, but its file is of an earlier version.")
    if isinstance(prior, ImagePrior):
        if place.is_dir() and any(path.suffix.lower() in PICTURES for path in place.iterdir()):
            return _of_pictures(place, prior)
    elif any(place.glob(f"*{_TU}")):
        return _of_text_files(place, prior)
    options = {"edge_labels": True} if getattr(prior, "edge_columns", None) else {}
    return _of_data_set(DatasetConfig(name="folder", path=str(place.resolve()), options=options))


def _of_data_set(config: "DatasetConfig") -> ToClassify:
    from acgkd.datasets import dataset_of
    from acgkd.modality import modality

    entry = dataset_of(config)
    samples, kind = entry.load(config), modality(entry.modality)
    import torch

    def batches() -> Iterator[Any]:
        for start in range(0, len(samples.items), BATCH):
            yield kind.collate(samples.items[start : start + BATCH], torch.device("cpu"))

    return ToClassify([str(number) for number in range(len(samples.items))], batches(), samples.labels.tolist())


def _of_pictures(folder: Path, prior: "ImagePrior") -> ToClassify:
    import numpy as np
    import torch

    from acgkd.images import ImageBatch
    from acgkd.pixels import standardised

    try:
        from PIL import Image
    except ImportError:
        raise ConfigError("Pictures are read by `pillow`. Type: pip install 'acgkd[images]'.") from None
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not files:
        raise DataError(f"{folder} must hold pictures ({', '.join(PICTURES)}), but has none.")
    mode = {1: "L", 3: "RGB"}.get(prior.shape[0])
    if mode is None:
        raise DataError(f"Pictures have 1 or 3 channels, but the student reads {prior.shape[0]}.")

    def read(path: Path) -> "Tensor":
        try:
            with Image.open(path) as picture:
                values = torch.from_numpy(np.array(picture.convert(mode)))
        except OSError as error:
            raise DataError(f"{path} is damaged or no picture ({error}).") from None
        shaped = values.view(*values.shape[:2], -1).permute(2, 0, 1)
        if tuple(shaped.shape) != prior.shape:
            raise DataError(f"The student reads {list(prior.shape)}, but {path} is {list(shaped.shape)}.")
        return shaped

    def batches() -> Iterator[Any]:
        for start in range(0, len(files), BATCH):
            pixels = torch.stack([read(path) for path in files[start : start + BATCH]])
            yield ImageBatch(standardised(pixels, prior.mean, prior.std))

    return ToClassify([path.name for path in files], batches())


def _of_text_files(folder: Path, prior: "GraphPrior") -> ToClassify:
    import torch

    from acgkd.graphs import GraphBatch

    found = sorted(folder.glob(f"*{_TU}"))
    if len(found) != 1:
        raise DataError(f"{folder} must hold one set in the TU collection's files (`*{_TU}`), but has {len(found)}.")
    stem = found[0].name.removesuffix(_TU)
    graph = _numbers(found[0]).view(-1) - 1
    pairs = _numbers(folder / f"{stem}_A.txt").view(-1, 2).T - 1
    nodes, graphs = len(graph), int(graph.max()) + 1 if len(graph) else 0
    if pairs.numel() and not 0 <= int(pairs.min()) <= int(pairs.max()) < nodes:
        raise DataError(f"{folder} names nodes in `{stem}_A.txt` that `{found[0].name}` does not have.")
    if prior.features == "constant":
        x = torch.ones(nodes, prior.feature_count)
    elif prior.features == "continuous":
        raise DataError("Continuous features cannot be read from text files. Call the student from Python.")
    else:
        labels = folder / f"{stem}_node_labels.txt"
        degree = torch.bincount(pairs[1], minlength=nodes).clamp(max=prior.feature_count - 1)
        kinds = degree if prior.features == "degree" else _numbers(labels).view(-1)
        if len(kinds) != nodes or (nodes and not 0 <= int(kinds.min()) <= int(kinds.max()) < prior.feature_count):
            raise DataError(f"{labels} must hold a kind from 0 to {prior.feature_count - 1} for each of {nodes} nodes.")
        x = torch.nn.functional.one_hot(kinds, prior.feature_count).float()

    def batches() -> Iterator[Any]:
        for start in range(0, graphs, BATCH):
            count = min(BATCH, graphs - start)
            mine = torch.nonzero((graph >= start) & (graph < start + count)).view(-1)
            place = torch.full((nodes,), -1).scatter(0, mine, torch.arange(len(mine)))
            edges = place[pairs[:, place[pairs[0]] >= 0]]
            yield GraphBatch(x[mine], edges, None, graph[mine] - start, count)

    return ToClassify([str(number) for number in range(graphs)], batches())


def _numbers(path: Path) -> "Tensor":
    import torch

    try:
        words = path.read_text(encoding="utf-8").replace(",", " ").split()
        return torch.tensor([int(word) for word in words], dtype=torch.long)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} must hold whole numbers, but: {getattr(error, 'strerror', None) or error}.") from None
