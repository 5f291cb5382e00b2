"""How the fast method makes images: rounds in which a generator is tuned to a few of them."""

from pydantic import Field

from acgkd.config import Config
from acgkd.settings.choices import Augmentation, Ending, Statistic
from acgkd.settings.generators import GeneratorConfig
from acgkd.settings.recipe import ImageRecipe, compact


class FastGeneratorConfig(GeneratorConfig):
    """What the generator is: one that ends in pixels between 0 and 1."""

    latent: int | None = Field(default=256, ge=1)
    ending: Ending = "sigmoid"
    eps: float = Field(default=1e-5, gt=0)


class FastSynthesisConfig(Config):
    """How images are made.

    Args:
        recipe: what is not said is `released`, or `compact`: 44 rounds of 128 images, 4 of them first, width 32.
        steps: rounds.
        warm_up: rounds before those that take turns with the student.
        inner_steps: steps of one round.
        batch_size: images of one round.
        rate: of the round's generator; the other's is as many times larger as a round has steps.
        latent_rate: learning rate of the noise.
        one_hot_weight: of the cross entropy at the classes drawn.
        statistics_weight: of the distance between BatchNorm's memory and what it sees.
        statistics: that distance, of means and variances: by their norm, its square, or a Gaussian KL.
        momentum: the share that earlier rounds keep in what it sees.
        adversarial_weight: of the student's divergence, from the last warm round on.
        augment: what happens to images before the teacher sees them.
        reset_at: the round, counted from 1, before which the generator's first layer and the scales of its BatchNorm
            begin anew, drawn from N(0, 0.02) with offsets of 0; None lets them be.
        generator: what is trained.
    """

    recipe: ImageRecipe = "released"
    steps: int = Field(default=220, ge=1)
    warm_up: int = Field(default=20, ge=1)
    inner_steps: int = Field(default=5, ge=1)
    batch_size: int = Field(default=256, ge=2)
    rate: float = Field(default=0.003, gt=0)
    latent_rate: float = Field(default=0.01, gt=0)
    one_hot_weight: float = Field(default=0.4, ge=0)
    statistics_weight: float = Field(default=10.0, ge=0)
    statistics: Statistic = "norm"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    adversarial_weight: float = Field(default=1.1, ge=0)
    augment: Augmentation = "crop_flip"
    reset_at: int | None = Field(default=140, ge=1)
    generator: FastGeneratorConfig = FastGeneratorConfig()

    _recipe = compact(steps=44, warm_up=4, batch_size=128, reset_at=None, generator={"width": 32})
