"""What graphs and images have in common, as far as distilling them goes.

The rest of the package asks a modality instead of asking "is this a graph?".
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

from acgkd.config import PriorConfig
from acgkd.errors import UnknownNameError, nearest
from acgkd.method import Batch, Items, State
from acgkd.priors import ModalityName, Prior

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

_HOMES = {"graphs": ("acgkd.graphs", "GRAPHS"), "images": ("acgkd.images", "IMAGES")}

# Numbers of any kind by name, for a file or a picture.
Arrays: TypeAlias = "dict[str, np.ndarray[Any, Any]]"

B = TypeVar("B", bound=Batch)


class Modality(Protocol[B]):
    """How to handle batches of one kind of sample."""

    name: ModalityName

    def collate(self, samples: Items, device: torch.device) -> B:
        """Puts labelled or unlabelled samples together as one batch on `device`."""

    def to(self, batch: B, device: torch.device) -> B:
        """The batch on another device."""

    def size(self, batch: B) -> int:
        """How many samples a batch holds, without waiting for the device."""

    def selector(self, batch: B) -> Callable[[Tensor], B]:
        """Cuts minibatches out of a large batch: ``selector(batch)(indices on the CPU) -> batch``."""

    def minibatches(
        self, samples: Items, device: torch.device, *, augment: str, generator: torch.Generator | None
    ) -> Callable[[Tensor], B]:
        """Puts samples on `device` once and cuts minibatches out of them there: ``(indices on the CPU) -> batch``.

        Args:
            samples: labelled.
            device: where they go.
            augment: `none`, or a way to change each minibatch at random.
            generator: of these draws, on `device`; None where there are none.

        Raises:
            ConfigError: samples of this kind cannot be changed like that.
        """

    def embed(self, model: nn.Module, batch: B) -> Tensor:
        """What the model's classifier sees.

        Shapes:
            returns: ``[samples, width]``
        """

    def logits(self, model: nn.Module, batch: B) -> Tensor:
        """The model's unnormalised class scores.

        Shapes:
            returns: ``[samples, classes]``
        """

    def counter(self, model: nn.Module, batch: B) -> Callable[[B], float]:
        """A function from a batch to the multiply-adds of one forward pass over it.

        The function knows the model's cost by node, edge and graph (or by image) and never waits for the device;
        `batch` serves to find that cost, once.
        """

    def pack(self, batch: B) -> State:
        """The batch as tensors on the CPU and plain values, for a file."""

    def unpack(self, packed: State, device: torch.device) -> B:
        """The batch that `pack` packed."""

    def picture(self, batch: B, prior: Prior) -> Arrays:
        """What it takes to draw the samples, as plain arrays: small, and without what a picture does not show."""

    def prior(self, config: PriorConfig, known: PriorConfig) -> Prior:
        """The prior of a run: what the run says, then what the data set's entry says.

        Raises:
            ConfigError: neither says something that is needed.
        """

    def check_teacher(self, model: nn.Module, prior: Prior) -> None:
        """Tries the model on a tiny batch drawn from the prior.

        Raises:
            TeacherError: the model does not satisfy the teacher protocol; the message says which part.
        """


def modality(name: str) -> Modality[Batch]:
    """The modality called `name`.

    Raises:
        UnknownNameError: there is no such modality.
    """
    if name not in _HOMES:
        raise UnknownNameError(f"No modality is called '{name}'. {nearest(name, _HOMES)}Known: {', '.join(_HOMES)}.")
    home, symbol = _HOMES[name]
    return cast(Modality[Batch], getattr(import_module(home), symbol))
