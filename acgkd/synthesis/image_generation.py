"""A generator as the synthesis of a method: trained first and then frozen, or side by side with the student."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from acgkd.config import Config
from acgkd.errors import ConfigError
from acgkd.images import IMAGES, ImageBatch
from acgkd.images.generator import Ending, ImageGenerator
from acgkd.method import MethodContext, MethodRun
from acgkd.runtime import backward_to
from acgkd.synthesis.image_sources import FreshImages, ImageMaker
from acgkd.transfer.image_outputs import answer, last_maps
from acgkd.transfer.image_transfer import GeneratedTransferConfig, Recipe
from acgkd.transfer.recipe import OneRecipeConfig
from acgkd.transfer.transfer import Samples, Source, Transfer
from acgkd.transfer.two_phase import Interleaved, TwoPhase


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
        batch_size: images of one step; an even number, whose halves some losses compare; BatchNorm sees them whole.
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


class GeneratedMethodConfig(OneRecipeConfig):
    """Base of the settings of a method whose synthesis is a generator of its own."""

    @model_validator(mode="after")
    def _one_set_of_what_is_done(self) -> "GeneratedMethodConfig":
        if self.synthesis.joint and self.transfer.samples == "fixed":
            raise ConfigError(
                "`transfer/samples: fixed` needs a generator that is done; use it with `synthesis/joint: false`."
            )
        return self


COMPACT: Mapping[str, Any] = {"steps": 400, "batch_size": 128, "generator": {"width": 32}}


def build_generator(config: GeneratorConfig, context: MethodContext) -> ImageGenerator:
    """A generator of images of the prior's shape.

    Raises:
        ConfigError: two doublings do not reach that shape.
    """
    prior = context.prior
    preprocessing = {"mean": prior.mean, "std": prior.std} if config.ending == "sigmoid" else {}
    with context.streams.fork("generator"):
        return ImageGenerator(
            prior.shape,
            latent=config.latent or (100 if prior.shape[0] == 1 else 1000),
            width=config.width,
            ending=config.ending,
            eps=config.eps,
            device=context.device,
            **preprocessing,
        )


@dataclass(frozen=True)
class Made:
    """What one step of a generator made, and what the teacher says of it; gradients pass through all of it.

    Shapes:
        latents: ``[images, latent]``; x: ``[images, channels, height, width]``; logits: ``[images, classes]``
        embedding: ``[images, width]``, what the teacher's classifier sees
        maps: the teacher's last feature maps as its pooling reads them, or the embedding where it has no `stages`
    """

    latents: Tensor
    x: Tensor
    logits: Tensor
    embedding: Tensor
    maps: Tensor


class GeneratorTraining(ImageMaker):
    """The synthesis: at each step a batch of fresh noise, the teacher's answer, one step of Adam.

    Args:
        config: how it is trained.
        context: teacher, prior, streams, device.
        terms: from what was made to scalars by name; ``loss`` among them is minimised.
        pool: how many images the source of transfer holds.
    """

    def __init__(
        self,
        config: GeneratedConfig,
        context: MethodContext,
        *,
        terms: Callable[[Made], dict[str, Tensor]],
        pool: int,
    ) -> None:
        self.generator = build_generator(config.generator, context)
        super().__init__(self.generator, (self.generator.latent,), context, pool=pool)
        self.config = config
        self.steps = config.steps
        self.just_made: Tensor | None = None
        self._terms = terms
        betas = (config.first_beta, 0.999)
        self._optimizer = torch.optim.Adam(self.generator.parameters(), lr=config.rate, betas=betas, fused=True)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One step; the student is not looked at."""
        self.generator.train()
        latents = self.latents(self.config.batch_size, "generator-noise")
        x = self.generator(latents)
        teacher = self.context.teacher
        said = answer(teacher, x)
        terms = self._terms(Made(latents, x, said.logits, said.embedding, last_maps(teacher, said)))
        self._move(terms["loss"])
        self.done += 1
        self.just_made = x.detach()
        # A forward and backward pass of either.
        self.multiply_adds += 3 * self.config.batch_size * (self._cost + self._teacher_cost)
        return {name: term.detach() for name, term in terms.items()}

    def _move(self, loss: Tensor) -> None:
        backward_to(list(self.generator.parameters()), loss)
        self._optimizer.step()

    def source(self, samples: Samples) -> Source:
        """Fresh images at every step, or one set for all of them; beside a student what was made just before."""
        return JustMade(self) if self.config.joint else super().source(samples)

    def state_dict(self) -> dict[str, Any]:
        """Generator and optimiser too."""
        learned = {"generator": self.generator.state_dict(), "optimizer": self._optimizer.state_dict()}
        return {**super().state_dict(), **learned}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        super().load_state_dict(state)
        self.generator.load_state_dict(state["generator"])
        self._optimizer.load_state_dict(state["optimizer"])


class JustMade(FreshImages):
    """The images that the generator was moved by just before, which is what a joint student is taught with.

    Where the student takes more steps than the generator, those between are taught with fresh images of it at rest.

    Args:
        training: the generator's.
    """

    def __init__(self, training: GeneratorTraining) -> None:
        super().__init__(training.pool, lambda count: training.latents(count, "transfer-noise"), training.render)
        self._training = training
        self._x: Tensor | None = None

    def renew(self) -> None:
        """Takes over what was made since the last time, once."""
        self._x, self._training.just_made = self._training.just_made, None
        count = self._training.pool if self._x is None else self._x.shape[0]
        self.labels = torch.zeros(count, dtype=torch.long, device="cpu")
        if self._x is None:
            super().renew()

    def draw(self, indices: Tensor) -> ImageBatch:
        """The images at `indices`."""
        if self._x is None:
            return super().draw(indices)
        return ImageBatch(self._x[indices.to(self._x.device, non_blocking=True)])


def start_generated(
    training: GeneratorTraining, transfer: GeneratedTransferConfig, context: MethodContext
) -> MethodRun:
    """The run of a method that is a generator and a teaching stage."""

    def teach() -> Transfer:
        return Transfer(transfer, context, IMAGES)

    if training.config.joint:
        return Interleaved(training, teach(), samples=transfer.samples)
    return TwoPhase(training, teach, student=context.student, transfer_steps=transfer.steps, samples=transfer.samples)
