"""What has to be known of a model before a run: declared by the model's file, or read off the model itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

# Channels, height, width of an image; heights and widths of the maps of each stage of a model.
Shape: TypeAlias = tuple[int, int, int]
StageSizes: TypeAlias = tuple[tuple[int, int], ...]

NO_BATCH_NORM = "The teacher has no BatchNorm layer: the statistics term of the synthesis loss is absent."


class ModelFacts(Protocol):
    """What settings may ask of a model."""

    @property
    def batch_norm(self) -> bool:
        """Whether it has a BatchNorm layer that remembers what it was trained on."""

    def stage_sizes(self, shape: Shape) -> StageSizes | None:
        """Height and width of the maps of each stage; None where it has no `stages` and `pool`.

        Args:
            shape: of the images.
        """


@dataclass(frozen=True)
class DeclaredFacts:
    """What a model's file says of it; a test holds it to the model as it is built.

    Args:
        batch_norm: whether it has a BatchNorm layer that remembers what it was trained on.
        stages: from height and width of an image to those of each stage's maps; None where it has no `stages`.
        numbers: from columns or channels and classes to how many numbers its weights and buffers are; None where
            the file does not say.
    """

    batch_norm: bool
    stages: Callable[[int, int], StageSizes] | None = None
    numbers: Callable[[int, int], int] | None = None

    def stage_sizes(self, shape: Shape) -> StageSizes | None:
        """Height and width of the maps of each stage; None where it has no `stages` and `pool`."""
        return None if self.stages is None else self.stages(*shape[1:])


def linear(inputs: int, outputs: int) -> int:
    """How many numbers a linear layer with a bias is."""
    return inputs * outputs + outputs


def normalisation(channels: int) -> int:
    """How many numbers a BatchNorm is: scale, shift, mean, variance, and one that counts batches."""
    return 4 * channels + 1


def halvings(groups: int) -> Callable[[int, int], StageSizes]:
    """The stages of a residual network: as large as the image, and each half as large as the one before, rounded up.

    Args:
        groups: how many stages there are.
    """

    def sizes(height: int, width: int) -> StageSizes:
        return tuple((-(-height // 2**group), -(-width // 2**group)) for group in range(groups))

    return sizes


def why_no_attention(teacher: ModelFacts, student: ModelFacts, shape: Shape) -> str:
    """What keeps attention maps of teacher and student from being compared; nothing where they can be.

    Args:
        teacher: what is known of it.
        student: what is known of it.
        shape: of the images.
    """
    sizes: dict[str, StageSizes] = {}
    for name, model in (("teacher", teacher), ("student", student)):
        found = model.stage_sizes(shape)
        if found is None:
            return (
                f"The {name} has no `stages` and `pool`; `acgkd.adapt(..., stages=...)` names those of a plain module."
            )
        sizes[name] = found
    if sizes["teacher"] == sizes["student"]:
        return ""
    return f"The teacher's maps are of sizes {list(sizes['teacher'])}, the student's of {list(sizes['student'])}."
