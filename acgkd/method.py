"""What a method is: settings, stages, and a run that makes pseudo-samples and teaches a student with them.

The interface serves two-phase, joint and adversarial methods, on graphs and on images, and does not change when a
method is added. Methods themselves are the files of `acgkd.methods`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import torch
from pydantic import ValidationInfo, field_validator
from torch import Tensor, nn

from acgkd.config import Config
from acgkd.runtime import Streams

StageName = Literal["synthesis", "transfer", "joint"]


class NoSettings(Config):
    """A stage of a method that has nothing to set."""


class MethodConfig(Config):
    """Base of a method's settings: one subtree for making samples, one for teaching with them.

    A method subclasses this and replaces the fields by configs of its own; one that it leaves out has nothing to set.
    What can be cached between runs is decided by the `synthesis` subtree alone, so a setting belongs there exactly if
    it shapes the samples.
    """

    synthesis: Any = NoSettings()
    transfer: Any = NoSettings()

    @field_validator("synthesis", "transfer", mode="before")
    @classmethod
    def _left_out_means_nothing_to_set(cls, value: Any, info: ValidationInfo) -> Any:
        left_out = info.field_name is not None and cls.model_fields[info.field_name].annotation is Any
        return NoSettings.model_validate(value) if left_out else value


C = TypeVar("C", bound=MethodConfig)


@dataclass(frozen=True)
class Stage:
    """A stretch of equal steps.

    Args:
        name: whose clock runs.
        steps: how many calls of `MethodRun.step` it takes.
        judged: whether the student learns here, so that early stopping may look at it.
    """

    name: StageName
    steps: int
    judged: bool


@dataclass(frozen=True)
class MethodContext:
    """What every method is handed, and nothing else: above all no data.

    Args:
        teacher: frozen, in evaluation mode, on `device`; satisfies the teacher protocol of the modality.
        student: freshly initialised, on `device`.
        prior: what is known of the data without having it (`acgkd.graphs.Prior` or `acgkd.images.Prior`).
        streams: named random generators, all from one seed.
        device: where every tensor is made.
        real: labelled samples of the teacher's training split; given to a method only if it declares `needs_data`.
    """

    teacher: nn.Module
    student: nn.Module
    prior: Any
    streams: Streams
    device: torch.device
    real: Sequence[Any] = field(default=())


class MethodRun(ABC):
    """One distillation under way. All its state is in `state_dict`, all its randomness in the setting's streams."""

    @property
    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order; a joint or adversarial method has one, named ``joint``."""

    @property
    @abstractmethod
    def student(self) -> nn.Module:
        """The student as it would be deployed now: projection and reused classifier included."""

    @abstractmethod
    def step(self) -> Mapping[str, Tensor]:
        """Does one step of the current stage and moves on.

        Returns:
            Detached scalars by name; ``loss`` among them. They stay on the device: reading one waits for it.
        """

    @abstractmethod
    def samples(self, count: int) -> Any:
        """Draws `count` pseudo-samples as they are now, as one batch of the modality, detached."""

    @abstractmethod
    def multiply_adds(self) -> float:
        """Counted multiply-adds of all steps done so far (forward and backward of teacher, student, generator)."""

    def facts(self) -> Mapping[str, float]:
        """Further figures for the record: ``candidate_edges`` and ``kept_edges`` where they mean something."""
        return {}

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on, made of tensors and plain values only (opened with `weights_only=True`)."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict` of a run that was started with the same arguments."""


def _no(_: Any) -> bool:
    return False


@dataclass(frozen=True)
class Method(Generic[C]):
    """An entry of the catalogue.

    Args:
        config: the method's settings.
        modality: what its samples are; None where the control is handed them, of whatever kind: then it is that of the
            models (`modality_of`).
        start: begins a run; cheap, so that a state can be loaded into it.
        needs_student: whether synthesis looks at the student (then samples cannot be cached across students).
        needs_data: a control that learns from the teacher's training split, handed in from outside.
        lower_control: makes samples and learns nothing about them; a method that does not beat it has gained nothing.
    """

    config: type[C]
    modality: Literal["graphs", "images"] | None
    start: Callable[[C, MethodContext], MethodRun]
    needs_student: Callable[[C], bool] = _no
    needs_data: bool = False
    lower_control: bool = False
