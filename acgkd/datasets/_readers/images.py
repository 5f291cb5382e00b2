"""What image sets share: bytes read once and kept in the cache, cut down, resized, with the published test part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from acgkd import cache, checkpoint
from acgkd.config import Config, DatasetConfig, PriorConfig, fingerprint
from acgkd.datasets import Dataset, Official, Samples
from acgkd.datasets._readers.files import Layout, Place, find_place
from acgkd.datasets._readers.subsets import first_of_each, quotas
from acgkd.errors import ConfigError, DataError
from acgkd.pixels import Pixels

# Counted up when what is kept in the cache changes.
_VERSION = 1
_AT_ONCE = 4096


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


@dataclass(frozen=True)
class Part:
    """Images as they were published, with their classes.

    Shapes:
        values: ``[images, channels, height, width]``, bytes; labels: ``[images]``
    """

    values: Tensor
    labels: Tensor


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
    read: Callable[[Place, Path, Any], tuple[Part, Part]],
    citation: str,
    options: type[ImageOptions] = ImageOptions,
    classes: int = 10,
    class_counts: Mapping[str, Sequence[int]] | None = None,
    read_labels: Callable[[Path], tuple[Tensor, Tensor]] | None = None,
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

    def known_with(told: ImageOptions) -> PriorConfig:
        return PriorConfig(shape=(shape[0], told.size, told.size), classes=classes, mean=mean, std=std)

    def load(config: DatasetConfig) -> Samples:
        told: ImageOptions = entry.read_options(config)
        place = find_place(title, layouts, config, home)
        kept = kept_in(told)
        cache.once(kept, lambda part: _process(place, read, counts[0], shape, classes, told, part))
        loaded = checkpoint.load(kept)
        values, labels, trained = loaded["values"], loaded["labels"], int(loaded["train"])
        return Samples(
            items=Pixels(values, labels, mean, std),
            labels=labels,
            classes=classes,
            official=Official(torch.arange(trained, labels.numel(), device="cpu"), told.validation),
        )

    def kept_in(told: ImageOptions) -> Path:
        what = fingerprint(told.model_dump(mode="json", exclude={"validation"}))
        return cache.folder() / "datasets" / f"{name}-{_VERSION}-{what}.pt"

    def locate(config: DatasetConfig) -> None:
        place = find_place(title, layouts, config, home)
        if not kept_in(entry.read_options(config)).exists():
            place.reach()

    def counted(told: ImageOptions) -> Mapping[str, Sequence[int]]:
        known = dict(class_counts or {})
        if told.train_samples is not None and "train" in known:
            known["train"] = quotas(known["train"], told.train_samples)
        if getattr(told, "test_images", None) is not None:
            known.pop("test", None)
        return known

    def labels(config: DatasetConfig) -> Sequence[int] | None:
        told: ImageOptions = entry.read_options(config)
        if kept_in(told).exists():
            found: list[int] = checkpoint.load(kept_in(told), mapped=True)["labels"].tolist()
            return found
        folder = find_place(title, layouts, config, home).folder
        if read_labels is None or folder is None:
            return None
        try:
            train, test = read_labels(folder)
        except DataError:
            return None  # loading says what is wrong
        if told.train_samples is not None:
            train = train[first_of_each(train, told.train_samples)]
        return [*train.tolist(), *test.tolist()]

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


def _process(
    place: Place,
    read: Callable[[Place, Path, Any], tuple[Part, Part]],
    train_images: int,
    shape: tuple[int, int, int],
    classes: int,
    told: ImageOptions,
    part: Path,
) -> None:
    """Reads, checks, cuts down and resizes a set, and keeps it as one file."""
    scratch = part.with_name(f"{part.name}.folder")
    scratch.mkdir(parents=True)
    try:
        try:
            train, test = read(place, scratch, told)
        except (DataError, ConfigError, MemoryError):
            raise
        # Damage shows in as many ways as there are readers.
        except Exception as error:
            where = place.folder or f"{place.called} ({place.address})"
            raise DataError(
                f"The files of {place.title} from {where} cannot be read ({type(error).__name__}: {error}). "
                "Get them again."
            ) from error
        for images in (train, test):
            _check(images, place.title, shape, classes)
        if train.labels.numel() != train_images:
            raise DataError(
                f"{place.title} has {train_images:,} images for training, but these files hold "
                f"{train.labels.numel():,}. Get them again."
            )
        if told.train_samples is not None:
            train = _first(train, told.train_samples)
        content = {
            "values": torch.cat([resized(images.values, told.size) for images in (train, test)]),
            "labels": torch.cat([train.labels, test.labels]),
            "train": train.labels.numel(),
        }
        checkpoint.save(content, part)
    finally:
        cache.remove(scratch)


def _check(images: Part, title: str, shape: tuple[int, int, int], classes: int) -> None:
    fits = images.values.dtype == torch.uint8 and tuple(images.values.shape[1:]) == shape
    if not fits or images.values.shape[0] != images.labels.numel():
        raise DataError(
            f"An image of {title} must be {shape} bytes with one class, but these files hold "
            f"{tuple(images.values.shape)} of {images.values.dtype} with {images.labels.numel():,} classes."
        )
    if images.labels.numel() and not 0 <= int(images.labels.min()) <= int(images.labels.max()) < classes:
        raise DataError(
            f"`0 <= class < {classes}` must hold in {title}, but these files have "
            f"{int(images.labels.min())} to {int(images.labels.max())}."
        )


def _first(images: Part, count: int) -> Part:
    """The first images of every class, as nearly in the classes' shares as whole images allow."""
    chosen = first_of_each(images.labels, count)
    return Part(images.values[chosen], images.labels[chosen])


def resized(values: Tensor, size: int) -> Tensor:
    """Images of another size, by straight lines between pixels, rounded to bytes as imaging libraries do.

    Shapes:
        values: ``[images, channels, height, width]``, bytes; returns: ``[images, channels, size, size]``, bytes
    Source: the resize of the released RDSKD code (8512a9d).
    """
    if tuple(values.shape[2:]) == (size, size):
        return values
    parts = []
    for some in torch.split(values, _AT_ONCE):
        # Antialiasing matters on the way down only; on the way up it is the plain bilinear filter.
        drawn = F.interpolate(some.float(), (size, size), mode="bilinear", antialias=True)
        parts.append(drawn.round().clamp(0, 255).to(torch.uint8))
    return torch.cat(parts)
