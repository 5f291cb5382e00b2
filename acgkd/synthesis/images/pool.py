"""A pool of pseudo-images that grows while a student learns from it."""

import torch
from torch import Tensor

from acgkd.images import ImageBatch
from acgkd.images.augment import crop_flip
from acgkd.method import ImageContext, State
from acgkd.settings.choices import Augmentation


class ImagePool:
    """Images as bytes, as if written to files: a pool is large, and its checkpoint too.

    Args:
        count: how many there will be.
        context: prior, streams, device.
        augment: what happens to images each time they are drawn.
    """

    def __init__(self, count: int, context: ImageContext, *, augment: Augmentation) -> None:
        prior, device = context.prior, context.device
        self.labels = torch.zeros(0, dtype=torch.long, device="cpu")
        self._bytes = torch.zeros(count, *prior.shape, dtype=torch.uint8, device=device)
        self._classes = torch.zeros(count, dtype=torch.long, device=device)
        self._mean, self._std = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in (prior.mean, prior.std))
        self._context = context
        self._augment = augment

    def add(self, x: Tensor, labels: Tensor) -> None:
        """Puts images as the teacher reads them, and the classes that they were made for, behind the others."""
        start, end = self.labels.numel(), self.labels.numel() + x.shape[0]
        pixels = (x * self._std + self._mean).clamp(0, 1) * 255
        self._bytes[start:end] = pixels.round().to(torch.uint8)
        self._classes[start:end] = labels
        # Their number is what is known here; which class each has is known on the device.
        self.labels = torch.zeros(end, dtype=torch.long, device="cpu")

    def plain(self, indices: Tensor) -> ImageBatch:
        """The images at `indices` as they are, with their classes."""
        chosen = indices.to(self._bytes.device, non_blocking=True)
        return ImageBatch(self._read(self._bytes[chosen]), self._classes[chosen])

    def draw(self, indices: Tensor) -> ImageBatch:
        """The images at `indices`, augmented."""
        images = self._bytes[indices.to(self._bytes.device, non_blocking=True)]
        if self._augment == "crop_flip":
            images = crop_flip(images, self._context.streams.generator("pool-augment"))
        return ImageBatch(self._read(images))

    def _read(self, pixels: Tensor) -> Tensor:
        return (pixels.to(self._mean.dtype) / 255 - self._mean) / self._std

    def state_dict(self) -> State:
        """What is in it."""
        end = self.labels.numel()
        return {"bytes": self._bytes[:end].clone(), "classes": self._classes[:end].clone()}

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        end = state["classes"].numel()
        self._bytes[:end] = state["bytes"].to(self._bytes.device)
        self._classes[:end] = state["classes"].to(self._classes.device)
        self.labels = torch.zeros(end, dtype=torch.long, device="cpu")
