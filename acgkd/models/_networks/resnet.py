"""Residual networks with the stem for small images: ResNet-18 and -34, and the narrow ones of depth 6n + 2."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.models._networks.image_classifier import ImageClassifier, convolution, through
from acgkd.models.resnet import WIDE, blocks


class Block(nn.Module):
    """Two 3 × 3 convolutions with BatchNorm and a shortcut, which is projected where the shape changes."""

    def __init__(self, in_maps: int, maps: int, stride: int, device: torch.device) -> None:
        super().__init__()
        self.first = convolution(in_maps, maps, 3, stride, device)
        self.first_norm = nn.BatchNorm2d(maps, device=device)
        self.second = convolution(maps, maps, 3, 1, device)
        self.second_norm = nn.BatchNorm2d(maps, device=device)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_maps != maps:
            self.shortcut = nn.Sequential(
                convolution(in_maps, maps, 1, stride, device), nn.BatchNorm2d(maps, device=device)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: ``[images, in_maps, height, width]``; returns: ``[images, maps, ...]``."""
        inside = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(inside)) + self.shortcut(x))


class ResNet(ImageClassifier):
    """A 3 × 3 stem that keeps the size, groups of blocks of which all but the first halve it, a global average.

    Two families, distinguished by depth. `resnet-18` and `resnet-34` have four groups of 64, 128, 256 and 512 maps, as
    those for ImageNet, but not their stem. Depths 6n + 2 (`resnet-8`, `resnet-20`, ...) are the narrow ones that the
    paper has for CIFAR-10: three groups of n blocks, of 16, 32 and 64 maps, here with projected shortcuts.

    Source: He et al. (2016), arXiv:1512.03385, sections 4.1 and 4.2 (projections: option B); the stem of the first
        family as in the released DAFL (225ddd2) and RDSKD (8512a9d) code.
    """

    def __init__(self, depth: int, *, in_features: int, classes: int, device: torch.device) -> None:
        counts = blocks(depth)
        maps = [(64 if depth in WIDE else 16) << group for group in range(len(counts))]
        super().__init__(f"resnet-{depth}", maps[-1], in_features, classes, device)
        self.stem = nn.Sequential(
            convolution(in_features, maps[0], 3, 1, device), nn.BatchNorm2d(maps[0], device=device), nn.ReLU()
        )
        self.groups = nn.ModuleList(
            nn.Sequential(
                Block(before, after, 1 if group == 0 else 2, device),
                *(Block(after, after, 1, device) for _ in range(count - 1)),
            )
            for group, (count, before, after) in enumerate(zip(counts, [maps[0], *maps], maps, strict=False))
        )

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The maps at the end of each group.

        Shapes:
            x: ``[images, channels, height, width]``; returns: each ``[images, maps, height, width]``
        """
        return through(self.groups, self.stem(x))

    def pool(self, last: Tensor) -> Tensor:
        """The mean of every map.

        Shapes:
            last: ``[images, width, height, width]``; returns: ``[images, width]``
        """
        return last.mean(dim=(2, 3))
