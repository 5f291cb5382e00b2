"""The upper control: the same teaching on the teacher's own training split, handed in from outside."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from acgkd.config import checked
from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.graphs.select import GraphSelector
from acgkd.images import IMAGES, ImagePrior
from acgkd.method import Method, MethodConfig, MethodContext, MethodRun, NoSettings
from acgkd.pixels import Pixels
from acgkd.synthesis.graph_synthesis import lift_to
from acgkd.transfer.transfer import CurriculumConfig, Samples, Transfer, TransferConfig
from acgkd.transfer.two_phase import TwoPhase


class RealTransferConfig(TransferConfig):
    """Teaching on real samples: all are let in from the beginning.

    Args:
        projection: `auto` is `gat` on graphs and `none` on images.
    """

    projection: Literal["auto", "none", "gat"] = "auto"  # type: ignore[assignment]
    curriculum: CurriculumConfig = CurriculumConfig(pacing="none")


class _RealImagesConfig(TransferConfig):
    """As methods on images teach: in batches of the size that is said."""

    repeats: ClassVar[bool] = True


class RealDataConfig(MethodConfig):
    """Settings of the control; there is nothing to synthesise."""

    synthesis: NoSettings = NoSettings()
    transfer: RealTransferConfig = RealTransferConfig()


class _RealSamples:
    """A synthesis that has its samples already, and the source that draws from them."""

    steps = 0
    done = 0
    multiply_adds = 0.0

    def __init__(self, labels: Tensor, cut: Callable[[Tensor], Any]) -> None:
        self.labels = labels
        self._cut = cut

    def draw(self, indices: Tensor) -> Any:
        """The samples at `indices`."""
        return self._cut(indices)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """There is none to do."""
        raise ConfigError("`real_data` has no synthesis step.")

    def source(self, samples: Samples) -> "_RealSamples":
        """Itself: real samples are what they are."""
        return self

    def samples(self, count: int) -> Any:
        """The first `count` real samples."""
        return self.draw(torch.arange(min(count, self.labels.numel()), device="cpu"))

    def facts(self) -> Mapping[str, float]:
        """Nothing to say of pseudo-samples."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Nothing changes."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take up."""


class _RealGraphs(_RealSamples):
    """Graphs, whose sizes are known too."""

    def __init__(self, graphs: Sequence[Any], device: torch.device) -> None:
        labels = torch.tensor([int(graph.y) for graph in graphs], device="cpu")
        super().__init__(labels, GraphSelector(GRAPHS.collate(graphs, device)))
        self._ends = torch.tensor([int(graph.edge_index.shape[1]) for graph in graphs], device="cpu")
        self.load = torch.tensor([int(graph.x.shape[0]) for graph in graphs], device="cpu") + self._ends

    def edges(self, indices: Tensor) -> Tensor:
        """Number of edges of the graphs at `indices`; each is listed in both directions."""
        return self._ends[indices] / 2


def _real_images(images: Sequence[Any], device: torch.device) -> _RealSamples:
    if isinstance(images, Pixels):
        labels = images.labels
    else:
        labels = torch.tensor([int(label) for _, label in images], device="cpu")
    return _RealSamples(labels, IMAGES.minibatches(images, device, augment="none", generator=None))


def _start(config: RealDataConfig, context: MethodContext) -> MethodRun:
    if not context.real:
        raise ConfigError("`real_data` learns from the training split, but no data set was given.")
    of_images = isinstance(context.prior, ImagePrior)
    settings = config.transfer.model_dump()
    if settings["projection"] == "auto":
        settings["projection"] = "none" if of_images else "gat"
    taught = checked(_RealImagesConfig if of_images else TransferConfig, settings, "method real_data")
    real = (_real_images if of_images else _RealGraphs)(context.real, context.device)

    def transfer() -> Transfer:
        if of_images:
            return Transfer(taught, context, IMAGES)
        return Transfer(taught, context, GRAPHS, lift_to(context.teacher, context.device))

    return TwoPhase(real, transfer, student=context.student, transfer_steps=taught.steps, samples="fixed")


METHOD = Method(config=RealDataConfig, modality=None, start=_start, needs_data=True)
