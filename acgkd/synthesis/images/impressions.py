"""ZSKD's images: pixels to be answered with draws by how alike the teacher's classes are, shown in many ways."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.images import IMAGES, ImageBatch
from acgkd.method import ImageContext
from acgkd.settings.choices import PseudoSamples
from acgkd.settings.learned_pixels import ZskdSynthesisConfig
from acgkd.synthesis.images.class_similarities import class_similarities, dirichlet
from acgkd.synthesis.images.pixel_learning import PixelLearning, PooledImages
from acgkd.synthesis.images.variation import placements, varied

# What the released code adds to concentrations.
LEAST = 1e-4
# The least range of pixels that is divided by.
SMALLEST = 1e-12


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
    """The data impressions; where pixels are stretched, they are learned as pixels of 0 to 1, whose rate is released.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.

    Raises:
        TeacherError: the teacher's last layer is not linear.
    """

    def __init__(self, config: ZskdSynthesisConfig, context: ImageContext) -> None:
        self._how = config
        prior, device = context.prior, context.device
        self._mean, self._std = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in (prior.mean, prior.std))
        similarities = class_similarities(context.teacher)
        super().__init__(config, context)
        second = torch.arange(config.images, device="cpu") // prior.classes % 2 == 1
        scale = torch.full((config.images, 1), config.concentration, dtype=torch.double, device="cpu")
        scale[second] = config.second_concentration
        # The same at each start, so a checkpoint need not hold it.
        answers = dirichlet(scale * similarities[self.labels] + LEAST, context.streams.host("answers"))
        # Most images of a class are to be answered with one that is like it.
        self.labels = answers.argmax(dim=1)
        self._targets = self.labels.to(device)
        self.answers = answers.to(device, torch.get_default_dtype())

    def read(self, x: Tensor) -> Tensor:
        """Images as the teacher reads them: pixels of 0 to 1 standardised, free ones as they are."""
        return x if self._how.pixels == "free" else (x - self._mean) / self._std

    def begin(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """What is learned, before it is learned: even between black and white, or N(0, 1).

        Shapes:
            returns: `shape`, ``[images, channels, height, width]``
        """
        if self._how.pixels == "free":
            return super().begin(shape, generator)
        return torch.rand(shape, generator=generator, device=self.context.device)

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
        lowest, highest = x.amin(), x.amax()
        return (x - lowest) / (highest - lowest).clamp_min(SMALLEST)

    def source(self, samples: PseudoSamples) -> PooledImages:
        """The pool: `fixed`, its images as they are, or `resampled`, each varied anew at each draw."""
        if samples == "fixed":
            return super().source(samples)
        return VariedImages(self, self.context.streams.generator("transfer-draws"))
