"""What the settings of all methods on pseudo-images share: recipes, and how a student is taught.

The law of defaults, the same for all of these methods: what is not said is the released code's value. Those take a
day of a laptop; `recipe: compact` puts in their place what such a machine does in minutes, with the same losses.
Anything said stands under either recipe, and the synthesis' recipe is the transfer's where that says none.
"""

import math
from typing import ClassVar

from pydantic import Field, model_validator

from acgkd.errors import ConfigError
from acgkd.settings.choices import Decay
from acgkd.settings.recipe import ImageRecipe, compact
from acgkd.settings.transfer_stage import NoCurriculumConfig, TemperatureConfig, TransferConfig

# Batches that a fixed set holds where nothing else is said.
FIXED_BATCHES = 32


class ImageTransferConfig(TransferConfig):
    """How an image student is taught: plain, on images in any order, in batches of the size that is said.

    Where a pool has fewer images than a batch, or the curriculum lets in fewer, they are gone through again, each in an
    order of its own: a smaller batch would be another rate and another BatchNorm.

    Args:
        recipe: what is not said is `released`, or `compact`: 2,000 steps of 128 images, Adam 0.003, linear to 0.
    """

    repeats: ClassVar[bool] = True

    recipe: ImageRecipe = "released"
    steps: int = Field(default=120_000, ge=1)
    rate: float = Field(default=0.002, gt=0)
    decay: Decay = "none"
    batch_size: int = Field(default=512, ge=2)
    curriculum: NoCurriculumConfig = NoCurriculumConfig()

    # How every student is taught under the compact recipe, whatever its method's own optimiser.
    _recipe = compact(steps=2000, batch_size=128, rate=0.003, optimizer="adam", weight_decay=0.0, decay="linear")

    @model_validator(mode="after")
    def _for_images(self) -> "ImageTransferConfig":
        if self.samples not in ("resampled", "fixed"):
            raise ConfigError(f"`samples: {self.samples}` is for graphs; use `resampled` or `fixed` here.")
        if self.projection != "none":
            raise ConfigError(f"`projection: {self.projection}` is for graphs; use `projection: none` here.")
        if self.curriculum.difficulty == "edges":
            raise ConfigError("`difficulty: edges` is for graphs; use `loss`, `entropy` or `gap` here.")
        return self


class GeneratedTransferConfig(ImageTransferConfig):
    """How a student is taught with generated images.

    Args:
        images: with `samples: resampled`, how many are made at each step, of which the curriculum lets in the easiest
            share of each class and one batch of these is taught; at least as many are made as it takes for a batch of
            different images at the curriculum's start, `batch_size / start`, and None makes no more. With `samples:
            fixed`, how many are made once for all; None makes 32 batches.
    """

    images: int | None = Field(default=None, ge=2)

    @property
    def pool(self) -> int:
        """How many images the source holds."""
        if self.samples == "fixed":
            return self.images or self.batch_size * FIXED_BATCHES
        share = 1.0 if self.curriculum.pacing == "none" else self.curriculum.start
        return max(self.images or 0, math.ceil(self.batch_size / share))


class UnsoftenedConfig(TemperatureConfig):
    """Softening of the logits: none."""

    value: float = Field(default=1.0, gt=0)


class SoftTemperatureConfig(TemperatureConfig):
    """Softening of the logits: 10, as in the released RDSKD."""

    value: float = Field(default=10.0, gt=0)


class SoftTransferConfig(GeneratedTransferConfig):
    """How a student is taught with generated images in the released RDSKD."""

    temperature: SoftTemperatureConfig = SoftTemperatureConfig()
