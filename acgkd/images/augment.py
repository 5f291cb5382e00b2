"""Training images moved and mirrored at random, a whole batch at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor

PADDING = 4


def crop_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Cuts each image out of itself with a border of 4 zeros, anywhere, and mirrors every second one or so.

    Args:
        images: numbers or bytes.
        generator: on the same device.

    Shapes:
        images: ``[images, channels, height, width]``; returns: the same
    Source: Lee et al. (2015), arXiv:1409.5185, section 3; the usual augmentation for CIFAR.
    """
    count, channels, height, width = images.shape
    device = images.device
    padded = F.pad(images, (PADDING,) * 4)

    def drawn(values: int) -> Tensor:
        return torch.randint(values, (count, 1), generator=generator, device=device)

    rows = drawn(2 * PADDING + 1) + torch.arange(height, device=device)
    columns = torch.arange(width, device=device).expand(count, width)
    columns = drawn(2 * PADDING + 1) + torch.where(drawn(2) == 1, columns.flip(1), columns)
    of = torch.arange(count, device=device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=device).view(1, -1, 1, 1)
    return padded[of, channel, rows.view(count, 1, height, 1), columns.view(count, 1, 1, width)]
