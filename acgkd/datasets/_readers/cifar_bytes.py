"""CIFAR-10's files: records of bytes, in an archive, unpacked, or kept as mosaics without loss."""

import tarfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from acgkd.datasets._readers.files import Place, verify
from acgkd.datasets._readers.image_bytes import Part
from acgkd.datasets.cifar10 import ARCHIVE, TEST, TEST_CLASSES, TRAIN_CLASSES
from acgkd.errors import DataError

_RECORD = 1 + 3 * 32 * 32
# Mosaics: 25 rows of 40 images in one picture without loss, their classes as bytes in a file of their own.
_MOSAIC = (25, 40)


def read_parts(
    place: Place, digests: Mapping[str, str], counts: tuple[int, int], test_images: int | None, scratch: Path
) -> tuple[Part, Part]:
    """The training and the test part.

    Args:
        place: where the files are, in any of the layouts.
        digests: checksum of each file.
        counts: how many images there are for training and for test.
        test_images: how many of the test part are used; None uses all.
        scratch: folder for what has to be fetched or unpacked.

    Raises:
        DataError: other files, damaged ones, or fewer test images than are wanted.
    """
    batches = tuple(file for file in digests if file not in (ARCHIVE, TEST))
    where = place.folder or place.address
    if ARCHIVE in place.layout.files:
        path = place.get(ARCHIVE, scratch)
        verify(path, digests[ARCHIVE], place.title)
        _unpack(path, (*batches, TEST), scratch)
        place = Place(place.title, place.layout, scratch)
    elif TRAIN_CLASSES in place.layout.files:
        _unpack_mosaics(place, batches, counts[0], scratch)
        place = Place(place.title, place.layout, scratch)
    for file in batches:
        verify(place.get(file, scratch), digests[file], place.title)
    train = torch.cat([_records(place.get(file, scratch)) for file in batches])
    test_file = place.get(TEST, scratch)
    test = _records(test_file)
    wanted = test_images or counts[1]
    if test.shape[0] < wanted:
        raise DataError(
            f"The test part of {place.title} must have {wanted:,} images here, but {where} holds "
            f"{test.shape[0]:,}. Get a whole copy, or let the first ones do: `dataset/options/test_images: "
            f"{test.shape[0]}`."
        )
    if test.shape[0] >= counts[1]:
        verify(test_file, digests[TEST], place.title)
    return _part(train), _part(test[:wanted])


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
    for labels_file, stem, files in ((TRAIN_CLASSES, "train", batches), (TEST_CLASSES, "test", (TEST,))):
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
