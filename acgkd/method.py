"""What a method is: settings, stages, and a run that makes pseudo-samples and teaches a student with them.

The interface serves two-phase, joint and adversarial methods, on graphs and on images, and does not change when a
method is added. Methods themselves are the files of `acgkd.methods`.

Nothing is computed here, and torch is named in annotations only: what a method can be set to is known without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from pydantic import ValidationInfo, field_validator

from acgkd.config import Config
from acgkd.priors import GraphPrior, ImagePrior, ModalityName, Prior

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from acgkd.runtime import Streams

StageName = Literal["synthesis", "transfer", "joint"]

# Labelled samples: graphs are torch_geometric's `Data`, which has no types; images `Pixels`, or pairs with a class.
Items: TypeAlias = Sequence[Any]
# Tensors and plain values by name: what a checkpoint may hold (`acgkd.checkpoint`).
State: TypeAlias = Mapping[str, Any]


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
    def _left_out_means_nothing_to_set(cls, value: object, info: ValidationInfo) -> object:
        left_out = info.field_name is not None and cls.model_fields[info.field_name].annotation is Any
        return NoSettings.model_validate(value) if left_out else value


C = TypeVar("C", bound=MethodConfig)
# What is known of the data: of graphs, of images, or of either.
P = TypeVar("P", GraphPrior, ImagePrior, Prior, covariant=True)


@dataclass(frozen=True)
class Stage:
    """A stretch of equal steps.

    Args:
        name: whose clock runs.
        steps: how many calls of `MethodRun.step` it takes, those included that a run leaves out (`left_out`).
        judged: whether the student learns here, so that early stopping may look at it.
    """

    name: StageName
    steps: int
    judged: bool


@dataclass(frozen=True)
class MethodContext(Generic[P]):
    """What every method is handed, and nothing else: above all no data.

    Args:
        teacher: frozen, in evaluation mode, on `device`; satisfies the teacher protocol of the modality.
        student: freshly initialised, on `device`.
        prior: what is known of the data without having it.
        streams: named random generators, all from one seed.
        device: where every tensor is made.
        real: labelled samples of the teacher's training split; given to a method only if it declares `needs_data`.
    """

    teacher: nn.Module
    student: nn.Module
    prior: P
    streams: Streams
    device: torch.device
    real: Items = field(default=())


GraphContext: TypeAlias = MethodContext[GraphPrior]
ImageContext: TypeAlias = MethodContext[ImagePrior]


class Batch(Protocol):
    """What batches of graphs and of images have in common."""

    @property
    def x(self) -> Tensor:
        """Node features, or images."""

    @property
    def labels(self) -> Tensor | None:
        """The class of each sample, where it was made for one."""


class MethodRun(ABC):
    """One distillation under way. All its state is in `state_dict`, all its randomness in the context's streams."""

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
    def samples(self, count: int) -> Batch:
        """Draws `count` pseudo-samples as they are now, as one batch of the modality, detached."""

    @abstractmethod
    def multiply_adds(self) -> float:
        """Counted multiply-adds of all steps done so far (forward and backward of teacher, student, generator)."""

    def teaching_ahead(self) -> float:
        """Multiply-adds of the judged stage, as far as they can be said before it begins; 0 where they cannot."""
        return 0.0

    def left_out(self) -> int:
        """Steps of the stages so far that turned out not to be needed; they count as done and took nothing."""
        return 0

    def facts(self) -> Mapping[str, float]:
        """Further figures for the record.

        ``candidate_edges`` and ``kept_edges`` where they mean something, ``restarts`` where a synthesis may have some
        (and ``restarts_held``, those of them with the mean degree held),
        ``pseudo_samples`` where there are so many different ones and `samples` draws them in turn.
        """
        return {}

    @abstractmethod
    def state_dict(self) -> State:
        """Everything needed to resume, made of tensors and plain values only (opened with `weights_only=True`)."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict` of a run that was started with the same arguments."""


def never(_: MethodConfig) -> bool:
    """Of no settings."""
    return False


def always(_: MethodConfig) -> bool:
    """Of all settings."""
    return True


Origin = Literal["paper", "released code", "port", "ours"]


@dataclass(frozen=True)
class Variant:
    """Settings of a method that somebody stands for, and who: what comparisons call published.

    Args:
        name: how comparisons call it.
        origin: the paper, the authors' released code, somebody's port of it, or a choice of ours.
        source: what it was taken from; of one of ours, how it departs from what was published.
        settings: what it says of ``synthesis`` and ``transfer``; the method's defaults are those that say nothing.
        less_of: name of the variant that it is a cheaper form of; what both say differently is its to choose.
        teachers: families of models that it was published for, where its source says so; rows of others carry it over.
    """

    name: str
    origin: Origin
    source: str
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    less_of: str = ""
    teachers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method(Generic[C, P]):
    """An entry of the catalogue.

    Args:
        config: the method's settings.
        modality: what its samples are; None where the control is handed them, of whatever kind: then it is that of the
            models (`modality_of`).
        start: begins a run; cheap, so that a state can be loaded into it. It imports what the run is made of, so that
            settings can be read and checked without.
        needs_student: whether synthesis looks at the student (then samples cannot be cached across students).
        asks_for_classes: whether samples are learned for the class that they carry; else health has no hit rate.
        ranked_in_synthesis: whether all samples are learned at once, in a stage of their own, that reports how far they
            are from the teacher's memory as ``statistics``: then trials compare there, before anything is taught.
        needs_data: a control that learns from the teacher's training split, handed in from outside.
        lower_control: makes samples and learns nothing about them; a method that does not beat it has gained nothing.
        variants: whose settings are known, its defaults first. One that declares none is taken at its defaults.
    """

    config: type[C]
    modality: ModalityName | None
    start: Callable[[C, MethodContext[P]], MethodRun]
    needs_student: Callable[[C], bool] = never
    asks_for_classes: Callable[[C], bool] = always
    ranked_in_synthesis: Callable[[C], bool] = never
    needs_data: bool = False
    lower_control: bool = False
    variants: tuple[Variant, ...] = ()


AnyMethod: TypeAlias = Method[Any, Any]
