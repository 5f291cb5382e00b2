"""ZSKD: data impressions, images whose softened answers are drawn by how alike the teacher's classes are.

    s_c     cosines of class c's weights with every class's in the teacher's last layer, brought to 0 to 1
    y       ~ Dirichlet(β s_c + 0.0001), β = 1 for one half of the images of a class and 0.1 for the other
    L(x)    = CE(y, softmax(T(x) / τ)), τ = 20; after every step the batch is stretched from black to white
    then    the student learns from the images, scaled, moved, turned and flipped: τ² KL(T ‖ S), τ = 20

There is no generator, and BatchNorm statistics are not looked at. Stretched pixels are learned as they are stored, from
0 to 1, so that the rate of 0.001 is a thousandth of the way from black to white whatever the teacher's preprocessing.
Defaults are those of the released code, which does CIFAR-10 only, but for two things. Just before it draws it brings
rows to 0 to 1 once more, which undoes the β that it means to use (`second_concentration: 1` does the same); and a batch
begins with the images of the one before, where here each begins anew. It keeps the student that is best on test; here
the last one is the result. Those who did it again on MNIST let pixels be (`free`), at a `rate` of 3 and a
`square_weight` of 0.001.
Source: Nayak et al. (2019), arXiv:1905.08114; released code 54c855f.
"""

from pydantic import Field

from acgkd.method import ImageContext, Method, MethodRun, Variant
from acgkd.settings.image_transfer import ImageTransferConfig
from acgkd.settings.learned_pixels import ZskdSynthesisConfig
from acgkd.settings.recipe import OneRecipeConfig, with_compact
from acgkd.settings.transfer_stage import TemperatureConfig


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


def _start(config: ZskdConfig, context: ImageContext) -> MethodRun:
    from acgkd.synthesis.images.impressions import Impressions
    from acgkd.synthesis.restarts import restarted_images
    from acgkd.transfer.teaching import teach_images

    stage = config.synthesis
    synthesis = restarted_images(lambda drawn: Impressions(stage, drawn), context, stage.restarts)
    return teach_images(synthesis, config.transfer, context)


SOURCE = "Nayak et al. (2019), arXiv:1905.08114; released code 54c855f"
METHOD = Method(
    config=ZskdConfig,
    modality="images",
    start=_start,
    variants=with_compact(
        Variant("released", "released code", f"{SOURCE}; the second concentration as the paper means it"),
        Variant("as run", "released code", f"{SOURCE}, slip included", {"synthesis": {"second_concentration": 1.0}}),
        Variant(
            "free pixels",
            "port",
            "those who did it again on MNIST",
            {"synthesis": {"pixels": "free", "rate": 3.0, "square_weight": 0.001}},
        ),
    ),
)
