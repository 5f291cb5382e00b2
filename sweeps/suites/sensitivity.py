"""What a suite says of perturbed settings."""

from typing import Annotated

from pydantic import Field, model_validator

from acgkd.config import Config
from acgkd.errors import ConfigError


class Sensitivity(Config):
    """How much each method depends on its settings: perturbed ones, run as a sweep of each method."""

    draws: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=30, description="So many settings with all hyper-parameters multiplied at once, by 0.1 to 10."
    )
    one_at_a_time: bool = Field(
        default=True, description="Each hyper-parameter alone by 0.1, 0.3, 3 and 10 as well, the others as they are."
    )
    seeds: tuple[int, ...] | None = Field(default=None, description="Of all of them; the first seed if left out.")

    @model_validator(mode="after")
    def _says_something(self) -> "Sensitivity":
        if not self.draws and not self.one_at_a_time:
            raise ConfigError("Sensitivity has `draws`, or settings `one_at_a_time`, but this neither. Leave it out.")
        return self
