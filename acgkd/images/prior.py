"""What is known of image data without having it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from acgkd.config import PriorConfig
from acgkd.errors import ConfigError


@dataclass(frozen=True)
class ImagePrior:
    """The shape of an image, how many classes there are, and the teacher's preprocessing. Every method gets the same.

    Preprocessing is a fact of the teacher as it is deployed, so it is known without data: a pixel of 0 to 1 reaches
    the teacher as ``(pixel - mean) / std``. Hence the range that valid images lie in.

    Args:
        shape: channels, height, width.
        classes: how many the teacher tells apart.
        mean: of each channel; left out, 0: the teacher reads pixels as they are.
        std: of each channel; left out, 1.
    """

    shape: tuple[int, int, int]
    classes: int
    mean: tuple[float, ...] = field(default=())
    std: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        channels = self.shape[0]
        for name, usual in (("mean", 0.0), ("std", 1.0)):
            numbers = getattr(self, name) or (usual,) * channels
            if len(numbers) != channels:
                raise ConfigError(
                    f"`{name}` of a prior of images must have a number for each channel, but {channels} channels have "
                    f"{len(numbers)}: {list(numbers)}."
                )
            object.__setattr__(self, name, numbers)

    @property
    def lowest(self) -> tuple[float, ...]:
        """What black is to the teacher, channel by channel."""
        return tuple(-mean / std for mean, std in zip(self.mean, self.std, strict=True))

    @property
    def highest(self) -> tuple[float, ...]:
        """What white is to the teacher, channel by channel."""
        return tuple((1 - mean) / std for mean, std in zip(self.mean, self.std, strict=True))

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
        ConfigError: something needed is said by neither, or the numbers of channels differ.
    """
    shape, classes = config.shape or known.shape, config.classes or known.classes
    if shape is None or classes is None:
        missing = "shape" if shape is None else "classes"
        raise ConfigError(
            f"A prior of images must say `shape` and `classes`, but nothing gives `{missing}`. "
            "Name a data set that knows it or set it under `prior`."
        )
    # Of other channels than the set's, its preprocessing says nothing.
    same = known.shape is not None and known.shape[0] == shape[0]
    mean, std = config.mean or (known.mean if same else None), config.std or (known.std if same else None)
    return ImagePrior(shape=shape, classes=classes, mean=mean or (), std=std or ())
