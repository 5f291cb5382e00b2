"""The convolutions of a generator, worked out in ways that a CPU does several times as fast.

Weights, initial values, counted multiply-adds and, up to rounding, results are those of torch's own layers, which run
on other devices.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DoublingConv2d(nn.Conv2d):
    """Every pixel twice in either direction, then a 3 × 3 convolution that keeps the size.

    A window of 3 × 3 on a doubled map lies on 2 × 2 pixels of the map itself, so 4 products make what 9 are written
    down for: a transposed convolution, whose kernel is the convolution's, smeared over the places of a pixel's copies.

    Args:
        before: channels of the map.
        after: channels of the result.
        device: where the parameters live.
    """

    def __init__(self, before: int, after: int, *, device: torch.device) -> None:
        super().__init__(before, after, 3, padding=1, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """The convolution of the doubled map.

        Shapes:
            x: ``[images, before, height, width]``; returns: ``[images, after, 2 height, 2 width]``
        """
        if not x.is_cpu:
            return super().forward(F.interpolate(x, scale_factor=2.0))
        return F.conv_transpose2d(x, _smeared(self.weight), self.bias, stride=2, padding=1)


class ThinConv2d(nn.Conv2d):
    """A 3 × 3 convolution to very few channels that keeps the size.

    A product of matrices makes what each pixel adds to each of its neighbours, and these are then moved and summed:
    kernels that are made for many channels leave most of a processor idle.

    Args:
        before: channels of the map.
        after: channels of the result; up to three are worth it.
        device: where the parameters live.
    """

    def __init__(self, before: int, after: int, *, device: torch.device) -> None:
        super().__init__(before, after, 3, padding=1, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """The convolution.

        Shapes:
            x: ``[images, before, height, width]``; returns: ``[images, after, height, width]``
        """
        if not x.is_cpu or self.bias is None:
            return super().forward(x)
        kernel = self.weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2)
        # `bmm`, since `matmul` would copy the map to make one large product of many.
        shares = torch.bmm(kernel.expand(x.shape[0], -1, -1), x.flatten(2))
        return F.fold(shares, x.shape[2:], 3, padding=1) + self.bias.view(-1, 1, 1)


def _smeared(weight: Tensor) -> Tensor:
    """The kernel of the transposed convolution that doubles and convolves at once.

    Shapes:
        weight: ``[after, before, 3, 3]``; returns: ``[before, after, 4, 4]``
    """
    # What a pixel adds to its neighbours is the kernel upside down; two copies of it, one pixel apart, add up.
    alone = F.pad(weight.flip(2, 3), (1, 1, 1, 1))
    rows = alone[:, :, 1:] + alone[:, :, :-1]
    return (rows[..., 1:] + rows[..., :-1]).transpose(0, 1)
