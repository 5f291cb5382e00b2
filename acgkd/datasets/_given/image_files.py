"""Images of one's own: pictures in a folder for each class, or arrays in a `.npz` file."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from acgkd.datasets._given.given_files import PARTS, GivenFiles, class_folders
from acgkd.datasets._given.graph_columns import class_counts
from acgkd.datasets._given.measured import Measured
from acgkd.datasets._readers.image_bytes import Part, resized
from acgkd.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_BYTES = 8_000_000_000
# What the arrays of a part are called: ours, MedMNIST's, Keras'.
_NAMES = (("images", "labels"), ("{}_images", "{}_labels"), ("x_{}", "y_{}"))


class ImageColumns(TypedDict):
    """All images of a set, and their classes; `train` says how many of the first are for training, None where all are.

    Shapes:
        values: ``[images, channels, height, width]``, bytes; labels: ``[images]``
    """

    values: Tensor
    labels: Tensor
    train: int | None


def read_images(given: GivenFiles, size: int | None) -> ImageColumns:
    """The images and classes of all parts, the training part first.

    Args:
        given: where they are.
        size: height and width that all get; None leaves them as they are.

    Raises:
        DataError: damaged, of several sizes, or without classes.
    """
    parts = _from_arrays(given.path) if given.kind == "arrays" else _from_pictures(given.path, size)
    if size is not None:
        parts = [Part(resized(part.values, size), part.labels) for part in parts]
    return {
        "values": torch.cat([part.values for part in parts]),
        "labels": torch.cat([part.labels for part in parts]),
        "train": parts[0].labels.numel() if len(parts) > 1 else None,
    }


def measured_on_images(content: ImageColumns) -> Measured:
    """The figures of a set of images; mean and standard deviation are those of the training part."""
    values = content["values"]
    learned = values[: content["train"]] if content["train"] is not None else values
    mean, std = [], []
    for channel in range(values.shape[1]):
        counts = torch.bincount(learned[:, channel].flatten().long(), minlength=256).double()
        levels = torch.arange(256, dtype=torch.double) / 255
        middle = float((counts * levels).sum() / counts.sum())
        mean.append(round(middle, 4))
        std.append(round(float(((counts * (levels - middle) ** 2).sum() / counts.sum()).sqrt()), 4) or 1.0)
    channels, height, width = values.shape[1:]
    return Measured(
        counts=class_counts(content["labels"]),
        shape=(int(channels), int(height), int(width)),
        mean=tuple(mean),
        std=tuple(std),
        train=content["train"],
    )


def _from_pictures(path: Path, size: int | None) -> list[Part]:
    folders = class_folders(path)
    classes = sorted({name for _, name in folders})
    # Colour where any picture has it.
    everything = [file for files in folders.values() for file in files]
    mode = "RGB" if any(_is_colour(file) for file in everything) else "L"
    shape: dict[tuple[int, ...], Path] = {}
    parts = []
    for wanted in dict.fromkeys(part for part, _ in folders):
        values, labels = [], []
        for (part, name), files in folders.items():
            if part == wanted:
                values += [_picture(file, mode, size, shape) for file in files]
                labels += [classes.index(name)] * len(files)
        parts.append(Part(torch.stack(values), torch.tensor(labels, device="cpu")))
    return parts


def _is_colour(file: Path) -> bool:
    with _opened(file) as picture:
        return picture.mode not in ("L", "1", "I", "I;16", "LA")


def _opened(file: Path) -> "Image":
    try:
        from PIL import Image
    except ImportError:
        raise ConfigError("Pictures are read by `pillow`. Type: pip install 'acgkd[images]'.") from None
    try:
        return Image.open(file)
    except (OSError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} is damaged or no picture ({type(error).__name__}).") from None


def _picture(file: Path, mode: str, size: int | None, shapes: dict[tuple[int, ...], Path]) -> Tensor:
    with _opened(file) as picture:
        try:
            values = torch.from_numpy(np.array(picture.convert(mode)))
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"{file} is damaged or no picture ({error}).") from None
    shaped = values.view(*values.shape[:2], -1).permute(2, 0, 1).contiguous()
    if size is not None:
        return resized(shaped.unsqueeze(0), size)[0]
    shapes.setdefault(tuple(shaped.shape), file)
    if len(shapes) > 1:
        (one, here), (other, there) = list(shapes.items())[:2]
        raise DataError(
            f"All pictures must have one size, but {here} has {one[1]} x {one[2]} and {there} {other[1]} x {other[2]}. "
            "`options/size: 32` resizes them."
        )
    return shaped


def _from_arrays(path: Path) -> list[Part]:
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(entry.file_size for entry in archive.infolist())
        if claimed > _MOST_BYTES:
            raise DataError(f"{path} would unpack to {claimed:,} bytes; {_MOST_BYTES:,} are the most that are read.")
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays.files)
            for images, labels in _NAMES:
                of_parts = [""] if "{}" not in images else list(PARTS)
                pairs = [(images.format(part), labels.format(part)) for part in of_parts]
                if all(name in names for pair in pairs for name in pair):
                    return [_part(path, pair, arrays[pair[0]], arrays[pair[1]]) for pair in pairs]
    except DataError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{path} is damaged or no `.npz` file ({type(error).__name__}: {error}).") from None
    wanted = " or ".join(f"`{images.format('train')}` and `{labels.format('train')}`" for images, labels in _NAMES)
    raise DataError(f"{path} must have arrays called {wanted} (and those of `test`), but has: {', '.join(names[:12])}.")


def _part(path: Path, names: Sequence[str], images: NDArray[np.generic], labels: NDArray[np.generic]) -> Part:
    if images.dtype != np.uint8:
        raise DataError(f"Images are bytes, 0 for black, but `{names[0]}` of {path} holds {images.dtype}.")
    values = torch.from_numpy(np.ascontiguousarray(images))
    if values.dim() == 3:
        values = values.unsqueeze(1)
    elif values.dim() == 4 and values.shape[3] in (1, 3) and values.shape[1] not in (1, 3):
        values = values.permute(0, 3, 1, 2).contiguous()
    if values.dim() != 4 or values.shape[1] not in (1, 3):
        raise DataError(
            f"`{names[0]}` of {path} must be `[images, height, width]`, with 1 or 3 channels before or after these, "
            f"but is {list(images.shape)}."
        )
    if labels.dtype.kind not in "iu" or labels.size != values.shape[0]:
        raise DataError(
            f"`{names[1]}` of {path} must be a whole number for each of {values.shape[0]:,} images, but holds "
            f"{labels.size:,} of {labels.dtype}."
        )
    return Part(values, torch.from_numpy(labels.astype(np.int64).reshape(-1)))
