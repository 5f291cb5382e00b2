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

from pydantic import Field

from acgkd.method import ImageContext, Method, MethodRun, Variant
from acgkd.settings.image_transfer import ImageTransferConfig
from acgkd.settings.learned_pixels import DeepInversionSynthesisConfig
from acgkd.settings.recipe import OneRecipeConfig, with_compact
from acgkd.settings.transfer_stage import TemperatureConfig


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


def _adaptive(config: DeepInversionConfig) -> bool:
    return config.synthesis.adversarial_weight > 0


def _start(config: DeepInversionConfig, context: ImageContext) -> MethodRun:
    from acgkd.synthesis.images.deep_inversion import DeepInversion
    from acgkd.synthesis.restarts import restarted_images
    from acgkd.transfer.teaching import teach_images

    stage = config.synthesis
    synthesis = restarted_images(lambda drawn: DeepInversion(stage, drawn), context, stage.restarts)
    return teach_images(synthesis, config.transfer, context, joint=_adaptive(config))


SOURCE = "Yin et al. (2020), arXiv:1912.08795; released code 2413af1"
METHOD = Method(
    config=DeepInversionConfig,
    modality="images",
    start=_start,
    needs_student=_adaptive,
    variants=with_compact(
        Variant("released", "released code", SOURCE),
        Variant("paper", "paper", f"{SOURCE}, its README", {"synthesis": {"statistics_weight": 10.0, "rate": 0.05}}),
    ),
)
