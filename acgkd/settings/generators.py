"""What a generator of images is, and how it is trained: first and then frozen, or side by side with the student."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from acgkd.config import Config, GrownConfig
from acgkd.errors import ConfigError
from acgkd.facts import Shape
from acgkd.settings.choices import Ending
from acgkd.settings.recipe import ImageRecipe, OneRecipeConfig, compact

# How often a generator doubles its first map.
DOUBLINGS = 2

# What the compact recipe says of every generator that is trained by itself.
COMPACT: Mapping[str, object] = {"steps": 400, "batch_size": 128, "generator": {"width": 32}}


def out_of_reach(shape: Shape) -> str:
    """Why no generator makes images of that shape; nothing where one does."""
    factor, (_, height, width) = 2**DOUBLINGS, shape
    if height % factor == 0 and width % factor == 0:
        return ""
    return (
        f"A generator doubles its map {DOUBLINGS} times, so height and width of an image must be multiples of "
        f"{factor}, but got {height} x {width}. Pad or resize the images that the teacher reads."
    )


class GeneratorConfig(Config):
    """What the generator is; see `acgkd.images.generator`.

    Args:
        latent: length of the noise; None takes 100 for one channel and 1,000 for several, as released.
        width: channels of its first maps.
        ending: how the network ends: `tanh_norm` by tanh and a BatchNorm without parameters, `norm` by a BatchNorm with
            them, `sigmoid` by pixels of 0 to 1, standardised as the teacher's are.
        eps: of the BatchNorm layers between convolutions; the released 0.8 is meant, says its author.
    """

    latent: int | None = Field(default=None, ge=1)
    width: int = Field(default=128, ge=2)
    ending: Ending = "tanh_norm"
    eps: float = Field(default=0.8, gt=0)


class GeneratedConfig(GrownConfig):
    """How a generator is trained.

    Args:
        recipe: what is not said is `released`, or `compact`: a generator of width 32, 400 steps of 128 images.
        joint: student and generator are taught side by side, with the same images, the steps of the generator spread
            evenly between those of the student; otherwise the generator comes first, and the student is taught with
            what it makes when it is done and at rest.
        steps: optimiser steps.
        batch_size: images of one step; an even number, whose halves some losses compare; BatchNorm sees them whole.
        rate: Adam's learning rate.
        first_beta: Adam's first decay rate, β₁.
        generator: what is trained.
        restarts: most further generators where one is stuck; the healthiest is kept, and all count as synthesis.
    """

    later: ClassVar[tuple[str, ...]] = ("restarts",)

    recipe: ImageRecipe = "released"
    joint: bool = False
    steps: int = Field(default=2400, ge=1)
    batch_size: int = Field(default=512, ge=4, multiple_of=2)
    rate: float = Field(default=0.001, gt=0)
    first_beta: float = Field(default=0.9, ge=0, lt=1)
    generator: GeneratorConfig = GeneratorConfig()
    restarts: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _an_end_of_its_own(self) -> "GeneratedConfig":
        if self.joint and self.restarts > 0:
            raise ConfigError(
                "`restarts > 0` needs `joint: false`: a generator beside the student has no end of its own at which "
                "another one could begin."
            )
        return self


class GeneratedMethodConfig(OneRecipeConfig):
    """Base of the settings of a method whose synthesis is a generator of its own."""

    @model_validator(mode="after")
    def _one_set_of_what_is_done(self) -> "GeneratedMethodConfig":
        if self.synthesis.joint and self.transfer.samples == "fixed":
            raise ConfigError(
                "`transfer/samples: fixed` needs a generator that is done; use it with `synthesis/joint: false`."
            )
        return self


def taught_beside(config: GeneratedMethodConfig) -> bool:
    """Whether the student is taught while the generator is trained."""
    joint: bool = config.synthesis.joint
    return joint


class NoiseSynthesisConfig(Config):
    """Where images come from; nothing is learned about them.

    Args:
        recipe: what is not said is `released`, or `compact`: a generator of width 32.
        source: `noise`, every pixel from N(0, 1) as the teacher reads it; `generator`, what an untrained one makes.
        generator: of `source: generator`.
    """

    recipe: ImageRecipe = "released"
    source: Literal["noise", "generator"] = "noise"
    generator: GeneratorConfig = GeneratorConfig()

    _recipe = compact(generator={"width": 32})
