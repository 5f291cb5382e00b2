"""The lower control of images: noise, taught as every method teaches. What a method gains, it gains over this."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator
from torch import Tensor, nn

from acgkd.config import Config
from acgkd.errors import ConfigError
from acgkd.images import IMAGES
from acgkd.method import Method, MethodContext, MethodRun
from acgkd.synthesis.image_generation import GeneratorConfig, build_generator
from acgkd.synthesis.image_sources import PART, ImageMaker
from acgkd.transfer.image_transfer import Recipe, SoftTransferConfig, compacted
from acgkd.transfer.recalibration import recalibrate
from acgkd.transfer.recipe import OneRecipeConfig
from acgkd.transfer.transfer import Transfer
from acgkd.transfer.two_phase import TwoPhase

# Batches of `PART` images over which an untrained generator's BatchNorm layers measure their memory.
MEMORY_BATCHES = 4


class NoiseSynthesisConfig(Config):
    """Where images come from; nothing is learned about them.

    Args:
        recipe: what is not said is `released`, or `compact`: a generator of width 32.
        source: `noise`, every pixel from N(0, 1) as the teacher reads it; `generator`, what an untrained one makes.
        generator: of `source: generator`.
    """

    recipe: Recipe = "released"
    source: Literal["noise", "generator"] = "noise"
    generator: GeneratorConfig = GeneratorConfig()

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, values: Any) -> Any:
        return compacted(values, {"generator": {"width": 32}})


class NoiseConfig(OneRecipeConfig):
    """Settings of the control."""

    synthesis: NoiseSynthesisConfig = NoiseSynthesisConfig()
    transfer: SoftTransferConfig = SoftTransferConfig()


class Noise(ImageMaker):
    """A synthesis without steps, from which transfer draws noise.

    Args:
        config: its settings.
        context: teacher, prior, streams, device.
        pool: how many images the source of transfer holds.
    """

    steps = 0

    def __init__(self, config: NoiseSynthesisConfig, context: MethodContext, *, pool: int) -> None:
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


def _start(config: NoiseConfig, context: MethodContext) -> MethodRun:
    return TwoPhase(
        Noise(config.synthesis, context, pool=config.transfer.pool),
        lambda: Transfer(config.transfer, context, IMAGES),
        student=context.student,
        transfer_steps=config.transfer.steps,
        samples=config.transfer.samples,
    )


METHOD = Method(config=NoiseConfig, modality="images", start=_start, lower_control=True)
