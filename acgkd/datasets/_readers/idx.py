"""Entries for sets in the form of MNIST: two files of images and two of classes, in the idx format, compressed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acgkd.datasets import Dataset
from acgkd.datasets._readers.files import Layout, Place
from acgkd.datasets._readers.images import ImageOptions, image_dataset

if TYPE_CHECKING:
    from torch import Tensor

    from acgkd.datasets._readers.image_bytes import Part

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


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

    def read(place: Place, scratch: Path, _: ImageOptions) -> "tuple[Part, Part]":
        from acgkd.datasets._readers.idx_bytes import read_parts

        return read_parts(place, digests, counts[1], scratch)

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
        options=ImageOptions,
        class_counts=class_counts,
        read_labels=_read_labels,
    )


def _read_labels(folder: Path) -> "tuple[Tensor, Tensor]":
    from acgkd.datasets._readers.idx_bytes import read_idx

    train, test = (read_idx(folder / f"{NAMES[place]}.gz", 1).long() for place in (1, 3))
    return train, test
