"""Noise as images, or what an untrained generator makes: a synthesis without steps."""

from collections.abc import Mapping

from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.method import ImageContext
from acgkd.settings.generators import NoiseSynthesisConfig
from acgkd.synthesis.images.generation import build_generator
from acgkd.synthesis.images.sources import PART, ImageMaker
from acgkd.transfer.recalibration import recalibrate

# Batches of `PART` images over which an untrained generator's BatchNorm layers measure their memory.
MEMORY_BATCHES = 4


class Noise(ImageMaker):
    """A synthesis without steps, from which transfer draws noise.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
        pool: how many images the source of transfer holds.
    """

    steps = 0

    def __init__(self, config: NoiseSynthesisConfig, context: ImageContext, *, pool: int) -> None:
        if config.source == "noise":
            super().__init__(nn.Identity(), context.prior.shape, context, pool=pool)
            return
        generator = build_generator(config.generator, context)
        super().__init__(generator, (generator.latent,), context, pool=pool)
        # At rest, an untrained one would standardise by a memory that it does not have.
        batches = (self.latents(PART, "generator-memory") for _ in range(MEMORY_BATCHES))
        recalibrate(generator, generator.forward, batches)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """There is none to do."""
        raise ConfigError("`noise` has no synthesis step.")
