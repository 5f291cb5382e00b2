"""SVHN's files: arrays of MATLAB."""

from collections.abc import Mapping
from pathlib import Path

import torch

from acgkd.datasets._readers.files import Place, verify
from acgkd.datasets._readers.image_bytes import Part
from acgkd.errors import DataError


def read_parts(place: Place, md5: Mapping[str, str], counts: tuple[int, int], scratch: Path) -> tuple[Part, Part]:
    """The training and the test part.

    Args:
        place: where the files are.
        md5: checksum of either file.
        counts: how many images either must hold.
        scratch: folder for what has to be fetched.

    Raises:
        DataError: other files, or damaged ones.
    """
    parts = []
    for (file, digest), count in zip(md5.items(), counts, strict=True):
        path = place.get(file, scratch)
        verify(path, f"md5:{digest}", place.title)
        parts.append(_read_mat(path))
        if parts[-1].labels.numel() != count:
            raise DataError(f"{path} must hold {count:,} images, but holds {parts[-1].labels.numel():,}.")
    return parts[0], parts[1]


def _read_mat(path: Path) -> Part:
    """Reads ``X`` [32, 32, 3, images] and ``y`` [images, 1], where 10 stands for the digit 0."""
    from scipy.io import loadmat

    content = loadmat(str(path))
    if "X" not in content or "y" not in content:
        raise DataError(f"{path} must hold the arrays `X` and `y`, but does not. It is another file.")
    values = torch.from_numpy(content["X"]).permute(3, 2, 0, 1).contiguous()
    return Part(values, torch.from_numpy(content["y"]).flatten().long() % 10)
