"""DFAD: student and generator play against each other over the teacher's logits, for images.

    5 steps of the student      minimise the mean |S(x) − T(x)|, x = G(z), each of fresh noise
    1 step of the generator     maximise it

Defaults are the released code's for MNIST. For CIFAR it says 125,000 steps of the student on 256 images, `{rate: 0.1,
weight_decay: 5e-4, decay: steps, decay_at: [0.2, 0.4]}`, which the generator's rate follows, and `latent: 256`. Figures
it reports are the best over epochs on test; here the last student is the result.
Source: Fang et al. (2019), arXiv:1912.11006; released code c161591.
"""

from typing import Literal

from pydantic import Field

from acgkd.method import ImageContext, Method, MethodRun, Variant, always
from acgkd.settings.choices import Decay
from acgkd.settings.generators import GeneratorConfig
from acgkd.settings.image_game import PlayingGeneratorConfig, PlayingStudentConfig
from acgkd.settings.recipe import OneRecipeConfig, with_compact


class DfadGeneratorConfig(GeneratorConfig):
    """What the generator is: DAFL's, with the usual eps."""

    latent: int | None = Field(default=100, ge=1)
    eps: float = Field(default=1e-5, gt=0)


class DfadSynthesisConfig(PlayingGeneratorConfig):
    """How the generator plays."""

    generator: DfadGeneratorConfig = DfadGeneratorConfig()


class DfadTransferConfig(PlayingStudentConfig):
    """How the student plays: released, 40 epochs of 50 turns."""

    steps: int = Field(default=10_000, ge=1)
    rate: float = Field(default=0.01, gt=0)
    optimizer: Literal["adam", "sgd"] = "sgd"
    weight_decay: float = Field(default=1e-4, ge=0)
    decay: Decay = "none"
    distance: Literal["kl", "logits"] = "logits"


class DfadConfig(OneRecipeConfig):
    """Settings of DFAD."""

    synthesis: DfadSynthesisConfig = DfadSynthesisConfig()
    transfer: DfadTransferConfig = DfadTransferConfig()


def _start(config: DfadConfig, context: ImageContext) -> MethodRun:
    from acgkd.synthesis.images.game import ImageGame

    return ImageGame(config.synthesis, config.transfer, context)


SOURCE = "Fang et al. (2019), arXiv:1912.11006; released code c161591"
ON_CIFAR: dict[str, dict[str, object]] = {
    "synthesis": {"generator": {"latent": 256}},
    "transfer": {
        "steps": 125_000,
        "batch_size": 256,
        "rate": 0.1,
        "weight_decay": 5e-4,
        "decay": "steps",
        "decay_at": [0.2, 0.4],
    },
}
METHOD = Method(
    config=DfadConfig,
    modality="images",
    start=_start,
    needs_student=always,
    variants=with_compact(
        Variant("MNIST", "released code", SOURCE), Variant("CIFAR-10", "released code", SOURCE, ON_CIFAR)
    ),
)
