"""What graphs and images have in common, as far as distilling them goes.

The rest of the package asks a modality instead of asking "is this a graph?".
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from acgkd.config import PriorConfig
from acgkd.errors import UnknownNameError, nearest

_HOMES = {"graphs": ("acgkd.graphs", "GRAPHS"), "images": ("acgkd.images", "IMAGES")}


class Modality(Protocol):
    """How to handle batches of one kind of sample."""

    name: str

    def collate(self, samples: Sequence[Any], device: torch.device) -> Any:
        """Puts labelled or unlabelled samples together as one batch on `device`."""

    def to(self, batch: Any, device: torch.device) -> Any:
        """The batch on another device."""

    def size(self, batch: Any) -> int:
        """How many samples a batch holds, without waiting for the device."""

    def selector(self, batch: Any) -> Callable[[Tensor], Any]:
        """Cuts minibatches out of a large batch: ``selector(batch)(indices on the CPU) -> batch``."""

    def minibatches(
        self, samples: Sequence[Any], device: torch.device, *, augment: str, generator: torch.Generator | None
    ) -> Callable[[Tensor], Any]:
        """Puts samples on `device` once and cuts minibatches out of them there: ``(indices on the CPU) -> batch``.

        Args:
            samples: labelled.
            device: where they go.
            augment: `none`, or a way to change each minibatch at random.
            generator: of these draws, on `device`; None where there are none.

        Raises:
            ConfigError: samples of this kind cannot be changed like that.
        """

    def embed(self, model: nn.Module, batch: Any) -> Tensor:
        """What the model's classifier sees.

        Shapes:
            returns: ``[samples, width]``
        """

    def logits(self, model: nn.Module, batch: Any) -> Tensor:
        """The model's unnormalised class scores.

        Shapes:
            returns: ``[samples, classes]``
        """

    def counter(self, model: nn.Module, batch: Any) -> Callable[[Any], float]:
        """A function from a batch to the multiply-adds of one forward pass over it.

        The function knows the model's cost by node, edge and graph (or by image) and never waits for the device;
        `batch` serves to find that cost, once.
        """

    def pack(self, batch: Any) -> dict[str, Any]:
        """The batch as tensors on the CPU and plain values, for a file."""

    def unpack(self, packed: dict[str, Any], device: torch.device) -> Any:
        """The batch that `pack` packed."""

    def picture(self, batch: Any, prior: Any) -> dict[str, NDArray[Any]]:
        """What it takes to draw the samples, as plain arrays: small, and without what a picture does not show."""

    def prior(self, config: PriorConfig, known: PriorConfig) -> Any:
        """The prior of a run: what the run says, then what the data set's entry says.

        Raises:
            ConfigError: neither says something that is needed.
        """

    def check_teacher(self, model: nn.Module, prior: Any) -> None:
        """Tries the model on a tiny batch drawn from the prior.

        Raises:
            TeacherError: the model does not satisfy the teacher protocol; the message says which part.
        """


def modality(name: str) -> Modality:
    """The modality called `name`.

    Raises:
        UnknownNameError: there is no such modality.
    """
    if name not in _HOMES:
        raise UnknownNameError(f"No modality is called '{name}'. {nearest(name, _HOMES)}Known: {', '.join(_HOMES)}.")
    home, symbol = _HOMES[name]
    return cast(Modality, getattr(import_module(home), symbol))
