"""How a generator of images and a student play against each other (ZSKT, DFAD)."""

from typing import Literal

from pydantic import Field, model_validator

from acgkd.config import Config
from acgkd.errors import ConfigError
from acgkd.settings.choices import Statistic
from acgkd.settings.generators import GeneratorConfig
from acgkd.settings.image_transfer import GeneratedTransferConfig, UnsoftenedConfig
from acgkd.settings.recipe import ImageRecipe, compact


class PlayingGeneratorConfig(Config):
    """What the generator is, what it minimises and how it plays.

    At the defaults it minimises agreement alone; the weights add what may keep it near the teacher's data, as in DFQ.

    Args:
        recipe: what is not said is `released`, or `compact`: a generator of width 32.
        turn: its steps in each of its turns.
        rate: Adam's learning rate; over the run it falls by the same share as the student's.
        first_beta: Adam's first decay rate, β₁.
        clip: largest norm of its gradient; None leaves it as it is.
        noise: `kept` or `fresh`; see above.
        student_at_rest: look at the student as it would be deployed; otherwise as it trains, its BatchNorm memory
            moving, as released.
        one_hot_weight: weight of the cross entropy at the teacher's own class.
        balance_weight: of the negative entropy of the teacher's mean answer.
        statistics_weight: of the distance between BatchNorm's memory and what it sees.
        statistics: that distance, of means and variances: by their norm, its square, or a Gaussian KL.
        generator: what is trained.
    """

    recipe: ImageRecipe = "released"
    turn: int = Field(default=1, ge=1)
    rate: float = Field(default=0.001, gt=0)
    first_beta: float = Field(default=0.9, ge=0, lt=1)
    clip: float | None = Field(default=None, gt=0)
    noise: Literal["kept", "fresh"] = "fresh"
    student_at_rest: bool = False
    one_hot_weight: float = Field(default=0.0, ge=0)
    balance_weight: float = Field(default=0.0, ge=0)
    statistics_weight: float = Field(default=0.0, ge=0)
    statistics: Statistic = "norm"
    generator: GeneratorConfig = GeneratorConfig()

    _recipe = compact(generator={"width": 32})


class PlayingStudentConfig(GeneratedTransferConfig):
    """How the student plays.

    Args:
        turn: its steps between two turns of the generator.
        distance: from the teacher, which the student makes less and the generator more: `kl`, the softened divergence
            divided by the number of classes, or `logits`, the mean absolute difference of logits.
        attention_weight: of the distance between both models' attention maps, for the student alone; None takes 250
            where their stages fit each other and 0 where they do not.
        clip: largest norm of the student's gradient; None leaves it as it is.
    """

    turn: int = Field(default=5, ge=1)
    distance: Literal["kl", "logits"] = "kl"
    temperature: UnsoftenedConfig = UnsoftenedConfig()
    attention_weight: float | None = Field(default=0.0, ge=0)
    clip: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _fresh_images(self) -> "PlayingStudentConfig":
        if self.samples == "fixed":
            raise ConfigError("`samples: fixed` needs a generator that is done, but this one plays; use `resampled`.")
        return self

    @model_validator(mode="after")
    def _bare_logits(self) -> "PlayingStudentConfig":
        if self.distance == "logits" and self.temperature != UnsoftenedConfig():
            raise ConfigError("`distance: logits` knows no temperature; leave `temperature` out or use `distance: kl`.")
        return self
