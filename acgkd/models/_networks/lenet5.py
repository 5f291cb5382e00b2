"""LeNet-5 for images of 32 by 32, whole or with half of every width, plain or with BatchNorm."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.models._networks.image_classifier import ImageClassifier
from acgkd.models.lenet5 import SIDE, sizes


class LeNet5(ImageClassifier):
    """Three 5 × 5 convolutions with ReLU, maxima of 2 × 2 after the first two, then two linear layers.

    `lenet5` has 6, 16 and 120 maps and 84 features before the classifier, `lenet5-half` has 3, 8, 60 and 42. With
    `bn` a BatchNorm stands between each convolution and its ReLU; the published network has none, and methods that
    match BatchNorm statistics need one.

    Source: LeCun et al. (1998), in the form of the released DAFL (225ddd2) and RDSKD (8512a9d) code. Its 120 maps of
        one pixel, which DAFL's activation term measures, are the last of `stages`.
    """

    def __init__(self, *, half: bool, bn: bool, in_features: int, classes: int, device: torch.device) -> None:
        preset = "-".join(["lenet5", *["half"] * half, *["bn"] * bn])
        maps, width = sizes(half)
        super().__init__(preset, width, in_features, classes, device)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 5, device=device)
            for before, after in zip((in_features, *maps[:-1]), maps, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(count, device=device) if bn else nn.Identity() for count in maps)
        self.linear = nn.Linear(maps[-1], width, device=device)

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The maps after each convolution and what belongs to it; the last are of one pixel.

        Shapes:
            x: ``[images, channels, 32, 32]``; returns: each ``[images, maps, side, side]``, side 14, 5, 1
        Raises:
            ConfigError: images of another size.
        """
        if tuple(x.shape[2:]) != (SIDE, SIDE):
            raise ConfigError(
                f"`{self.preset}` reads images of {SIDE} x {SIDE}, but got {' x '.join(map(str, x.shape[2:]))}. Set "
                f"`dataset/options/size: {SIDE}` where the data set has it, or take a `resnet` or a `wrn`."
            )
        outputs = []
        for number, (convolve, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = F.relu(norm(convolve(x)))
            if number < 2:
                x = F.max_pool2d(x, 2)
            outputs.append(x)
        return tuple(outputs)

    def pool(self, last: Tensor) -> Tensor:
        """The first linear layer, with ReLU.

        Shapes:
            last: ``[images, maps, 1, 1]``; returns: ``[images, width]``
        """
        return F.relu(self.linear(last.flatten(1)))
