"""Wide residual networks: blocks that normalise first, three groups, widened by a factor."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.models._networks.image_classifier import ImageClassifier, convolution, through


class Block(nn.Module):
    """BatchNorm, ReLU, 3 × 3 convolution, twice; a projected shortcut starts after the first ReLU."""

    def __init__(self, in_maps: int, maps: int, stride: int, device: torch.device) -> None:
        super().__init__()
        self.first_norm = nn.BatchNorm2d(in_maps, device=device)
        self.first = convolution(in_maps, maps, 3, stride, device)
        self.second_norm = nn.BatchNorm2d(maps, device=device)
        self.second = convolution(maps, maps, 3, 1, device)
        self.shortcut = None if in_maps == maps else convolution(in_maps, maps, 1, stride, device)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: ``[images, in_maps, height, width]``; returns: ``[images, maps, ...]``."""
        ready = F.relu(self.first_norm(x))
        inside = self.second(F.relu(self.second_norm(self.first(ready))))
        together: Tensor = inside + (x if self.shortcut is None else self.shortcut(ready))
        return together


class WideResNet(ImageClassifier):
    """`wrn-D-K`: a 3 × 3 stem, three groups of (D − 4) / 6 blocks with 16K, 32K and 64K maps, a global average.

    No dropout. Convolutions start from He's normal numbers, as in the released code.

    Source: Zagoruyko and Komodakis (2016), arXiv:1605.07146; the variant of the released RDSKD code (8512a9d). Its
        attention maps, for ZSKT, are those of `stages`: the groups' sums, before the last BatchNorm.
    """

    def __init__(self, depth: int, factor: int, *, in_features: int, classes: int, device: torch.device) -> None:
        maps = [16, 16 * factor, 32 * factor, 64 * factor]
        super().__init__(f"wrn-{depth}-{factor}", maps[-1], in_features, classes, device)
        self.stem = convolution(in_features, maps[0], 3, 1, device)
        self.groups = nn.ModuleList(
            nn.Sequential(
                Block(maps[group], maps[group + 1], 1 if group == 0 else 2, device),
                *(Block(maps[group + 1], maps[group + 1], 1, device) for _ in range((depth - 4) // 6 - 1)),
            )
            for group in range(3)
        )
        self.norm = nn.BatchNorm2d(maps[-1], device=device)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                outgoing = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
                nn.init.normal_(module.weight, std=math.sqrt(2 / outgoing))
        nn.init.zeros_(self.classifier.bias)

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The maps at the end of each group.

        Shapes:
            x: ``[images, channels, height, width]``; returns: each ``[images, maps, height, width]``
        """
        return through(self.groups, self.stem(x))

    def before_pool(self, last: Tensor) -> Tensor:
        """BatchNorm and ReLU, which a group leaves to the next one.

        Shapes:
            last: ``[images, width, height, width]``, which is returned
        """
        return F.relu(self.norm(last))

    def pool(self, last: Tensor) -> Tensor:
        """BatchNorm, ReLU, and the mean of every map.

        Shapes:
            last: ``[images, width, height, width]``; returns: ``[images, width]``
        """
        return self.before_pool(last).mean(dim=(2, 3))
