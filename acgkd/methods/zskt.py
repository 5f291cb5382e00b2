"""ZSKT: a generator seeks images on which student and teacher differ, and the student learns them, attention included.

    for each batch of noise z, kept for the whole turn:
        1 step of the generator     minimise −KL(T ‖ S) on G(z)
        10 steps of the student     minimise KL(T ‖ S) + β Σ_l |a_l(T) − a_l(S)|², a_l a stage's normalised attention

Divergences are means over images and classes, at temperature 1: β = 250 belongs to that scale. Defaults are those of
the released scripts for CIFAR-10: 80,000 batches, both rates cosine to 0, both gradients clipped at 5. Its README says
that attention gains some 2 % and may be left out: `attention_weight: 0`. Its numbers in the first two versions of the
paper are low, as BatchNorm was trained wrongly. With `one_hot_weight`, `balance_weight` and `statistics_weight` of 1,
20 and 1 the generator has DFQ's terms.
Source: Micaelli and Storkey (2019), arXiv:1905.09768; released code e24915d. DFQ as in DataFree 9e79fa9.
"""

from typing import Literal

from pydantic import Field

from acgkd.method import ImageContext, Method, MethodRun, Variant, always
from acgkd.settings.choices import Decay, Ending
from acgkd.settings.generators import GeneratorConfig
from acgkd.settings.image_game import PlayingGeneratorConfig, PlayingStudentConfig
from acgkd.settings.recipe import OneRecipeConfig, with_compact


class ZsktGeneratorConfig(GeneratorConfig):
    """What the generator is: one that ends in a BatchNorm with parameters, without tanh."""

    latent: int | None = Field(default=100, ge=1)
    ending: Ending = "norm"
    eps: float = Field(default=1e-5, gt=0)


class ZsktSynthesisConfig(PlayingGeneratorConfig):
    """How the generator plays."""

    clip: float | None = Field(default=5.0, gt=0)
    noise: Literal["kept", "fresh"] = "kept"
    generator: ZsktGeneratorConfig = ZsktGeneratorConfig()


class ZsktTransferConfig(PlayingStudentConfig):
    """How the student plays."""

    steps: int = Field(default=800_000, ge=1)
    turn: int = Field(default=10, ge=1)
    batch_size: int = Field(default=128, ge=2)
    decay: Decay = "cosine"
    attention_weight: float | None = Field(default=None, ge=0)
    clip: float | None = Field(default=5.0, gt=0)


class ZsktConfig(OneRecipeConfig):
    """Settings of ZSKT."""

    synthesis: ZsktSynthesisConfig = ZsktSynthesisConfig()
    transfer: ZsktTransferConfig = ZsktTransferConfig()


def _start(config: ZsktConfig, context: ImageContext) -> MethodRun:
    from acgkd.synthesis.images.game import ImageGame

    return ImageGame(config.synthesis, config.transfer, context)


SOURCE = "Micaelli and Storkey (2019), arXiv:1905.09768; released code e24915d"
METHOD = Method(
    config=ZsktConfig,
    modality="images",
    start=_start,
    needs_student=always,
    variants=with_compact(
        Variant("released", "released code", SOURCE),
        Variant(
            "without attention",
            "released code",
            f"{SOURCE}, as its README allows",
            {"transfer": {"attention_weight": 0}},
        ),
    ),
)
