"""DeepInversion: images whose pixels fit what the teacher's BatchNorm layers remember; adaptive, beside a student.

    L(x) = CE(T(x̃), y) + w_tv TV(x̃) + w_2 ‖x̃‖₂ + w_bn Σ_l (‖μ_l − μ_run‖₂ + ‖σ²_l − σ²_run‖₂) + w_a (1 − D(T, S))
    x̃: x rolled by a few pixels, anew at each step; D between answers at τ = 3, the student at rest

Defaults are those of the released CIFAR script; the paper's are, as its README says, `statistics_weight: 10` and `rate:
0.05`. The script makes one batch and no student: the pool's size here is the usual benchmark's, 200 batches (its
authors speak of 1,000), and the student's temperature of 3 is their word in the repository's discussions. With
`adversarial_weight` the pool grows beside the student, batch by batch, and the student is taught with what is there.
D is by default not the paper's Jensen-Shannon divergence but what the code has in its place, with the divergences taken
from the mean answer; `divergence: jensen_shannon` is the paper's.
A teacher without BatchNorm leaves cross entropy and the image priors alone.
Source: Yin et al. (2020), arXiv:1912.08795; released code 2413af1.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from acgkd.batch_norm import BatchNormStatistics, Statistic
from acgkd.images import IMAGES, ImageBatch
from acgkd.images.image_losses import Overlap, answer_overlap, total_variation
from acgkd.method import Method, MethodContext, MethodRun
from acgkd.synthesis.pixel_learning import PixelLearning, PixelsConfig, start_pixels
from acgkd.transfer.image_transfer import ImageTransferConfig, compacted
from acgkd.transfer.recipe import OneRecipeConfig
from acgkd.transfer.transfer import TemperatureConfig

COMPACT: Mapping[str, Any] = {"images": 512, "batch_size": 128, "steps": 200}


class DeepInversionSynthesisConfig(PixelsConfig):
    """How the images are learned.

    Args:
        statistics_weight: of the distance between BatchNorm's memory and what it sees.
        statistics: that distance.
        variation_weight: of the differences between neighbouring pixels.
        variation: `norm` over each of four directions, as released, or `mean` magnitude.
        square_weight: of the batch's norm.
        jitter: largest roll either way, in pixels.
        flip: mirror the whole batch at every second step or so.
        clip: keep pixels between black and white.
        adversarial_weight: of agreement with the student; above 0 the pool is learned beside it.
        divergence: what agreement is measured by, `released` or `jensen_shannon`; see `acgkd.images.image_losses`.
    """

    statistics_weight: float = Field(default=100.0, ge=0)
    statistics: Statistic = "norm"
    variation_weight: float = Field(default=2.5e-5, ge=0)
    variation: Literal["norm", "mean"] = "norm"
    square_weight: float = Field(default=0.0, ge=0)
    jitter: int = Field(default=2, ge=0)
    flip: bool = False
    clip: bool = False
    adversarial_weight: float = Field(default=0.0, ge=0)
    divergence: Overlap = "released"

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, values: Any) -> Any:
        return compacted(values, COMPACT)


class AuthorsTemperatureConfig(TemperatureConfig):
    """Softening of the logits: 3, as the authors say they did."""

    value: float = Field(default=3.0, gt=0)


class DeepInversionTransferConfig(ImageTransferConfig):
    """How the student is taught: with images of the pool, `resampled` cropped and mirrored, `fixed` as they are."""

    batch_size: int = Field(default=256, ge=2)
    temperature: AuthorsTemperatureConfig = AuthorsTemperatureConfig()


class DeepInversionConfig(OneRecipeConfig):
    """Settings of DeepInversion."""

    synthesis: DeepInversionSynthesisConfig = DeepInversionSynthesisConfig()
    transfer: DeepInversionTransferConfig = DeepInversionTransferConfig()


class DeepInversion(PixelLearning):
    """The images of DeepInversion.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
    """

    def __init__(self, config: DeepInversionSynthesisConfig, context: MethodContext) -> None:
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


def _adaptive(config: DeepInversionConfig) -> bool:
    return config.synthesis.adversarial_weight > 0


def _start(config: DeepInversionConfig, context: MethodContext) -> MethodRun:
    return start_pixels(DeepInversion(config.synthesis, context), config.transfer, context, joint=_adaptive(config))


METHOD = Method(config=DeepInversionConfig, modality="images", start=_start, needs_student=_adaptive)
