"""Sets in the form of MNIST: two files of images and two of classes, in the idx format, compressed by gzip."""

import gzip
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acgkd.datasets import Dataset
from acgkd.datasets._readers.files import Layout, Place, verify
from acgkd.datasets._readers.images import Part, image_dataset
from acgkd.errors import DataError

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
# A zero, a zero, the code of unsigned bytes; then the number of dimensions.
_BYTES = 8


def idx_dataset(
    name: str,
    *,
    title: str,
    mean: float,
    std: float,
    md5: Mapping[str, str],
    folders: tuple[str, ...],
    home: str,
    citation: str,
    counts: tuple[int, int] = (60_000, 10_000),
    class_counts: Mapping[str, Sequence[int]] | None = None,
    other_labels: str = "",
) -> Dataset:
    """An entry of the catalogue for one set in the form of MNIST.

    Args:
        name: key of the entry.
        title: of the set, for messages.
        mean: of the training part's pixels of 0 to 1, as the literature has it.
        std: their standard deviation.
        md5: of each of `NAMES`, compressed, as published.
        folders: where below a named folder the files are looked for.
        home: address of the folder that it is published in.
        citation: of the set.
        counts: images for training and for test.
        class_counts: images of each class under ``train`` and ``test``.
        other_labels: md5 of the test part's classes in a set whose files have the same names.
    """
    digests = {f"{file}.gz": f"md5:{md5[file]}" for file in NAMES}

    def read(place: Place, scratch: Path, _: Any) -> tuple[Part, Part]:
        arrays = []
        for file, digest in digests.items():
            path = place.get(file, scratch)
            verify(path, digest, title)
            arrays.append(read_idx(path, 3 if "idx3" in file else 1))
        parts = (Part(arrays[0].unsqueeze(1), arrays[1].long()), Part(arrays[2].unsqueeze(1), arrays[3].long()))
        if parts[1].labels.numel() != counts[1]:
            raise DataError(
                f"{title} has {counts[1]:,} images for test, but these files hold {parts[1].labels.numel():,}."
            )
        return parts

    return image_dataset(
        name,
        title=title,
        shape=(1, 28, 28),
        mean=(mean,),
        std=(std,),
        counts=counts,
        layouts=(Layout(tuple(digests), folders, {f"{NAMES[3]}.gz": f"md5:{other_labels}"} if other_labels else {}),),
        home=home,
        read=read,
        citation=citation,
        class_counts=class_counts,
        read_labels=_read_labels,
    )


def _read_labels(folder: Path) -> tuple[Tensor, Tensor]:
    train, test = (read_idx(folder / f"{NAMES[place]}.gz", 1).long() for place in (1, 3))
    return train, test


def read_idx(path: Path, dimensions: int) -> Tensor:
    """Reads one compressed idx file of bytes.

    Args:
        path: the file.
        dimensions: how many it must have.

    Raises:
        DataError: not such a file, or cut short.
    """
    try:
        with gzip.open(path) as packed:
            content = packed.read()
    # Damage shows as BadGzipFile, EOFError or zlib.error.
    except Exception as error:
        raise DataError(
            f"{path} is damaged or not compressed by gzip ({type(error).__name__}). Get it again."
        ) from error
    start = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, _BYTES, dimensions)) or len(content) < start:
        raise DataError(f"{path} must be an idx file of bytes with {dimensions} dimensions, but does not begin as one.")
    sizes = struct.unpack(f">{dimensions}I", content[4:start])
    if len(content) - start != math.prod(sizes):
        raise DataError(
            f"{path} must hold {' x '.join(map(str, sizes))} bytes after its header, but holds "
            f"{len(content) - start:,}. Get it again."
        )
    return torch.frombuffer(bytearray(content[start:]), dtype=torch.uint8).view(*sizes)
