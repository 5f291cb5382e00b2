"""The images of `digits`, out of scikit-learn."""

from pathlib import Path

import torch

from acgkd import cache, checkpoint
from acgkd.datasets import Samples
from acgkd.datasets._readers.image_bytes import resized
from acgkd.datasets.digits import CLASSES, MEAN, STD
from acgkd.pixels import Pixels

_SHADES = 16


def load_digits(kept: Path, size: int) -> Samples:
    """Reads the set, or takes what was kept of it.

    Args:
        kept: file in the cache.
        size: height and width of the images.
    """
    cache.once(kept, _process)
    loaded = checkpoint.load(kept)
    images = Pixels(resized(loaded["values"], size), loaded["labels"], MEAN, STD)
    return Samples(items=images, labels=images.labels, classes=CLASSES)


def _process(part: Path) -> None:
    """Reads the set once: importing scikit-learn takes far longer than its images."""
    from sklearn.datasets import load_digits

    published = load_digits()
    # Shades 0 to 16 as bytes.
    values = (torch.from_numpy(published.images).unsqueeze(1) * (255 / _SHADES)).round().to(torch.uint8)
    checkpoint.save({"values": values, "labels": torch.from_numpy(published.target).long()}, part)
