"""Many images as one batch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from acgkd.method import Items
from acgkd.pixels import Pixels


@dataclass(frozen=True)
class ImageBatch:
    """Images of one shape.

    Shapes:
        x: ``[images, channels, height, width]``
        labels: ``[images]`` or None
    """

    x: Tensor
    labels: Tensor | None = None

    def to(self, device: torch.device) -> "ImageBatch":
        """The same batch on another device."""
        return ImageBatch(self.x.to(device), None if self.labels is None else self.labels.to(device))

    def detach(self) -> "ImageBatch":
        """The same batch, cut from the graph of derivatives."""
        return ImageBatch(self.x.detach(), self.labels)


def collate(samples: Items, device: torch.device) -> ImageBatch:
    """Joins stored images, or images that are each ``[channels, height, width]`` or a pair of that and a class."""
    if isinstance(samples, Pixels):
        x = samples.normaliser(device)(samples.values.to(device, non_blocking=True))
        return ImageBatch(x, samples.labels.to(device, non_blocking=True))
    images = [sample[0] if isinstance(sample, tuple) else sample for sample in samples]
    classes = [int(sample[1]) for sample in samples if isinstance(sample, tuple)]
    labels = torch.tensor(classes, dtype=torch.long, device="cpu").to(device) if len(classes) == len(images) else None
    return ImageBatch(torch.stack(images).to(device), labels)
