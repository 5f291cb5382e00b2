"""Digits: small handwritten digits that come with scikit-learn, by which digit they are.

Grey images of 8 by 8, with 17 shades, nothing to download. They are the test part of a larger set, so that nothing is
published of who trains on which: `fractions` deal them out, as they do graphs. `options/size: 32` resizes them, for
models that read nothing else.

Known of it without having it: shape, classes, and the mean and standard deviation that teachers normalise with, once
computed from the whole set and written down here.

====== ======= ============ ====== ======
images classes published    mean   std
====== ======= ============ ====== ======
1,797  10      1 x 8 x 8    0.3053 0.3760
====== ======= ============ ====== ======
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field

from acgkd import cache, checkpoint
from acgkd.config import Config, DatasetConfig, PriorConfig
from acgkd.datasets import DATASETS, Dataset, Samples
from acgkd.datasets._readers.images import resized
from acgkd.errors import DataError
from acgkd.pixels import Pixels

MEAN, STD = (0.3053,), (0.3760,)
_CLASSES, _SHADES = 10, 16
# Counted up when what is kept in the cache changes.
_VERSION = 1


class Options(Config):
    """What can be told to `digits`."""

    size: Annotated[int, Field(ge=4, le=256)] = 8


def _known_with(options: Options) -> PriorConfig:
    return PriorConfig(shape=(1, options.size, options.size), classes=_CLASSES, mean=MEAN, std=STD)


def _locate(_: DatasetConfig) -> None:
    if find_spec("sklearn") is None and not _file().exists():
        raise DataError("The data set digits comes with scikit-learn, which is not there: `pip install acgkd[images]`.")


def _file() -> Path:
    return cache.folder() / "datasets" / f"digits-{_VERSION}.pt"


def _process(part: Path) -> None:
    """Reads the set once: importing scikit-learn takes far longer than its images."""
    _locate(DatasetConfig(name="digits"))
    from sklearn.datasets import load_digits

    published = load_digits()
    # Shades 0 to 16 as bytes.
    values = (torch.from_numpy(published.images).unsqueeze(1) * (255 / _SHADES)).round().to(torch.uint8)
    checkpoint.save({"values": values, "labels": torch.from_numpy(published.target).long()}, part)


def _load(config: DatasetConfig) -> Samples:
    options: Options = DATASETS["digits"].read_options(config)
    cache.once(_file(), _process)
    loaded = checkpoint.load(_file())
    images = Pixels(resized(loaded["values"], options.size), loaded["labels"], MEAN, STD)
    return Samples(items=images, labels=images.labels, classes=_CLASSES)


DATASET = Dataset(
    modality="images",
    known=_known_with(Options()),
    load=_load,
    # Of graphs only.
    pooling="sum",
    source="scikit-learn's `load_digits`; Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, UCI.",
    needs_files=False,
    options=Options,
    known_with=_known_with,
    locate=_locate,
    class_counts=lambda _: {"all": (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)},
    labels=lambda _: checkpoint.load(_file())["labels"].tolist() if _file().exists() else None,
)
