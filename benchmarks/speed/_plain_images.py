"""RDSKD's two steps as anybody would write them: a loop over three networks, and nothing around it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.images import ImagePrior
from acgkd.images.generator import ImageGenerator
from acgkd.method import ImageContext, MethodContext
from acgkd.models import build_model
from acgkd.runtime import Streams
from acgkd.settings.generators import GeneratorConfig
from acgkd.synthesis.images.generation import build_generator
from acgkd.teachers.teacher import as_teacher

SHAPE, CLASSES = (1, 32, 32), 10
TEMPERATURE, EPOCH_STEPS, RATE, STUDENT_RATE = 10.0, 120, 0.001, 0.002


def image_setting(device: torch.device) -> ImageContext:
    """What a method is handed: LeNet-5 with random weights as the teacher, half of it as the student."""
    streams = Streams(100, device)
    with streams.fork("teacher"):
        teacher = build_model("lenet5", SHAPE[0], CLASSES, device=device)
    with streams.fork("student"):
        student = build_model("lenet5-half", SHAPE[0], CLASSES, device=device)
    return MethodContext(as_teacher(teacher, device), student, ImagePrior(SHAPE, CLASSES), streams, device)


def of_torchs_layers(own: ImageGenerator, device: torch.device) -> nn.Sequential:
    """The generator as its paper's code has it, with the weights of `own`: torch's layers in a row."""
    width, rows, columns = own._seed
    half = width // 2
    made = nn.Sequential(
        nn.Linear(own.latent, width * rows * columns),
        nn.Unflatten(1, (width, rows, columns)),
        nn.BatchNorm2d(width),
        nn.Upsample(scale_factor=2.0),
        nn.Conv2d(width, width, 3, padding=1),
        nn.BatchNorm2d(width, eps=0.8),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Upsample(scale_factor=2.0),
        nn.Conv2d(width, half, 3, padding=1),
        nn.BatchNorm2d(half, eps=0.8),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(half, SHAPE[0], 3, padding=1),
        nn.Tanh(),
        nn.BatchNorm2d(SHAPE[0], affine=False),
    ).to(device)
    (first, second), (norm, other) = own.convolutions, own.norms
    learned = [own.linear, own.first_norm, first, norm, second, other, own.last, own.last_norm]
    for part, same in zip((part for part in made if part.state_dict()), learned, strict=True):
        part.load_state_dict(same.state_dict())
    return made


@dataclass(frozen=True)
class Variant:
    """One way to run the loop.

    Args:
        own_layers: the generator's convolutions are this project's; otherwise torch's.
        channels_last: the layout of networks and maps.
        bfloat16: let autocast choose bfloat16.
        compiled: hand the networks to torch.compile.
    """

    own_layers: bool = True
    channels_last: bool = False
    bfloat16: bool = False
    compiled: bool = False


class PlainLoop:
    """The loop, with the weights and the noise of a run of the same setting.

    Args:
        variant: how it runs.
        generator: settings of the generator.
        batch: images of a step.
        device: where it runs.
    """

    def __init__(self, variant: Variant, generator: GeneratorConfig, batch: int, device: torch.device) -> None:
        setting = image_setting(device)
        own = build_generator(generator, setting)
        networks: list[Any] = [own if variant.own_layers else of_torchs_layers(own, device)]
        networks += [setting.teacher, setting.student.train()]
        layout = torch.channels_last if variant.channels_last else torch.contiguous_format
        networks = [network.to(memory_format=layout) for network in networks]
        self._optimizers = [
            torch.optim.Adam(network.parameters(), lr=rate, fused=True)
            for network, rate in zip((networks[0], networks[2]), (RATE, STUDENT_RATE), strict=True)
        ]
        if variant.compiled:
            networks = [torch.compile(network) for network in networks]
        self.generator, self.teacher, self.student = networks
        self.references = torch.zeros(2, device=device)
        self._noise = (batch, own.latent)
        self._streams, self._device, self._bfloat16 = setting.streams, device, variant.bfloat16
        self._done = 0

    def _latents(self, stream: str) -> Tensor:
        return torch.randn(self._noise, generator=self._streams.generator(stream), device=self._device)

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bfloat16)

    def generator_step(self) -> Tensor:
        """One step of the generator; returns its loss."""
        with self._precision():
            x = self.generator(self._latents("generator-noise"))
            logits = self.teacher(x)
        x, logits = x.float(), logits.float()
        said = F.softmax(logits, dim=1)
        mean = said.mean(dim=0)
        losses = torch.stack([F.cross_entropy(logits, logits.argmax(dim=1)), (mean * mean.log()).sum()])
        (one, other), (answer, other_answer) = x.chunk(2), said.chunk(2)
        diversity = 1 / ((other - one).norm() / (other_answer - answer).norm() + 1e-20)
        loss = torch.exp(losses - self.references).sum() + diversity
        if self._done % EPOCH_STEPS == 1:
            self.references = losses.detach()
        self._done += 1
        return self._moved(self._optimizers[0], loss)

    def student_step(self) -> Tensor:
        """One step of the student on fresh images of the generator at rest; returns its loss."""
        self.generator.eval()
        with torch.no_grad(), self._precision():
            x = self.generator(self._latents("transfer-noise"))
            target = F.softmax(self.teacher(x).float() / TEMPERATURE, dim=1)
        with self._precision():
            output = self.student(x)
        divergence = F.kl_div(F.log_softmax(output.float() / TEMPERATURE, dim=1), target, reduction="batchmean")
        return self._moved(self._optimizers[1], TEMPERATURE**2 * divergence)

    def _moved(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()
