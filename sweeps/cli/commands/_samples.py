"""Samples that a student is to classify: a data set of the catalogue, or a folder of files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from acgkd.errors import ConfigError, DataError

if TYPE_CHECKING:
    from torch import Tensor

    from acgkd.config import DatasetConfig
    from acgkd.datasets._given.graph_columns import PlainGraph
    from acgkd.method import Batch
    from acgkd.priors import GraphPrior, ImagePrior, Prior

BATCH = 256
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


@dataclass(frozen=True)
class ToClassify:
    """Samples in batches.

    Args:
        names: of each sample.
        batches: of `acgkd.graphs` or `acgkd.images`; of the latter standardised already.
        labels: of each sample, None where it is not known; empty where none is.
        note: what was changed in reading them, in words.
    """

    names: list[str]
    batches: "Iterator[Batch]"
    labels: list[int | None] = field(default_factory=list)
    note: str = ""


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
    from acgkd.datasets._given.by_prior import read_unlabelled
    from acgkd.datasets._given.given_files import files_at
    from acgkd.datasets._given.text_graphs import INDICATOR, read_text_graphs
    from acgkd.priors import ImagePrior

    if not os.path.exists(source):
        return _of_data_set(DatasetConfig(name=source))
    place = Path(source)
    if prior is None:
        raise ConfigError("Of a folder the student must say what it reads, but its file is of an earlier version.")
    if isinstance(prior, ImagePrior):
        if place.is_dir() and any(path.suffix.lower() in PICTURES for path in place.iterdir()):
            return _of_pictures(place, prior)
    elif any(place.glob(f"*{INDICATOR}")):
        text = read_text_graphs(place, prior)
        moved = f"Not counted from 0 in these files, and moved there, as `tu` does: {'; '.join(text.moved)}."
        return _of_graphs(text.graphs, prior, moved if text.moved else "")
    elif (given := files_at(place.resolve())).modality == "graphs":
        return _of_graphs(read_unlabelled(given, prior), prior)
    return _of_data_set(DatasetConfig(name="folder", path=str(place.resolve())))


def _of_data_set(config: "DatasetConfig") -> ToClassify:
    from acgkd.datasets import dataset_of
    from acgkd.modality import modality

    entry = dataset_of(config)
    samples, kind = entry.load(config), modality(entry.modality)
    import torch

    def batches() -> "Iterator[Batch]":
        for start in range(0, len(samples.items), BATCH):
            yield kind.collate(samples.items[start : start + BATCH], torch.device("cpu"))

    return ToClassify([str(number) for number in range(len(samples.items))], batches(), list(samples.labels.tolist()))


def _of_graphs(graphs: "list[PlainGraph]", prior: "GraphPrior", note: str = "") -> ToClassify:
    import torch

    from acgkd.datasets._given.by_prior import by_prior
    from acgkd.graphs.batch import collate

    if not graphs:
        raise DataError("There is no graph in it.")

    def batches() -> "Iterator[Batch]":
        for start in range(0, len(graphs), BATCH):
            yield collate(by_prior(graphs[start : start + BATCH], prior), torch.device("cpu"))

    labels = [graph.label for graph in graphs]
    known = labels if any(label is not None for label in labels) else []
    return ToClassify([str(number) for number in range(len(graphs))], batches(), known, note)


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

    def batches() -> "Iterator[Batch]":
        for start in range(0, len(files), BATCH):
            pixels = torch.stack([read(path) for path in files[start : start + BATCH]])
            yield ImageBatch(standardised(pixels, prior.mean, prior.std))

    return ToClassify([path.name for path in files], batches())
