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

from pydantic import Field

from acgkd import cache
from acgkd.config import Config, DatasetConfig, PriorConfig
from acgkd.datasets import DATASETS, Dataset, Samples
from acgkd.errors import DataError

MEAN, STD, CLASSES = (0.3053,), (0.3760,), 10
# Counted up when what is kept in the cache changes.
_VERSION = 1


class Options(Config):
    """Options of `digits`."""

    size: Annotated[int, Field(ge=4, le=256)] = 8


def _known_with(options: Options) -> PriorConfig:
    return PriorConfig(shape=(1, options.size, options.size), classes=CLASSES, mean=MEAN, std=STD)


def _file() -> Path:
    return cache.folder() / "datasets" / f"digits-{_VERSION}.pt"


def _locate(_: DatasetConfig) -> None:
    if find_spec("sklearn") is None and not _file().exists():
        raise DataError("The data set digits comes with scikit-learn, which is not there: `pip install acgkd[images]`.")


def _load(config: DatasetConfig) -> Samples:
    from acgkd.datasets._readers.digit_bytes import load_digits

    _locate(config)
    options: Options = DATASETS["digits"].read_options(config)
    return load_digits(_file(), options.size)


def _labels(_: DatasetConfig) -> list[int] | None:
    if not _file().exists():
        return None
    from acgkd.datasets._readers.image_bytes import kept_labels

    return kept_labels(_file())


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
    labels=_labels,
)
