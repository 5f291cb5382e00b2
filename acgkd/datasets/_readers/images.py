"""Entries for image sets with a test part of their own: what is published of one, and where its files are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field

from acgkd import cache
from acgkd.config import Config, DatasetConfig, PriorConfig, fingerprint
from acgkd.datasets import Dataset, Samples
from acgkd.datasets._readers.files import Layout, Place, find_place
from acgkd.datasets._readers.subsets import quotas
from acgkd.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    from acgkd.datasets._readers.image_bytes import Part


class ImageOptions(Config):
    """Options of an image set with a test part of its own.

    Args:
        size: height and width; images of another size are resized.
        train_samples: keep so many images of the training part, the first of every class in its share; None keeps all.
        validation: share of the training part that judges and is not learned from.
    """

    size: Annotated[int, Field(ge=4, le=256)] = 32
    train_samples: Annotated[int, Field(ge=2)] | None = None
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1


SetOptions = TypeVar("SetOptions", bound=ImageOptions)
# Counted up when what is kept in the cache changes.
_VERSION = 1


@dataclass(frozen=True)
class Published:
    """What is published of an image set.

    Args:
        name: key of the entry.
        shape: channels, height and width.
        mean: of every channel of the training part, with bytes read as 0 to 1.
        std: the same of the standard deviation.
        train: images for training.
        classes: how many there are.
    """

    name: str
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: int
    classes: int


def kept_in(name: str, options: ImageOptions) -> Path:
    """The file in the cache that a set is kept in, with such options.

    Args:
        name: key of the entry.
        options: those of the run.
    """
    what = fingerprint(options.model_dump(mode="json", exclude={"validation"}))
    return cache.folder() / "datasets" / f"{name}-{_VERSION}-{what}.pt"


def image_dataset(
    name: str,
    *,
    title: str,
    shape: tuple[int, int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    counts: tuple[int, int],
    layouts: tuple[Layout, ...],
    home: str,
    read: "Callable[[Place, Path, SetOptions], tuple[Part, Part]]",
    citation: str,
    options: type[SetOptions],
    classes: int = 10,
    class_counts: Mapping[str, Sequence[int]] | None = None,
    read_labels: "Callable[[Path], tuple[Tensor, Tensor]] | None" = None,
) -> Dataset:
    """An entry of the catalogue for a set of images with a test part of its own.

    Args:
        name: key of the entry.
        title: of the set, for messages.
        shape: channels, height and width as published.
        mean: of every channel of the training part, as the literature has it, with bytes read as 0 to 1.
        std: the same of the standard deviation.
        counts: images for training and for test.
        layouts: forms in which its files may lie in a folder, the published one first.
        home: address of the folder that it is published in.
        read: ``read(place, scratch folder, options)``; gives the training and the test part.
        citation: of the set.
        options: what `dataset.options` may say.
        classes: how many there are.
        class_counts: images of each class under ``train`` and ``test``, as published.
        read_labels: the classes of both parts from a folder with its files, where they are in small files of their own.
    """

    def known_with(given: ImageOptions) -> PriorConfig:
        return PriorConfig(shape=(shape[0], given.size, given.size), classes=classes, mean=mean, std=std)

    def load(config: DatasetConfig) -> Samples:
        from acgkd.datasets._readers.image_bytes import load_images

        given: SetOptions = entry.read_options(config)
        place = find_place(title, layouts, config, home)

        def parts(scratch: Path) -> "tuple[Part, Part]":
            return read(place, scratch, given)

        published = Published(name, shape, mean, std, counts[0], classes)
        return load_images(published, place, parts, given)

    def locate(config: DatasetConfig) -> None:
        place = find_place(title, layouts, config, home)
        if not kept_in(name, entry.read_options(config)).exists():
            place.reach()

    def counted(given: ImageOptions) -> Mapping[str, Sequence[int]]:
        known = dict(class_counts or {})
        if given.train_samples is not None and "train" in known:
            known["train"] = quotas(known["train"], given.train_samples)
        if getattr(given, "test_images", None) is not None:
            known.pop("test", None)
        return known

    def labels(config: DatasetConfig) -> Sequence[int] | None:
        given: ImageOptions = entry.read_options(config)
        if (kept := kept_in(name, given)).exists():
            from acgkd.datasets._readers.image_bytes import kept_labels

            return kept_labels(kept)
        folder = find_place(title, layouts, config, home).folder
        if read_labels is None or folder is None:
            return None
        try:
            published = read_labels(folder)
        except DataError:
            return None  # loading says what is wrong
        from acgkd.datasets._readers.image_bytes import first_labels

        return first_labels(published, given)

    entry = Dataset(
        modality="images",
        known=known_with(options()),
        load=load,
        # Of graphs only.
        pooling="sum",
        source=f"{home}; {citation}",
        official_test=True,
        options=options,
        known_with=known_with,
        locate=locate,
        class_counts=counted,
        labels=labels,
    )
    return entry
