"""A generator as the synthesis of a method: trained first and then frozen, or side by side with the student."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from acgkd.config import Config
from acgkd.cost import at_rest, counting
from acgkd.errors import ConfigError
from acgkd.images import IMAGES, ImageBatch
from acgkd.images.generator import Ending, ImageGenerator
from acgkd.methods import Run, Setting
from acgkd.methods._images import PART, FixedImages, FreshImages, GeneratedTransferConfig, Recipe, verdicts
from acgkd.methods._transfer import Samples, Source, Transfer
from acgkd.methods._two_phase import Interleaved, TwoPhase


class GeneratorConfig(Config):
    """What the generator is; see `acgkd.images.generator`.

    Args:
        latent: length of the noise; None takes 100 for one channel and 1,000 for several, as released.
        width: channels of its first maps.
        ending: of the network.
        eps: of the BatchNorm layers between convolutions; the released 0.8 is meant, says its author.
    """

    latent: int | None = Field(default=None, ge=1)
    width: int = Field(default=128, ge=2)
    ending: Ending = "tanh_norm"
    eps: float = Field(default=0.8, gt=0)


class GeneratedConfig(Config):
    """How a generator is trained.

    Args:
        recipe: what is not said is `released`, or `compact`: a generator of width 32, 400 steps of 128 images.
        joint: student and generator are taught side by side, with the same images, the steps of the generator spread
            evenly between those of the student; otherwise the generator comes first, and the student is taught with
            what it makes when it is done and at rest.
        steps: optimiser steps.
        batch_size: images of one step; an even number, two halves of which are drawn where a loss compares them.
        rate: Adam's learning rate.
        first_beta: Adam's.
        generator: what is trained.
    """

    recipe: Recipe = "released"
    joint: bool = False
    steps: int = Field(default=2400, ge=1)
    batch_size: int = Field(default=512, ge=4, multiple_of=2)
    rate: float = Field(default=0.001, gt=0)
    first_beta: float = Field(default=0.9, ge=0, lt=1)
    generator: GeneratorConfig = GeneratorConfig()


COMPACT: Mapping[str, Any] = {"steps": 400, "batch_size": 128, "generator": {"width": 32}}


def build_generator(config: GeneratorConfig, setting: Setting) -> ImageGenerator:
    """A generator of images of the prior's shape.

    Raises:
        ConfigError: two doublings do not reach that shape.
    """
    prior = setting.prior
    preprocessing = {"mean": prior.mean, "std": prior.std} if config.ending == "sigmoid" else {}
    with setting.streams.fork("generator"):
        return ImageGenerator(
            prior.shape,
            latent=config.latent or (100 if prior.shape[0] == 1 else 1000),
            width=config.width,
            ending=config.ending,
            eps=config.eps,
            device=setting.device,
            **preprocessing,
        )


def generator_cost(generator: ImageGenerator, device: torch.device) -> float:
    """Multiply-adds of one forward pass for one image."""
    with at_rest(generator), counting(generator) as counts:
        generator(torch.zeros(1, generator.latent, device=device))
    return float(sum(counts))


@dataclass(frozen=True)
class Made:
    """What one step of a generator made, and what the teacher says of it; gradients pass through all of it.

    Shapes:
        latents: ``[images, latent]``; x: ``[images, channels, height, width]``; logits: ``[images, classes]``
        maps: the teacher's last feature maps, or what its classifier sees where it has no `stages`
    """

    latents: Tensor
    x: Tensor
    logits: Tensor
    maps: Tensor


class GeneratorTraining:
    """The synthesis: at each step a batch of fresh noise, the teacher's answer, one step of Adam.

    Args:
        config: how it is trained.
        setting: teacher, prior, streams, device.
        terms: from what was made to scalars by name; ``loss`` among them is minimised.
        pool: how many images the source of transfer holds.
        halves: make each batch in two halves, each of which is its own BatchNorm's batch.
    """

    def __init__(
        self,
        config: GeneratedConfig,
        setting: Setting,
        *,
        terms: Callable[[Made], dict[str, Tensor]],
        pool: int,
        halves: bool = False,
    ) -> None:
        self.config = config
        self.setting = setting
        self.steps = config.steps
        self.done = 0
        self.multiply_adds = 0.0
        self.generator = build_generator(config.generator, setting)
        self.just_made: Tensor | None = None
        self._terms = terms
        self._pool = pool
        self._halves = 2 if halves else 1
        self._set_made = False
        betas = (config.first_beta, 0.999)
        self._optimizer = torch.optim.Adam(self.generator.parameters(), lr=config.rate, betas=betas, fused=True)
        self._cost = generator_cost(self.generator, setting.device)
        probe = ImageBatch(torch.zeros(1, *setting.prior.shape, device=setting.device))
        self._teacher_cost = IMAGES.counter(setting.teacher, probe)(probe)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One step; the student is not looked at."""
        self.generator.train()
        made = self._make()
        terms = self._terms(made)
        self._move(terms["loss"])
        self.done += 1
        self.just_made = made.x.detach()
        # A forward and backward pass of either.
        self.multiply_adds += 3 * self.config.batch_size * (self._cost + self._teacher_cost)
        return {name: term.detach() for name, term in terms.items()}

    def _make(self) -> Made:
        latents = self.latents(self.config.batch_size, "generator-noise")
        x = torch.cat([self.generator(half) for half in torch.chunk(latents, self._halves)])
        logits, maps = answers(self.setting.teacher, x)
        return Made(latents, x, logits, maps)

    def _move(self, loss: Tensor) -> None:
        # Not `backward`: whatever else the loss depends on gets no gradient that nobody asked for.
        parameters = list(self.generator.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        self._optimizer.step()

    def latents(self, count: int, stream: str) -> Tensor:
        """Fresh noise."""
        return torch.randn(
            count,
            self.generator.latent,
            generator=self.setting.streams.generator(stream),
            device=self.setting.device,
        )

    @torch.no_grad()
    def render(self, latents: Tensor) -> Tensor:
        """Images of noise, from the generator at rest, in parts that fit into memory; counted."""
        self.generator.eval()
        self.multiply_adds += latents.shape[0] * self._cost
        return torch.cat([self.generator(part) for part in torch.split(latents, PART)])

    def source(self, samples: Samples) -> Source:
        """Fresh images at every step, or one set for all of them.

        Raises:
            ConfigError: one set from a generator that goes on learning.
        """

        def latents(count: int) -> Tensor:
            return self.latents(count, "transfer-noise")

        if samples == "fixed":
            if self.config.joint:
                raise ConfigError("`samples: fixed` needs a generator that is done; use it with `joint: false`.")
            before = self.multiply_adds
            images = FixedImages(self.render(latents(self._pool)), self.setting.teacher)
            # A run that is taken up makes the same set again, but has counted it already.
            self.multiply_adds = before if self._set_made else self.multiply_adds + self._pool * self._teacher_cost
            self._set_made = True
            return images
        if self.config.joint:
            return JustMade(self, self._pool, latents, self.render)
        return FreshImages(self._pool, latents, self.render)

    @torch.no_grad()
    def samples(self, count: int) -> ImageBatch:
        """Images of fresh noise from the generator as it is now, at rest, with the classes that the teacher says."""
        self.generator.eval()
        x: Tensor = self.generator(self.latents(count, "samples"))
        return ImageBatch(x, verdicts(self.setting.teacher, x))

    def facts(self) -> Mapping[str, float]:
        """Nothing that a record has a column for."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Generator, optimiser, position."""
        return {
            "done": self.done,
            "multiply_adds": self.multiply_adds,
            "set_made": self._set_made,
            "generator": self.generator.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        self.done = int(state["done"])
        self.multiply_adds = float(state["multiply_adds"])
        self._set_made = bool(state["set_made"])
        self.generator.load_state_dict(state["generator"])
        self._optimizer.load_state_dict(state["optimizer"])


class JustMade(FreshImages):
    """The images that the generator was moved by just before, which is what a joint student is taught with.

    Where the student takes more steps than the generator, those between are taught with fresh images of it at rest.

    Args:
        training: the generator's.
        count: fresh images of a step between.
        latents: draws what those are made of.
        render: makes them.
    """

    def __init__(
        self,
        training: GeneratorTraining,
        count: int,
        latents: Callable[[int], Tensor],
        render: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__(count, latents, render)
        self._training = training
        self._count = count
        self._x: Tensor | None = None

    def renew(self) -> None:
        """Takes over what was made since the last time, once."""
        self._x, self._training.just_made = self._training.just_made, None
        count = self._count if self._x is None else self._x.shape[0]
        self.labels = torch.zeros(count, dtype=torch.long, device="cpu")
        if self._x is None:
            super().renew()

    def draw(self, indices: Tensor) -> ImageBatch:
        """The images at `indices`."""
        if self._x is None:
            return super().draw(indices)
        return ImageBatch(self._x[indices.to(self._x.device, non_blocking=True)])


def answers(teacher: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """What the teacher says, and its last feature maps, in one pass.

    Shapes:
        x: ``[images, channels, height, width]``
        returns: ``[images, classes]``; maps, or what the classifier sees where the teacher has no `stages`
    """
    parts: Any = teacher
    if not callable(getattr(teacher, "stages", None)):
        features = parts.encode(x)
        return parts.classifier(features), features
    maps = parts.stages(x)[-1]
    return parts.classifier(parts.pool(maps)), maps


def start_generated(training: GeneratorTraining, transfer: GeneratedTransferConfig, setting: Setting) -> Run:
    """The run of a method that is a generator and a teaching stage."""

    def teach() -> Transfer:
        return Transfer(transfer, setting, IMAGES)

    if training.config.joint:
        return Interleaved(training, teach(), samples=transfer.samples)
    return TwoPhase(training, teach, student=setting.student, transfer_steps=transfer.steps, samples=transfer.samples)
