"""Real samples in the place of pseudo-samples, for the control that is handed them."""

from collections.abc import Callable, Mapping
from typing import Generic

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.select import GraphSelector
from acgkd.images import IMAGES, ImageBatch
from acgkd.method import Items, State
from acgkd.modality import B
from acgkd.pixels import Pixels
from acgkd.settings.choices import PseudoSamples


class RealSamples(Generic[B]):
    """A synthesis that has its samples already, and the source that draws from them.

    Args:
        labels: class of each sample.
        cut: minibatches by index.

    Shapes:
        labels: ``[samples]`` on the CPU
    """

    steps = 0
    done = 0
    multiply_adds = 0.0

    def __init__(self, labels: Tensor, cut: Callable[[Tensor], B]) -> None:
        self.labels = labels
        self._cut = cut

    def draw(self, indices: Tensor) -> B:
        """The samples at `indices`."""
        return self._cut(indices)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """There is none to do."""
        raise ConfigError("`real_data` has no synthesis step.")

    def source(self, samples: PseudoSamples) -> "RealSamples[B]":
        """Itself: real samples are what they are."""
        return self

    def samples(self, count: int) -> B:
        """The first `count` real samples."""
        return self.draw(torch.arange(min(count, self.labels.numel()), device="cpu"))

    def facts(self) -> Mapping[str, float]:
        """Nothing to say of pseudo-samples."""
        return {}

    def state_dict(self) -> State:
        """Nothing changes."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Nothing to load."""


class RealGraphs(RealSamples[GraphBatch]):
    """Graphs, whose sizes are known too.

    Args:
        graphs: labelled.
        device: where they go.
    """

    def __init__(self, graphs: Items, device: torch.device) -> None:
        labels = torch.tensor([int(graph.y) for graph in graphs], device="cpu")
        super().__init__(labels, GraphSelector(GRAPHS.collate(graphs, device)))
        self._ends = torch.tensor([int(graph.edge_index.shape[1]) for graph in graphs], device="cpu")
        self.load = torch.tensor([int(graph.x.shape[0]) for graph in graphs], device="cpu") + self._ends

    def edges(self, indices: Tensor) -> Tensor:
        """Number of edges of the graphs at `indices`; each is listed in both directions."""
        return self._ends[indices] / 2


def real_images(images: Items, device: torch.device) -> RealSamples[ImageBatch]:
    """Labelled images, kept on `device` as they are stored."""
    if isinstance(images, Pixels):
        labels = images.labels
    else:
        labels = torch.tensor([int(label) for _, label in images], device="cpu")
    return RealSamples(labels, IMAGES.minibatches(images, device, augment="none", generator=None))
