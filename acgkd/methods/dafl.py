"""DAFL: a generator to which the teacher is a fixed discriminator, and a student beside it.

    L_G = w_oh CE(T(x), argmax T(x)) + w_ie Σ_c p̄_c log₁₀ p̄_c − w_a mean|f|, f the teacher's features of x = G(z)
    L_S = KL(T(x) ‖ S(x)), on the same images; the generator never sees the student

Defaults are the released code's for MNIST, the rate of 0.2 included. For CIFAR its README says 240,000 steps of 1,024
images, `rate: 0.02`, and for the student `{optimizer: sgd, rate: 0.1, weight_decay: 5e-4, decay: steps, decay_at: [0.4,
0.8]}`; the weights are 0.05, 5 and 0.01 on CIFAR-10 (in an older copy 1, 5 and 0.1) and 0.5, 20 and 0.1 on CIFAR-100.
It keeps the student that is best on test; here the last one is the result.
Source: Chen et al. (2019), arXiv:1904.01186; released code 225ddd2.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from acgkd.method import ImageContext, Method, MethodRun, Variant
from acgkd.settings.choices import Base
from acgkd.settings.generators import COMPACT, GeneratedConfig, GeneratedMethodConfig, taught_beside
from acgkd.settings.image_transfer import GeneratedTransferConfig, UnsoftenedConfig
from acgkd.settings.recipe import compact, with_compact

if TYPE_CHECKING:
    from torch import Tensor

    from acgkd.synthesis.images.generation import Made


class DaflSynthesisConfig(GeneratedConfig):
    """How the generator is trained: released, 200 epochs of 120 steps beside the student.

    Args:
        one_hot_weight: weight of the cross entropy at the teacher's own class.
        balance_weight: of the mean answer's negative entropy.
        activation_weight: weight of the features' magnitude.
        logarithm: base of the logarithm in the entropy.
        features: of the teacher, whose magnitude is meant: its last `maps` as its pooling reads them, which for LeNet-5
            are the released 120 numbers, or the `embedding` that its classifier sees. With a `resnet` or a `wrn` it
            makes no difference.
    """

    joint: bool = True
    steps: int = Field(default=24_000, ge=1)
    rate: float = Field(default=0.2, gt=0)
    one_hot_weight: float = Field(default=1.0, ge=0)
    balance_weight: float = Field(default=5.0, ge=0)
    activation_weight: float = Field(default=0.1, ge=0)
    logarithm: Base = "10"
    features: Literal["maps", "embedding"] = "maps"

    # The student trains for as many steps as the generator.
    _recipe = compact(**{**COMPACT, "steps": 2000})


class DaflTransferConfig(GeneratedTransferConfig):
    """How the student is taught: with the images that the generator was moved by, without a temperature."""

    steps: int = Field(default=24_000, ge=1)
    temperature: UnsoftenedConfig = UnsoftenedConfig()


class DaflConfig(GeneratedMethodConfig):
    """Settings of DAFL."""

    synthesis: DaflSynthesisConfig = DaflSynthesisConfig()
    transfer: DaflTransferConfig = DaflTransferConfig()


def dafl_terms(how: DaflSynthesisConfig) -> "Callable[[Made], dict[str, Tensor]]":
    """The losses of DAFL's generator, and their weighted sum ``loss``, of what it made in one step."""
    from acgkd.images.image_losses import activation_loss, one_hot_loss
    from acgkd.losses import balance_loss

    def terms(made: "Made") -> "dict[str, Tensor]":
        one_hot, balance = one_hot_loss(made.logits), balance_loss(made.logits, how.logarithm)
        activation = activation_loss(made.maps if how.features == "maps" else made.embedding)
        total = how.one_hot_weight * one_hot + how.balance_weight * balance + how.activation_weight * activation
        return {"loss": total, "one_hot": one_hot, "balance": balance, "activation": activation}

    return terms


def start_by(
    terms: "Callable[[Made], dict[str, Tensor]]", config: GeneratedMethodConfig, context: ImageContext
) -> MethodRun:
    """The run of a generator that is trained by such terms."""
    from acgkd.synthesis.images.generation import GeneratorTraining
    from acgkd.synthesis.restarts import restarted_images
    from acgkd.transfer.teaching import teach_images

    stage, pool = config.synthesis, config.transfer.pool

    def make(drawn: ImageContext) -> GeneratorTraining:
        return GeneratorTraining(stage, drawn, terms=terms, pool=pool)

    training = restarted_images(make, context, stage.restarts)
    return teach_images(training, config.transfer, context, joint=taught_beside(config))


def _start(config: DaflConfig, context: ImageContext) -> MethodRun:
    return start_by(dafl_terms(config.synthesis), config, context)


SOURCE = "Chen et al. (2019), arXiv:1904.01186; released code 225ddd2"
# Of CIFAR, from the README.
ON_CIFAR: Mapping[str, object] = {"steps": 240_000, "batch_size": 1024, "rate": 0.02}
STUDENT: Mapping[str, object] = {
    "steps": 240_000,
    "batch_size": 1024,
    "optimizer": "sgd",
    "rate": 0.1,
    "weight_decay": 5e-4,
    "decay": "steps",
    "decay_at": [0.4, 0.8],
}


def _weights(one_hot: float, balance: float, activation: float) -> dict[str, float]:
    return {"one_hot_weight": one_hot, "balance_weight": balance, "activation_weight": activation}


METHOD = Method(
    config=DaflConfig,
    modality="images",
    start=_start,
    needs_student=taught_beside,
    variants=with_compact(
        Variant("MNIST", "released code", SOURCE),
        Variant(
            "CIFAR-10",
            "released code",
            SOURCE,
            {"synthesis": {**ON_CIFAR, **_weights(0.05, 5, 0.01)}, "transfer": STUDENT},
        ),
        Variant(
            "CIFAR-100",
            "released code",
            SOURCE,
            {"synthesis": {**ON_CIFAR, **_weights(0.5, 20, 0.1)}, "transfer": STUDENT},
        ),
    ),
)
