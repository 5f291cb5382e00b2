"""A generator as the synthesis of a method: trained first and then frozen, or side by side with the student."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from acgkd.images import ImageBatch
from acgkd.images.generator import ImageGenerator
from acgkd.method import ImageContext, State
from acgkd.runtime import backward_to
from acgkd.settings.choices import PseudoSamples
from acgkd.settings.generators import GeneratedConfig, GeneratorConfig
from acgkd.synthesis.images.sources import FreshImages, ImageMaker
from acgkd.transfer.difficulty import Source
from acgkd.transfer.image_outputs import answer, last_maps


def build_generator(config: GeneratorConfig, context: ImageContext) -> ImageGenerator:
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


class LearnedGenerator(ImageMaker):
    """A generator that is moved by Adam; what it is moved by, and when, a subclass says.

    Args:
        config: what the generator is.
        context: teacher, prior, streams, device.
        rate: Adam's learning rate.
        first_beta: Adam's.
        pool: how many images the source of transfer holds.
    """

    def __init__(
        self, config: GeneratorConfig, context: ImageContext, *, rate: float, first_beta: float, pool: int
    ) -> None:
        self.generator = build_generator(config, context)
        super().__init__(self.generator, (self.generator.latent,), context, pool=pool)
        self._parameters = list(self.generator.parameters())
        self._optimizer = torch.optim.Adam(self._parameters, lr=rate, betas=(first_beta, 0.999), fused=True)

    def state_dict(self) -> State:
        """Generator and optimiser too."""
        learned = {"generator": self.generator.state_dict(), "optimizer": self._optimizer.state_dict()}
        return {**super().state_dict(), **learned}

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        super().load_state_dict(state)
        self.generator.load_state_dict(state["generator"])
        self._optimizer.load_state_dict(state["optimizer"])


class GeneratorTraining(LearnedGenerator):
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
        context: ImageContext,
        *,
        terms: Callable[[Made], dict[str, Tensor]],
        pool: int,
    ) -> None:
        super().__init__(config.generator, context, rate=config.rate, first_beta=config.first_beta, pool=pool)
        self.config = config
        self.steps = config.steps
        self.just_made: Tensor | None = None
        self._terms = terms

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One step; the student is not looked at."""
        self.generator.train()
        latents = self.latents(self.config.batch_size, "generator-noise")
        x = self.generator(latents)
        teacher = self.context.teacher
        said = answer(teacher, x)
        terms = self._terms(Made(latents, x, said.logits, said.embedding, last_maps(teacher, said)))
        backward_to(self._parameters, terms["loss"])
        self._optimizer.step()
        self.done += 1
        self.just_made = x.detach()
        # A forward and backward pass of either.
        self.multiply_adds += 3 * self.config.batch_size * (self._cost + self._teacher_cost)
        return {name: term.detach() for name, term in terms.items()}

    def source(self, samples: PseudoSamples) -> Source[ImageBatch]:
        """Fresh images at every step, or one set for all of them; beside a student what was made just before."""
        return JustMade(self) if self.config.joint else super().source(samples)


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
