"""The idx format of MNIST, compressed by gzip."""

import gzip
import math
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from acgkd.datasets._readers.files import Place, verify
from acgkd.datasets._readers.image_bytes import Part
from acgkd.errors import DataError

# A zero, a zero, the code of unsigned bytes; then the number of dimensions.
_BYTES = 8


def read_parts(place: Place, digests: Mapping[str, str], test_images: int, scratch: Path) -> tuple[Part, Part]:
    """The training and the test part.

    Args:
        place: where the files are.
        digests: checksum of each file: images and classes for training, then for test.
        test_images: how many there must be for test.
        scratch: folder for what has to be fetched.

    Raises:
        DataError: other files, or damaged ones.
    """
    arrays = []
    for file, digest in digests.items():
        path = place.get(file, scratch)
        verify(path, digest, place.title)
        arrays.append(read_idx(path, 3 if "idx3" in file else 1))
    parts = (Part(arrays[0].unsqueeze(1), arrays[1].long()), Part(arrays[2].unsqueeze(1), arrays[3].long()))
    if parts[1].labels.numel() != test_images:
        raise DataError(
            f"{place.title} has {test_images:,} images for test, but these files hold {parts[1].labels.numel():,}."
        )
    return parts


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
