"""ZSKD: data impressions, images whose softened answers are drawn by how alike the teacher's classes are.

    s_c     cosines of class c's weights with every class's in the teacher's last layer, brought to 0 to 1
    y       ~ Dirichlet(β s_c + 0.0001), β = 1 for one half of the images of a class and 0.1 for the other
    L(x)    = CE(y, softmax(T(x) / τ)), τ = 20; after every step the batch is stretched from black to white
    then    the student learns from the images, scaled, moved, turned and flipped: τ² KL(T ‖ S), τ = 20

There is no generator, and BatchNorm statistics are not looked at. Defaults are those of the released code, which does
CIFAR-10 only, but for two things. Just before it draws it brings rows to 0 to 1 once more, which undoes the β that it
means to use (`second_concentration: 1` does the same); and a batch begins with the images of the one before, where
here each begins anew. It keeps the student that is best on test; here the last one is the result. Those who did it
again on MNIST let pixels be (`free`), at a `rate` of 3 and a `square_weight` of 0.001.
Source: Nayak et al. (2019), arXiv:1905.08114; released code 54c855f.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from acgkd.images import IMAGES, ImageBatch
from acgkd.method import Method, MethodContext, MethodRun
from acgkd.synthesis.data_impressions import class_similarities, dirichlet
from acgkd.synthesis.image_variation import placements, varied
from acgkd.synthesis.pixel_learning import PixelLearning, PixelsConfig, PooledImages, start_pixels
from acgkd.transfer.image_transfer import ImageTransferConfig, compacted
from acgkd.transfer.recipe import OneRecipeConfig
from acgkd.transfer.transfer import Samples, TemperatureConfig

# What the released code adds to concentrations.
LEAST = 1e-4
# The least range of pixels that is divided by.
SMALLEST = 1e-12
COMPACT: Mapping[str, Any] = {"images": 512, "batch_size": 128, "steps": 200, "rate": 0.03}


class ZskdSynthesisConfig(PixelsConfig):
    """How impressions are made: released, 40,000 of them.

    Args:
        concentration: β of one half of the images of a class; the smaller it is, the surer is what is drawn.
        second_concentration: β of the other half.
        temperature: τ, by which the teacher's answers are softened before they are compared.
        pixels: `stretched`, at first even between black and white, and after every step the least pixel of the batch is
            black and the largest white; or `free`, at first N(0, 1) as the teacher reads it, and then as they come.
        square_weight: of half an image's summed squares, as the teacher reads it, averaged over images.
    """

    images: int = Field(default=40_000, ge=2)
    batch_size: int = Field(default=100, ge=2)
    steps: int = Field(default=1500, ge=1)
    rate: float = Field(default=0.001, gt=0)
    concentration: float = Field(default=1.0, gt=0)
    second_concentration: float = Field(default=0.1, gt=0)
    temperature: float = Field(default=20.0, gt=0)
    pixels: Literal["stretched", "free"] = "stretched"
    square_weight: float = Field(default=0.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, values: Any) -> Any:
        return compacted(values, COMPACT)


class ZskdTemperatureConfig(TemperatureConfig):
    """Softening of the logits: 20."""

    value: float = Field(default=20.0, gt=0)


class ZskdTransferConfig(ImageTransferConfig):
    """How the student is taught: released, 500 times with each impression, `resampled` varied, `fixed` as it is."""

    steps: int = Field(default=312_500, ge=1)
    batch_size: int = Field(default=64, ge=2)
    rate: float = Field(default=0.001, gt=0)
    temperature: ZskdTemperatureConfig = ZskdTemperatureConfig()


class ZskdConfig(OneRecipeConfig):
    """Settings of ZSKD."""

    synthesis: ZskdSynthesisConfig = ZskdSynthesisConfig()
    transfer: ZskdTransferConfig = ZskdTransferConfig()


class VariedImages(PooledImages):
    """Images of a pool, each varied anew at each draw; the teacher is asked anew what it is."""

    def __init__(self, learning: "Impressions", generator: torch.Generator) -> None:
        super().__init__(learning, None)
        self._ways = placements().to(learning.context.device)
        self._variation = generator

    def draw(self, indices: Tensor) -> ImageBatch:
        """The images at `indices`, varied."""
        x = super().draw(indices).x
        return ImageBatch(varied(x - self._black, self._ways, self._variation) + self._black)


class Impressions(PixelLearning):
    """The data impressions.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.

    Raises:
        TeacherError: the teacher's last layer is not linear.
    """

    def __init__(self, config: ZskdSynthesisConfig, context: MethodContext) -> None:
        self._how = config
        prior, device = context.prior, context.device
        self._mean, self._std = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in (prior.mean, prior.std))
        similarities = class_similarities(context.teacher)
        super().__init__(config, context)
        second = torch.arange(config.images, device="cpu") // prior.classes % 2 == 1
        scale = torch.full((config.images, 1), config.concentration, dtype=torch.double, device="cpu")
        scale[second] = config.second_concentration
        # The same at each start: what is taken up needs none of it told.
        answers = dirichlet(scale * similarities[self.labels] + LEAST, context.streams.host("answers"))
        # Most images of a class are to be answered with one that is like it.
        self.labels = answers.argmax(dim=1)
        self._targets = self.labels.to(device)
        self.answers = answers.to(device, torch.float)

    def begin(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """What the images are before they are learned.

        Shapes:
            returns: `shape`, ``[images, channels, height, width]``
        """
        if self._how.pixels == "free":
            return super().begin(shape, generator)
        return (torch.rand(shape, generator=generator, device=self.context.device) - self._mean) / self._std

    def terms(self, x: Tensor, part: slice, student: nn.Module | None) -> dict[str, Tensor]:
        """The terms of the loss, and their weighted sum ``loss``."""
        how = self._how
        logits = IMAGES.logits(self.context.teacher, ImageBatch(x))
        entropy = F.cross_entropy(logits / how.temperature, self.answers[part])
        squares = x.square().sum() / (2 * x.shape[0])
        return {"loss": entropy + how.square_weight * squares, "cross_entropy": entropy, "squares": squares}

    def moved(self, x: Tensor) -> Tensor:
        """From black to white, where that is asked for; one range for all images and channels, as released."""
        if self._how.pixels == "free":
            return x
        pixels = x * self._std + self._mean
        lowest, highest = pixels.amin(), pixels.amax()
        return ((pixels - lowest) / (highest - lowest).clamp_min(SMALLEST) - self._mean) / self._std

    def source(self, samples: Samples) -> PooledImages:
        """The pool: `fixed`, its images as they are, or `resampled`, each varied anew at each draw."""
        if samples == "fixed":
            return super().source(samples)
        return VariedImages(self, self.context.streams.generator("transfer-draws"))


def _start(config: ZskdConfig, context: MethodContext) -> MethodRun:
    return start_pixels(Impressions(config.synthesis, context), config.transfer, context, joint=False)


METHOD = Method(config=ZskdConfig, modality="images", start=_start)
