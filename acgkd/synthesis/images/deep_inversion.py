"""DeepInversion's images: pixels that fit what the teacher's BatchNorm layers remember, and differ for the student."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.images import IMAGES, ImageBatch
from acgkd.images.image_losses import answer_overlap, total_variation
from acgkd.method import ImageContext
from acgkd.modules.batch_norm import BatchNormStatistics
from acgkd.settings.learned_pixels import DeepInversionSynthesisConfig
from acgkd.synthesis.images.pixel_learning import PixelLearning


class DeepInversion(PixelLearning):
    """The images of DeepInversion.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
    """

    def __init__(self, config: DeepInversionSynthesisConfig, context: ImageContext) -> None:
        super().__init__(config, context, joint=config.adversarial_weight > 0)
        self._how = config
        self._statistics = BatchNormStatistics(context.teacher, config.statistics)
        self._statistics.warn_if_absent(config.statistics_weight)
        prior, device = context.prior, context.device
        self._lowest, self._highest = (
            torch.tensor(ends, device=device).view(1, -1, 1, 1) for ends in (prior.lowest, prior.highest)
        )

    def _jittered(self, x: Tensor) -> Tensor:
        how, generator = self._how, self.context.streams.host("jitter")
        if how.flip and int(torch.randint(2, (), generator=generator, device="cpu")) == 1:
            x = x.flip(3)
        if how.jitter == 0:
            return x
        rows, columns = torch.randint(-how.jitter, how.jitter + 1, (2,), generator=generator, device="cpu").tolist()
        return torch.roll(x, (rows, columns), (2, 3))

    def terms(self, x: Tensor, part: slice, student: nn.Module | None) -> dict[str, Tensor]:
        """The terms of the loss, and their weighted sum ``loss``."""
        how = self._how
        seen = self._jittered(x)
        with self._statistics.listening():
            logits = IMAGES.logits(self.context.teacher, ImageBatch(seen))
        entropy = F.cross_entropy(logits, self._targets[part])
        statistics = self._statistics.distance(self.context.device)
        variation = total_variation(seen, how.variation)
        loss = entropy + how.statistics_weight * statistics + how.variation_weight * variation
        loss = loss + how.square_weight * torch.linalg.vector_norm(seen)
        terms = {"cross_entropy": entropy, "statistics": statistics, "variation": variation}
        if student is not None:
            student.eval()
            output = IMAGES.logits(student, ImageBatch(seen))
            terms["agreement"] = answer_overlap(logits, output, divergence=how.divergence)
            loss = loss + how.adversarial_weight * terms["agreement"]
        return {"loss": loss, **terms}

    def moved(self, x: Tensor) -> Tensor:
        """Between black and white, where that is asked for."""
        return torch.minimum(torch.maximum(x, self._lowest), self._highest) if self._how.clip else x
