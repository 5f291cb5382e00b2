"""Many images as one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


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


def collate(samples: Sequence[Any], device: torch.device) -> ImageBatch:
    """Joins images, each a tensor ``[channels, height, width]`` or a pair of such a tensor and its class."""
    images = [sample[0] if isinstance(sample, tuple) else sample for sample in samples]
    classes = [int(sample[1]) for sample in samples if isinstance(sample, tuple)]
    labels = torch.tensor(classes, dtype=torch.long, device="cpu").to(device) if len(classes) == len(images) else None
    return ImageBatch(torch.stack(images).to(device), labels)
