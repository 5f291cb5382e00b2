"""SVHN: house numbers photographed from the street, cropped, by the digit in the middle.

Colour images of 32 by 32. The test part is the published one; the 531,131 extra images are left out.

Known of it without having it: shape, classes, and the mean and standard deviation that teachers normalise with (those
of the released RDSKD and ZSKT code).

====== ====== ======= ============ ======================== ========================
train  test   classes published    mean                     std
====== ====== ======= ============ ======================== ========================
73,257 26,032 10      3 x 32 x 32  0.4377, 0.4438, 0.4728   0.1980, 0.2010, 0.1970
====== ====== ======= ============ ======================== ========================
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from acgkd.datasets import Dataset
from acgkd.datasets._readers.files import Layout, Place, verify
from acgkd.datasets._readers.images import Part, image_dataset
from acgkd.errors import DataError

_MD5 = {"train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373", "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3"}

# Images of each class.
_TRAIN = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)
_TEST = (1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595)


def svhn_dataset(md5: Mapping[str, str], counts: tuple[int, int]) -> Dataset:
    """The entry, for files of these checksums with so many images for training and test."""

    def read(place: Place, scratch: Path, _: Any) -> tuple[Part, Part]:
        parts = []
        for (file, digest), count in zip(md5.items(), counts, strict=True):
            path = place.get(file, scratch)
            verify(path, f"md5:{digest}", place.title)
            parts.append(_read_mat(path))
            if parts[-1].labels.numel() != count:
                raise DataError(f"{path} must hold {count:,} images, but holds {parts[-1].labels.numel():,}.")
        return parts[0], parts[1]

    return image_dataset(
        "svhn",
        title="SVHN",
        shape=(3, 32, 32),
        mean=(0.4377, 0.4438, 0.4728),
        std=(0.1980, 0.2010, 0.1970),
        counts=counts,
        layouts=(Layout(tuple(md5), ("svhn", "SVHN", ".")),),
        home="http://ufldl.stanford.edu/housenumbers",
        read=read,
        citation="Netzer et al. (2011), Reading digits in natural images with unsupervised feature learning.",
        class_counts={"train": _TRAIN, "test": _TEST} if (sum(_TRAIN), sum(_TEST)) == counts else None,
    )


def _read_mat(path: Path) -> Part:
    """Reads ``X`` [32, 32, 3, images] and ``y`` [images, 1], where 10 stands for the digit 0."""
    from scipy.io import loadmat

    content = loadmat(str(path))
    if "X" not in content or "y" not in content:
        raise DataError(f"{path} must hold the arrays `X` and `y`, but does not. It is another file.")
    values = torch.from_numpy(content["X"]).permute(3, 2, 0, 1).contiguous()
    return Part(values, torch.from_numpy(content["y"]).flatten().long() % 10)


DATASET = svhn_dataset(_MD5, (73_257, 26_032))
