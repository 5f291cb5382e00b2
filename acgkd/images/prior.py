"""What is known of image data without having it."""

from dataclasses import asdict, dataclass
from typing import Any

from acgkd.config import PriorConfig
from acgkd.errors import ConfigError


@dataclass(frozen=True)
class ImagePrior:
    """The shape of an image and how many classes there are. Every method gets the same.

    Args:
        shape: channels, height, width.
        classes: how many the teacher tells apart.
    """

    shape: tuple[int, int, int]
    classes: int

    @property
    def feature_count(self) -> int:
        """What a model must be built for: the channels."""
        return self.shape[0]

    def facts(self) -> dict[str, Any]:
        """The prior as plain values, for records and tables."""
        return asdict(self)


def resolve_prior(config: PriorConfig, known: PriorConfig) -> ImagePrior:
    """Joins what a run says with what the data set's entry says; the run wins.

    Raises:
        ConfigError: something needed is said by neither.
    """
    shape, classes = config.shape or known.shape, config.classes or known.classes
    if shape is None or classes is None:
        missing = "shape" if shape is None else "classes"
        raise ConfigError(
            f"A prior of images must say `shape` and `classes`, but nothing gives `{missing}`. "
            "Name a data set that knows it or set it under `prior`."
        )
    return ImagePrior(shape=shape, classes=classes)
