"""What all image models share: stages of feature maps, one vector per image, one linear classifier."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from acgkd.models import ModelConfig
from acgkd.pixels import standardised
from acgkd.priors import ImagePrior, Prior


class ImageClassifier(nn.Module, ABC):
    """A model that satisfies the teacher protocol of images: `encode`, `classifier`, `width`.

    `stages` gives the feature maps on the way, and `pool` makes of the last of them what the classifier sees. A method
    that wants both takes the stages first and pools the last one: one forward pass, and no hooks, which copies of a
    model and compiled ones lose.

    Args:
        preset: full name, for `config`.
        width: of what the classifier sees.
        in_features: channels of the images.
        classes: how many it tells apart.
        device: where the parameters live.
    """

    # What was known of the data when it was taught; None where nobody said.
    prior: Prior | None = None

    def __init__(self, preset: str, width: int, in_features: int, classes: int, device: torch.device) -> None:
        super().__init__()
        self.preset = preset
        self.width = width
        self.in_features = in_features
        self.classes = classes
        self.classifier = nn.Linear(width, classes, device=device)

    def config(self) -> ModelConfig:
        """Plain values from which `acgkd.models.build_model` makes the same module."""
        return {"preset": self.preset, "in_features": self.in_features, "classes": self.classes}

    @abstractmethod
    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The feature maps at the end of each stage of the network, first to last.

        Shapes:
            x: ``[images, channels, height, width]``; returns: each ``[images, maps, height, width]``
        """

    def before_pool(self, last: Tensor) -> Tensor:
        """The last stage's maps as `pool` reads them: as they are, unless something still stands between.

        Shapes:
            last: ``[images, maps, height, width]``, which is returned
        """
        return last

    @abstractmethod
    def pool(self, last: Tensor) -> Tensor:
        """What the classifier sees, from the feature maps of the last stage.

        Shapes:
            last: ``[images, maps, height, width]``; returns: ``[images, width]``
        """

    def encode(self, x: Tensor) -> Tensor:
        """What the classifier sees.

        Shapes:
            x: ``[images, channels, height, width]``; returns: ``[images, width]``
        """
        return self.pool(self.stages(x)[-1])

    def forward(self, x: Tensor, *, normalised: bool = False) -> Tensor:
        """Class scores of each image.

        Args:
            x: pixels of 0 to 1 (or bytes), which are standardised as `prior` says; as they are where there is none.
            normalised: whether they are standardised already.

        Shapes:
            x: ``[images, channels, height, width]``; returns: ``[images, classes]``
        """
        if not normalised and isinstance(self.prior, ImagePrior):
            x = standardised(x, self.prior.mean, self.prior.std)
        scores: Tensor = self.classifier(self.encode(x))
        return scores


def through(groups: nn.ModuleList, x: Tensor) -> tuple[Tensor, ...]:
    """The output of each group, every one fed with the one before."""
    outputs = []
    for group in groups:
        x = group(x)
        outputs.append(x)
    return tuple(outputs)


def convolution(in_maps: int, maps: int, size: int, stride: int, device: torch.device) -> nn.Conv2d:
    """A convolution that keeps the size of its input, or halves it with a stride of 2; a norm follows: no bias."""
    return nn.Conv2d(in_maps, maps, size, stride=stride, padding=size // 2, bias=False, device=device)
