"""An image teacher, student and runs that are small enough for unit tests."""

from typing import Any

import torch
from torch import Tensor, nn

from acgkd.config import MethodChoice
from acgkd.images import ImagePrior
from acgkd.method import MethodContext
from acgkd.methods import METHODS, parse_method
from acgkd.run.distillation import Distillation
from acgkd.runtime import Streams, derive_seed

CPU = torch.device("cpu")
# Byte for byte is promised on one thread.
torch.set_num_threads(1)

CLASSES = 3
SHAPE = (1, 8, 8)
SYNTHESIS: dict[str, Any] = {"steps": 4, "batch_size": 8, "generator": {"latent": 6, "width": 8}}
TRANSFER: dict[str, Any] = {"steps": 5, "batch_size": 8}


class Net(nn.Module):
    """A small image model with stages, so that a method can see its maps."""

    def __init__(self, width: int = 6, channels: int = 1) -> None:
        super().__init__()
        self.width = width
        self.convolution = nn.Conv2d(channels, width, 3, device=CPU)
        self.norm = nn.BatchNorm2d(width, device=CPU)
        self.classifier = nn.Linear(width, CLASSES, device=CPU)

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Before and after BatchNorm."""
        first: Tensor = self.convolution(x)
        return (first, torch.relu(self.norm(first)))

    def pool(self, last: Tensor) -> Tensor:
        """The mean of every map."""
        return last.mean(dim=(2, 3))

    def encode(self, x: Tensor) -> Tensor:
        """What the classifier sees."""
        return self.pool(self.stages(x)[-1])


def context(seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> MethodContext:
    """What a method is handed; the teacher is untrained, but says different things of different images."""
    streams = Streams(derive_seed("draws", seed), CPU)
    with Streams(5, CPU).fork("teacher"):
        teacher = Net(8, shape[0]).eval().requires_grad_(False)
        nn.init.normal_(teacher.classifier.weight, std=3.0)
    with streams.fork("student"):
        student = Net(4, shape[0])
    return MethodContext(teacher, student, ImagePrior(shape, CLASSES), streams, CPU)


def distillation(
    name: str, synthesis: dict[str, Any] | None = None, transfer: dict[str, Any] | None = None, *, seed: int = 0
) -> Distillation:
    """A fresh run, small by default."""
    known = METHODS[name].config.model_fields["synthesis"].annotation
    assert known is not None
    small = {key: value for key, value in SYNTHESIS.items() if key in known.model_fields}
    choice = MethodChoice(
        name=name, synthesis={**small, **(synthesis or {})}, transfer={**TRANSFER, **(transfer or {})}
    )
    method, config = parse_method(choice)
    return Distillation(method, config, context(seed))
