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

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from acgkd.datasets import Dataset
from acgkd.datasets._readers.files import Layout, Place, verify
from acgkd.datasets._readers.images import ImageOptions, Part, image_dataset
from acgkd.errors import DataError

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
_RECORD = 1 + 3 * 32 * 32
# Mosaics: 25 rows of 40 images in one picture without loss, their classes as bytes in a file of their own.
_MOSAIC = (25, 40)
_TRAIN_CLASSES, _TEST_CLASSES = "labels_train.u8", "labels_test_first1000.u8"


class Options(ImageOptions):
    """Options of CIFAR-10.

    Args:
        test_images: use the first so many images of the test part; None needs and uses all.
    """

    test_images: Annotated[int, Field(ge=10, le=10_000)] | None = None


def cifar_dataset(digests: Mapping[str, str], counts: tuple[int, int]) -> Dataset:
    """The entry, for files of these checksums with so many images for training and test."""
    batches = tuple(file for file in digests if file not in (ARCHIVE, TEST))

    def read(place: Place, scratch: Path, told: Options) -> tuple[Part, Part]:
        where = place.folder or place.address
        if ARCHIVE in place.layout.files:
            path = place.get(ARCHIVE, scratch)
            verify(path, digests[ARCHIVE], place.title)
            _unpack(path, (*batches, TEST), scratch)
            place = Place(place.title, place.layout, scratch)
        elif _TRAIN_CLASSES in place.layout.files:
            _unpack_mosaics(place, batches, counts[0], scratch)
            place = Place(place.title, place.layout, scratch)
        for file in batches:
            verify(place.get(file, scratch), digests[file], place.title)
        train = torch.cat([_records(place.get(file, scratch)) for file in batches])
        test_file = place.get(TEST, scratch)
        test = _records(test_file)
        wanted = counts[1] if told.test_images is None else told.test_images
        if test.shape[0] < wanted:
            raise DataError(
                f"The test part of {place.title} must have {wanted:,} images here, but {where} holds "
                f"{test.shape[0]:,}. Get a whole copy, or let the first ones do: `dataset/options/test_images: "
                f"{test.shape[0]}`."
            )
        if test.shape[0] >= counts[1]:
            verify(test_file, digests[TEST], place.title)
        return _part(train), _part(test[:wanted])

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
            Layout((_TRAIN_CLASSES, _TEST_CLASSES, "train_00.webp", "test_00.webp"), ("cifar10", ".")),
        ),
        home="https://www.cs.toronto.edu/~kriz",
        read=read,
        citation="Krizhevsky (2009), Learning multiple layers of features from tiny images.",
        options=Options,
        class_counts=None if counts != (50_000, 10_000) else {"train": (5000,) * 10, "test": (1000,) * 10},
    )


def _unpack(path: Path, wanted: tuple[str, ...], scratch: Path) -> None:
    with tarfile.open(path) as archive:
        for member in archive:
            # Only the file's own name is used: no entry can point out of the folder.
            name = Path(member.name).name
            stream = archive.extractfile(member) if name in wanted else None
            if stream is not None:
                (scratch / name).write_bytes(stream.read(member.size))
    for name in wanted:
        if not (scratch / name).is_file():
            raise DataError(f"{path} must hold {name}, but does not. It is another archive.")


def _records(path: Path) -> Tensor:
    content = path.read_bytes()
    if not content or len(content) % _RECORD:
        raise DataError(f"{path} must hold whole records of {_RECORD:,} bytes, but has {len(content):,} bytes.")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(-1, _RECORD)


def _part(records: Tensor) -> Part:
    return Part(records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].long())


def _unpack_mosaics(place: Place, batches: tuple[str, ...], train_images: int, scratch: Path) -> None:
    """Writes the published files from mosaics; their checksums then say whether these were without loss."""
    each = _MOSAIC[0] * _MOSAIC[1]
    for labels_file, stem, files in ((_TRAIN_CLASSES, "train", batches), (_TEST_CLASSES, "test", (TEST,))):
        labels = place.get(labels_file, scratch).read_bytes()
        per_file = train_images // each // len(batches) if stem == "train" else len(labels) // each
        for number, file in enumerate(files):
            with (scratch / file).open("wb") as target:
                for mosaic in range(number * per_file, (number + 1) * per_file):
                    images = _tiles(place.get(f"{stem}_{mosaic:02d}.webp", scratch))
                    classes = torch.frombuffer(
                        bytearray(labels[mosaic * each : (mosaic + 1) * each]), dtype=torch.uint8
                    )
                    target.write(torch.cat([classes.unsqueeze(1), images], dim=1).numpy().tobytes())


def _tiles(path: Path) -> Tensor:
    """The images of one mosaic, each red, green, blue, row by row."""
    try:
        from PIL import Image
    except ImportError:
        raise DataError(
            "Mosaics of CIFAR-10 are read by Pillow, which is not there: `pip install acgkd[images]`."
        ) from None
    rows, columns = _MOSAIC
    with Image.open(path) as picture:
        content = bytearray(picture.convert("RGB").tobytes())
    pixels = torch.frombuffer(content, dtype=torch.uint8).view(rows, 32, columns, 32, 3)
    return pixels.permute(0, 2, 4, 1, 3).reshape(rows * columns, -1)


DATASET = cifar_dataset(_DIGESTS, (50_000, 10_000))
