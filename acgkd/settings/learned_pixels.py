"""How pixels themselves are learned: a pool of images, batch after batch (DeepInversion, ZSKD)."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from acgkd.config import GrownConfig
from acgkd.errors import ConfigError
from acgkd.settings.choices import Overlap, Statistic
from acgkd.settings.recipe import ImageRecipe, compact


class PixelsConfig(GrownConfig):
    """How a pool of images is learned.

    Args:
        recipe: what is not said is `released`, or `compact`: few images and steps.
        images: how many the pool holds.
        batch_size: images that are learned at a time; the last batch may have fewer.
        steps: of Adam for each batch.
        rate: Adam's learning rate.
        restarts: most further draws of a pool that is stuck; the healthiest is kept, and all count as synthesis.
    """

    later: ClassVar[tuple[str, ...]] = ("restarts",)

    recipe: ImageRecipe = "released"
    images: int = Field(default=51_200, ge=2)
    batch_size: int = Field(default=256, ge=2)
    steps: int = Field(default=2000, ge=1)
    rate: float = Field(default=0.1, gt=0)
    restarts: int = Field(default=0, ge=0)


class DeepInversionSynthesisConfig(PixelsConfig):
    """How the images are learned.

    Args:
        statistics_weight: of the distance between BatchNorm's memory and what it sees.
        statistics: that distance, of means and variances: by their norm, its square, or a Gaussian KL.
        variation_weight: of the differences between neighbouring pixels.
        variation: `norm` over each of four directions, as released, or `mean` magnitude.
        square_weight: weight of the batch's norm in the loss.
        jitter: largest roll either way, in pixels.
        flip: mirror the whole batch at every second step or so.
        clip: keep pixels between black and white.
        adversarial_weight: of agreement with the student; above 0 the pool is learned beside it.
        divergence: what agreement is measured by, `released` or `jensen_shannon`; see `acgkd.images.image_losses`.
    """

    statistics_weight: float = Field(default=100.0, ge=0)
    statistics: Statistic = "norm"
    variation_weight: float = Field(default=2.5e-5, ge=0)
    variation: Literal["norm", "mean"] = "norm"
    square_weight: float = Field(default=0.0, ge=0)
    jitter: int = Field(default=2, ge=0)
    flip: bool = False
    clip: bool = False
    adversarial_weight: float = Field(default=0.0, ge=0)
    divergence: Overlap = "released"

    _recipe = compact(images=512, batch_size=128, steps=200)

    @model_validator(mode="after")
    def _an_end_of_its_own(self) -> "DeepInversionSynthesisConfig":
        if self.adversarial_weight > 0 and self.restarts > 0:
            raise ConfigError(
                "`restarts > 0` needs `adversarial_weight: 0`: a synthesis beside the student has no end of its own at "
                "which it could be done again."
            )
        return self


class ZskdSynthesisConfig(PixelsConfig):
    """How impressions are made: released, 40,000 of them.

    Args:
        concentration: β of one half of the images of a class; the smaller it is, the surer is what is drawn.
        second_concentration: β of the other half.
        temperature: τ, by which the teacher's answers are softened before they are compared.
        rate: Adam's learning rate: of pixels between 0 and 1 where they are stretched, and of what the teacher reads
            where they are free.
        pixels: `stretched`, at first even between black and white, and after every step the least pixel of the batch is
            black and the largest white; or `free`, at first N(0, 1) as the teacher reads it, and then as they come.
        square_weight: of half an image's summed squares, as the teacher reads it, averaged over images.
    """

    images: int = Field(default=40_000, ge=2)
    batch_size: int = Field(default=100, ge=2)
    steps: int = Field(default=1500, ge=1)
    rate: float = Field(default=0.001, gt=0)
    concentration: float = Field(default=1.0, gt=0)
    second_concentration: float = Field(default=0.1, gt=0)
    temperature: float = Field(default=20.0, gt=0)
    pixels: Literal["stretched", "free"] = "stretched"
    square_weight: float = Field(default=0.0, ge=0)

    _recipe = compact(images=512, batch_size=128, steps=200, rate=0.01)
