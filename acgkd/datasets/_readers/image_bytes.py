"""What image sets share: bytes read once and kept in the cache, cut down, resized, with the published test part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from acgkd import cache, checkpoint
from acgkd.datasets import Official, Samples
from acgkd.datasets._readers.files import Place
from acgkd.datasets._readers.images import ImageOptions, Published, kept_in
from acgkd.datasets._readers.subsets import quotas
from acgkd.errors import ConfigError, DataError
from acgkd.pixels import Pixels

_AT_ONCE = 4096


@dataclass(frozen=True)
class Part:
    """Images as they were published, with their classes.

    Shapes:
        values: ``[images, channels, height, width]``, bytes; labels: ``[images]``
    """

    values: Tensor
    labels: Tensor


def load_images(
    published: Published, place: Place, read: Callable[[Path], tuple[Part, Part]], options: ImageOptions
) -> Samples:
    """Reads a set, or takes what was kept of it.

    Args:
        published: what it must be.
        place: where its files are.
        read: from a scratch folder to the training and the test part.
        options: those of the run.

    Raises:
        DataError: missing, damaged, or another set.
    """
    kept = kept_in(published.name, options)
    cache.once(kept, lambda part: _process(published, place, read, options, part))
    loaded = checkpoint.load(kept)
    values, labels, trained = loaded["values"], loaded["labels"], int(loaded["train"])
    return Samples(
        items=Pixels(values, labels, published.mean, published.std),
        labels=labels,
        classes=published.classes,
        official=Official(torch.arange(trained, labels.numel(), device="cpu"), options.validation),
    )


def kept_labels(kept: Path) -> list[int]:
    """The class of each image of a set that was kept, as its file says."""
    labels: list[int] = checkpoint.load(kept, mapped=True)["labels"].tolist()
    return labels


def first_labels(parts: Sequence[Tensor], options: ImageOptions) -> list[int]:
    """The class of each image that is loaded.

    Args:
        parts: classes of the training and of the test part, as published.
        options: those of the run.
    """
    train, test = parts
    if options.train_samples is not None:
        train = train[first_of_each(train, options.train_samples)]
    return [*train.tolist(), *test.tolist()]


def _process(
    published: Published, place: Place, read: Callable[[Path], tuple[Part, Part]], options: ImageOptions, part: Path
) -> None:
    """Reads, checks, cuts down and resizes a set, and keeps it as one file."""
    scratch = part.with_name(f"{part.name}.folder")
    scratch.mkdir(parents=True)
    try:
        try:
            train, test = read(scratch)
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
            _check(images, place.title, published.shape, published.classes)
        if train.labels.numel() != published.train:
            raise DataError(
                f"{place.title} has {published.train:,} images for training, but these files hold "
                f"{train.labels.numel():,}. Get them again."
            )
        if options.train_samples is not None:
            train = _first(train, options.train_samples)
        content = {
            "values": torch.cat([resized(images.values, options.size) for images in (train, test)]),
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


def first_of_each(labels: Tensor, count: int) -> Tensor:
    """Which samples are kept of a set: the first of every class.

    Args:
        labels: class of each sample.
        count: how many are kept in all.

    Shapes:
        labels: ``[samples]``; returns: ``[samples]``, boolean

    Raises:
        ConfigError: more than there are.
    """
    quota = torch.tensor(quotas(torch.bincount(labels).tolist(), count), device="cpu")
    rank = F.one_hot(labels).cumsum(0).gather(1, labels.unsqueeze(1)).squeeze(1)
    return rank <= quota[labels]


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
