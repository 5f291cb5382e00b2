"""How hard every pseudo-sample is, measured in parts that fit into memory."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.losses import prediction_entropy, softened_kl
from acgkd.method import Batch
from acgkd.modality import B, Modality
from acgkd.settings.choices import Difficulty, Labels

# Samples of one pass, and nodes and edges of one pass: some 100 MB of activations at a width of 64.
LARGEST_COUNT = 256
LARGEST_LOAD = 1 << 18

Drawn = TypeVar("Drawn", bound=Batch, covariant=True)


class Source(Protocol[Drawn]):
    """Where batches come from."""

    labels: Tensor

    def draw(self, indices: Tensor) -> Drawn:
        """The samples at `indices` (on the CPU) as one batch of the modality, without gradients."""


@runtime_checkable
class GraphSource(Source[Drawn], Protocol[Drawn]):
    """A source that knows how large its graphs are.

    Shapes:
        load: ``[graphs]`` on the CPU, nodes and edges that a pass over a graph goes through
    """

    load: Tensor

    def edges(self, indices: Tensor) -> Tensor:
        """Expected number of edges of the graphs at `indices` (on the CPU).

        Shapes:
            returns: ``[indices]``
        """


@runtime_checkable
class FreshSource(Source[Drawn], Protocol[Drawn]):
    """A source whose samples live for one step, and have no label until the teacher has seen them."""

    def renew(self) -> None:
        """Puts others in the place of all samples; until they are named, `labels` says only how many there are."""

    def name(self, labels: Tensor) -> None:
        """Takes the classes that the teacher says.

        Shapes:
            labels: ``[samples]`` on the CPU
        """


def parts(source: Source[Batch]) -> Iterator[Tensor]:
    """All samples in order, in parts of bounded count and, where sizes are known, of bounded load.

    A sample that is larger than the bound is a part of its own.

    Shapes:
        yields: ``[part]`` indices on the CPU
    """
    everything = torch.arange(source.labels.numel(), device="cpu")
    if not isinstance(source, GraphSource):
        yield from torch.split(everything, LARGEST_COUNT)
        return
    start, load = 0, 0
    for index, own in enumerate(source.load.tolist()):
        if index > start and (index - start == LARGEST_COUNT or load + own > LARGEST_LOAD):
            yield everything[start:index]
            start, load = index, 0
        load += own
    yield everything[start:]


@torch.no_grad()
def measure_difficulty(
    source: Source[B],
    difficulty: Difficulty,
    *,
    modality: Modality[B],
    teacher: nn.Module,
    student: nn.Module,
    count: Callable[[B, int, int], None],
    labels: Labels = "pseudo",
) -> tuple[Tensor, Tensor]:
    """Difficulty of every sample, and its class.

    Args:
        source: of the samples; one whose samples are fresh is handed their labels.
        difficulty: the teacher's `loss` at the pseudo-label, its `entropy`, the `gap` between teacher and student, or
            the expected number of `edges`, which asks no model.
        modality: of the batches.
        teacher: frozen.
        student: put to evaluation mode.
        count: called for every batch with the number of passes of teacher and student it took.
        labels: the class of a sample: its `pseudo`-label, or what the `teacher` says of it, as of all fresh samples.

    Shapes:
        returns: ``[samples]`` and ``[samples]`` on the CPU
    Raises:
        ConfigError: `edges` of samples that have none.
    """
    found, classes = [], []
    fresh = isinstance(source, FreshSource)
    student.eval()
    for indices in parts(source):
        if difficulty == "edges":
            if not isinstance(source, GraphSource):
                raise ConfigError("`difficulty: edges` is for graphs; use `loss`, `entropy` or `gap` here.")
            found.append(source.edges(indices))
            if labels == "pseudo":
                continue
        batch = source.draw(indices)
        logits = modality.logits(teacher, batch)
        said = logits.argmax(dim=1) if fresh or labels == "teacher" else source.labels[indices].to(logits.device)
        classes.append(said)
        if difficulty == "loss":
            found.append(F.cross_entropy(logits, said, reduction="none"))
        elif difficulty == "entropy":
            found.append(prediction_entropy(logits))
        elif difficulty == "gap":
            found.append(softened_kl(logits, modality.logits(student, batch), 1.0))
        count(batch, 1, int(difficulty == "gap"))
    known = torch.cat(classes).to("cpu") if classes else source.labels
    if isinstance(source, FreshSource):
        source.name(known)
    return torch.cat(found).to("cpu"), known
