"""The lower control of images: noise, taught as every method teaches. What a method gains, it gains over this."""

from acgkd.method import ImageContext, Method, MethodRun
from acgkd.settings.generators import NoiseSynthesisConfig
from acgkd.settings.image_transfer import SoftTransferConfig
from acgkd.settings.recipe import OneRecipeConfig


class NoiseConfig(OneRecipeConfig):
    """Settings of the control."""

    synthesis: NoiseSynthesisConfig = NoiseSynthesisConfig()
    transfer: SoftTransferConfig = SoftTransferConfig()


def _start(config: NoiseConfig, context: ImageContext) -> MethodRun:
    from acgkd.synthesis.images.noise import Noise
    from acgkd.transfer.teaching import teach_images

    return teach_images(Noise(config.synthesis, context, pool=config.transfer.pool), config.transfer, context)


METHOD = Method(config=NoiseConfig, modality="images", start=_start, lower_control=True)
