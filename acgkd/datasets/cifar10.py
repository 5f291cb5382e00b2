"""CIFAR-10: small photographs, by what they show.

Colour images of 32 by 32. The test part is the published one; a copy that holds only a part of it is read if the run
says how much of it shall do (`options/test_images: 1000` takes the first thousand, from a whole copy as well).

Known of it without having it: shape, classes, and the mean and standard deviation that teachers normalise with (those
of the released RDSKD and DAFL code).

====== ====== ======= ============ ======================== ========================
train  test   classes published    mean                     std
====== ====== ======= ============ ======================== ========================
50,000 10,000 10      3 x 32 x 32  0.4914, 0.4822, 0.4465   0.2023, 0.1994, 0.2010
====== ====== ======= ============ ======================== ========================
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from acgkd.datasets import Dataset
from acgkd.datasets._readers.files import Layout, Place
from acgkd.datasets._readers.images import ImageOptions, image_dataset

if TYPE_CHECKING:
    from acgkd.datasets._readers.image_bytes import Part

ARCHIVE = "cifar-10-binary.tar.gz"
TEST = "test_batch.bin"
_DIGESTS = {
    ARCHIVE: "md5:c32a1d4ab5d03f1284b67883e8d87530",
    "data_batch_1.bin": "sha1:aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "data_batch_2.bin": "sha1:c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "data_batch_3.bin": "sha1:1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "data_batch_4.bin": "sha1:aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "data_batch_5.bin": "sha1:26e2849e66a845b7f1e4614ae70f4889ae604628",
    TEST: "sha1:67eb016db431130d61cd03c7ad570b013799c88c",
}
TRAIN_CLASSES, TEST_CLASSES = "labels_train.u8", "labels_test_first1000.u8"


class Options(ImageOptions):
    """Options of CIFAR-10.

    Args:
        test_images: use the first so many images of the test part; None needs and uses all.
    """

    test_images: Annotated[int, Field(ge=10, le=10_000)] | None = None


def cifar_dataset(digests: Mapping[str, str], counts: tuple[int, int]) -> Dataset:
    """The entry, for files of these checksums with so many images for training and test."""
    batches = tuple(file for file in digests if file not in (ARCHIVE, TEST))

    def read(place: Place, scratch: Path, options: Options) -> "tuple[Part, Part]":
        from acgkd.datasets._readers.cifar_bytes import read_parts

        return read_parts(place, digests, counts, options.test_images, scratch)

    folders = ("cifar-10-batches-bin", "cifar10/cifar-10-batches-bin", "cifar10", ".")
    return image_dataset(
        "cifar10",
        title="CIFAR-10",
        shape=(3, 32, 32),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2023, 0.1994, 0.2010),
        counts=counts,
        layouts=(
            Layout((ARCHIVE,), ("cifar10", ".")),
            Layout((*batches, TEST), folders),
            Layout((TRAIN_CLASSES, TEST_CLASSES, "train_00.webp", "test_00.webp"), ("cifar10", ".")),
        ),
        home="https://www.cs.toronto.edu/~kriz",
        read=read,
        citation="Krizhevsky (2009), Learning multiple layers of features from tiny images.",
        options=Options,
        class_counts=None if counts != (50_000, 10_000) else {"train": (5000,) * 10, "test": (1000,) * 10},
    )


DATASET = cifar_dataset(_DIGESTS, (50_000, 10_000))
