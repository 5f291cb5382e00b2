"""Fast data-free distillation: a generator that learns to be tuned to a few images in a few steps, and a pool of these.

    each round      φ ← θ, noise z and classes y drawn anew; k steps of Adam on φ and z, which minimise
                    w_oh CE(T(x), y) + w_bn Σ_l statistics − w_adv KL(T ‖ S) where both say the same, x = G_φ(z)
                    the x of the lowest loss join the pool; θ moves once, by φ's gradients of all k steps
    between rounds  the student learns from the pool: τ² KL(T ‖ S), τ = 20, images cropped and mirrored

The first `warm_up` rounds come at once; each of the others begins a stretch of the student's steps. The last warm one
is the first to look at the student, untaught as it is. Before round 140 the first layer of θ and the scales of its
BatchNorm are drawn anew, both from N(0, 0.02) as released. Defaults are the released script's for wide residual
networks with k = 5; k = 2 goes with `{rate: 0.005, latent_rate: 0.015}`, k = 10 with `{rate: 0.002}`. There the
student's rate ends at 0.0002, here at 0. It keeps the student that is best on test; here the last one counts. REPTILE
is left out.
Source: Fang et al. (2022), arXiv:2112.06253; released code 0dcecbc.
"""

from typing import Literal

from pydantic import Field, model_validator

from acgkd.errors import ConfigError
from acgkd.method import ImageContext, Method, MethodRun, Variant, always
from acgkd.settings.choices import Augmentation, Decay
from acgkd.settings.fast_rounds import FastSynthesisConfig
from acgkd.settings.image_transfer import ImageTransferConfig
from acgkd.settings.recipe import OneRecipeConfig, with_compact
from acgkd.settings.transfer_stage import TemperatureConfig


class FastTemperatureConfig(TemperatureConfig):
    """Softening of the logits: 20."""

    value: float = Field(default=20.0, gt=0)


class FastTransferConfig(ImageTransferConfig):
    """How the student is taught with the pool: released, 200 epochs of 400 steps.

    Args:
        augment: what happens to images of the pool each time they are shown.
    """

    steps: int = Field(default=80_000, ge=1)
    batch_size: int = Field(default=256, ge=2)
    rate: float = Field(default=0.2, gt=0)
    optimizer: Literal["adam", "sgd"] = "sgd"
    weight_decay: float = Field(default=1e-4, ge=0)
    decay: Decay = "cosine"
    temperature: FastTemperatureConfig = FastTemperatureConfig()
    augment: Augmentation = "crop_flip"

    @model_validator(mode="after")
    def _a_pool_that_grows(self) -> "FastTransferConfig":
        if self.samples == "fixed":
            raise ConfigError("`samples: fixed` needs a set that is whole, but this pool grows; use `resampled`.")
        if self.curriculum.pacing != "none":
            raise ConfigError("A curriculum needs a set that is whole, but this pool grows; use `pacing: none`.")
        return self


class FastConfig(OneRecipeConfig):
    """Settings of the method."""

    synthesis: FastSynthesisConfig = FastSynthesisConfig()
    transfer: FastTransferConfig = FastTransferConfig()


def _start(config: FastConfig, context: ImageContext) -> MethodRun:
    from acgkd.images import IMAGES
    from acgkd.synthesis.images.rounds import FastRounds
    from acgkd.transfer.transfer import Transfer
    from acgkd.transfer.two_phase import WarmedUp

    synthesis = FastRounds(config.synthesis, context, augment=config.transfer.augment)
    transfer = Transfer(config.transfer, context, IMAGES)
    return WarmedUp(synthesis, transfer, first=config.synthesis.warm_up, samples=config.transfer.samples)


SOURCE = "Fang et al. (2022), arXiv:2112.06253; released code 0dcecbc"
METHOD = Method(
    config=FastConfig,
    modality="images",
    start=_start,
    needs_student=always,
    variants=with_compact(
        Variant("5 steps a round", "released code", SOURCE),
        Variant(
            "2 steps a round",
            "released code",
            SOURCE,
            {"synthesis": {"inner_steps": 2, "rate": 0.005, "latent_rate": 0.015}},
        ),
        Variant("10 steps a round", "released code", SOURCE, {"synthesis": {"inner_steps": 10, "rate": 0.002}}),
    ),
)
