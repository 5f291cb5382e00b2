"""MSKD: DAFL whose generator also seeks modes; a baseline of the RDSKD paper.

    L_G = that of DAFL + w_ms / (mean|x₂ − x₁| / mean|z₂ − z₁| + 1e-5), the batch compared by halves

No code of it was released and the paper's definition could not be obtained: this is how it is commonly described, with
the mode-seeking term of MSGAN at its weight there, 1. Whether the paper taught the student beside the generator, as
DAFL does, is not known either; `joint: false` teaches it afterwards.
Source: Han, Park, Wang and Liu (2021), arXiv:2011.03749; Mao et al. (2019), arXiv:1903.05628.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from acgkd.method import ImageContext, Method, MethodRun, Variant
from acgkd.methods.dafl import DaflSynthesisConfig, DaflTransferConfig, dafl_terms, start_by
from acgkd.settings.generators import GeneratedMethodConfig, taught_beside
from acgkd.settings.recipe import with_compact

if TYPE_CHECKING:
    from torch import Tensor

    from acgkd.synthesis.images.generation import Made


class MskdSynthesisConfig(DaflSynthesisConfig):
    """How the generator is trained: as DAFL's, with one term more.

    Args:
        mode_seeking_weight: weight of the mode-seeking term.
    """

    mode_seeking_weight: float = Field(default=1.0, ge=0)


class MskdConfig(GeneratedMethodConfig):
    """Settings of MSKD."""

    synthesis: MskdSynthesisConfig = MskdSynthesisConfig()
    transfer: DaflTransferConfig = DaflTransferConfig()


def mskd_terms(how: MskdSynthesisConfig) -> "Callable[[Made], dict[str, Tensor]]":
    """The losses of MSKD's generator, and their weighted sum ``loss``, of what it made in one step."""
    from acgkd.images.image_losses import mode_seeking_loss

    without = dafl_terms(how)

    def terms(made: "Made") -> "dict[str, Tensor]":
        of_dafl = without(made)
        (x, other_x), (z, other_z) = made.x.chunk(2), made.latents.chunk(2)
        mode_seeking = mode_seeking_loss(x, other_x, z, other_z)
        total = of_dafl["loss"] + how.mode_seeking_weight * mode_seeking
        return {**of_dafl, "loss": total, "mode_seeking": mode_seeking}

    return terms


def _start(config: MskdConfig, context: ImageContext) -> MethodRun:
    return start_by(mskd_terms(config.synthesis), config, context)


METHOD = Method(
    config=MskdConfig,
    modality="images",
    start=_start,
    needs_student=taught_beside,
    variants=with_compact(
        Variant("as described", "ours", "no code was released, and the paper's definition could not be obtained")
    ),
)
