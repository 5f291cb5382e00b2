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
from typing import TYPE_CHECKING

from acgkd.datasets import Dataset
from acgkd.datasets._readers.files import Layout, Place
from acgkd.datasets._readers.images import ImageOptions, image_dataset

if TYPE_CHECKING:
    from acgkd.datasets._readers.image_bytes import Part

_MD5 = {"train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373", "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3"}

# Images of each class.
_TRAIN = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)
_TEST = (1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595)


def svhn_dataset(md5: Mapping[str, str], counts: tuple[int, int]) -> Dataset:
    """The entry, for files of these checksums with so many images for training and test."""

    def read(place: Place, scratch: Path, _: ImageOptions) -> "tuple[Part, Part]":
        from acgkd.datasets._readers.svhn_bytes import read_parts

        return read_parts(place, md5, counts, scratch)

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
        options=ImageOptions,
    )


DATASET = svhn_dataset(_MD5, (73_257, 26_032))
