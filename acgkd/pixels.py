"""Many labelled images as they are stored: bytes in one tensor, made into what models see when a batch is cut."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pixels(Sequence[tuple[Tensor, int]]):
    """A sequence of images with their classes; cutting and normalising it takes no loop over images.

    Args:
        values: bytes, black is 0.
        labels: class of each image.
        mean, std: of every channel, with bytes read as 0 to 1; what a model sees is ``(byte / 255 - mean) / std``.

    Shapes:
        values: ``[images, channels, height, width]``; labels: ``[images]``; both on the CPU
    """

    values: Tensor
    labels: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @overload
    def __getitem__(self, index: int) -> tuple[Tensor, int]: ...

    @overload
    def __getitem__(self, index: slice) -> "Pixels": ...

    def __getitem__(self, index: int | slice) -> "tuple[Tensor, int] | Pixels":
        if isinstance(index, slice):
            return Pixels(self.values[index], self.labels[index], self.mean, self.std)
        values = self.values[range(len(self))[index]]
        return self.normaliser(values.device)(values.unsqueeze(0))[0], int(self.labels[index])

    def select(self, indices: Tensor) -> "Pixels":
        """The images at `indices`, in that order."""
        return Pixels(self.values[indices], self.labels[indices], self.mean, self.std)

    def normaliser(self, device: torch.device) -> Callable[[Tensor], Tensor]:
        """A function from bytes on `device` to what models see."""
        mean, std = (
            torch.tensor(numbers, device="cpu").view(1, -1, 1, 1).to(device, non_blocking=True)
            for numbers in (self.mean, self.std)
        )
        scale, shift = 1 / (255 * std), -mean / std
        return lambda values: torch.addcmul(shift, values.to(scale.dtype), scale)


def standardised(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """What a model sees of pixels: ``(pixel - mean) / std``.

    Args:
        images: pixels of 0 to 1, or bytes, which become what `Pixels.normaliser` makes of them.
        mean: of every channel.
        std: of every channel.

    Shapes:
        images: ``[images, channels, height, width]``; returns: the same
    """
    whole = 255.0 if images.dtype == torch.uint8 else 1.0
    dtype = images.dtype if images.is_floating_point() else torch.get_default_dtype()
    means, stds = (
        torch.tensor(tuple(numbers), dtype=dtype, device=images.device).view(1, -1, 1, 1) for numbers in (mean, std)
    )
    return torch.addcmul(-means / stds, images.to(dtype), 1 / (whole * stds))


def random_images(
    count: int, shape: tuple[int, int, int], mean: Sequence[float], std: Sequence[float], device: torch.device
) -> Tensor:
    """Images of even noise as a model sees them; always the same.

    Shapes:
        returns: ``[count, channels, height, width]``
    """
    pixels = torch.rand(count, *shape, generator=torch.Generator(device="cpu").manual_seed(0), device="cpu")
    return standardised(pixels, mean, std).to(device)
