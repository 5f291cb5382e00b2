"""Fast data-free distillation: a generator that learns to be tuned to a few images in a few steps, and a pool of these.

    each round      φ ← θ, noise z and classes y drawn anew; k steps of Adam on φ and z, which minimise
                    w_oh CE(T(x), y) + w_bn Σ_l statistics − w_adv KL(T ‖ S) where both say the same, x = G_φ(z)
                    the x of the lowest loss join the pool; θ moves once, by φ's gradients of all k steps
    between rounds  the student learns from the pool: τ² KL(T ‖ S), τ = 20, images cropped and mirrored

The first `warm_up` rounds come at once; each of the others begins a stretch of the student's steps. The last warm one
is the first to look at the student, untaught as it is. Defaults are the released script's for wide residual networks
with k = 5; k = 2 goes with `{rate: 0.005, latent_rate: 0.015}`, k = 10 with `{rate: 0.002}`. There the student's rate
ends at 0.0002, here at 0. It keeps the student that is best on test; here the last one counts. REPTILE is left out.
Source: Fang et al. (2022), arXiv:2112.06253; released code 0dcecbc.
"""

import copy
from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from acgkd.batch_norm import AveragedStatistics, Statistic
from acgkd.config import Config
from acgkd.errors import ConfigError
from acgkd.images import IMAGES, ImageBatch
from acgkd.images.augment import crop_flip
from acgkd.images.generator import Ending
from acgkd.losses import softened_kl
from acgkd.method import Method, MethodContext, MethodRun
from acgkd.runtime import backward_to
from acgkd.synthesis.image_generation import GeneratorConfig, build_generator
from acgkd.synthesis.image_pool import Augmentation, ImagePool
from acgkd.synthesis.image_sources import ImageMaker
from acgkd.transfer.image_transfer import ImageTransferConfig, Recipe, compacted
from acgkd.transfer.optimizer import Decay
from acgkd.transfer.recipe import OneRecipeConfig
from acgkd.transfer.transfer import Samples, Source, TemperatureConfig, Transfer
from acgkd.transfer.two_phase import WarmedUp


class FastGeneratorConfig(GeneratorConfig):
    """What the generator is: one that ends in pixels between 0 and 1."""

    latent: int | None = Field(default=256, ge=1)
    ending: Ending = "sigmoid"
    eps: float = Field(default=1e-5, gt=0)


class FastSynthesisConfig(Config):
    """How images are made.

    Args:
        recipe: what is not said is `released`, or `compact`: 44 rounds of 128 images, 4 of them first, width 32.
        steps: rounds.
        warm_up: rounds before those that take turns with the student.
        inner_steps: steps of one round.
        batch_size: images of one round.
        rate: of the round's generator; the other's is as many times larger as a round has steps.
        latent_rate: of the noise.
        one_hot_weight: of the cross entropy at the classes drawn.
        statistics_weight: of the distance between BatchNorm's memory and what it sees.
        statistics: that distance.
        momentum: the share that earlier rounds keep in what it sees.
        adversarial_weight: of the student's divergence, from the last warm round on.
        augment: what happens to images before the teacher sees them.
        reset_at: the round, counted from 1, before which the generator's first layer begins anew; None lets it be.
        generator: what is trained.
    """

    recipe: Recipe = "released"
    steps: int = Field(default=220, ge=1)
    warm_up: int = Field(default=20, ge=1)
    inner_steps: int = Field(default=5, ge=1)
    batch_size: int = Field(default=256, ge=2)
    rate: float = Field(default=0.003, gt=0)
    latent_rate: float = Field(default=0.01, gt=0)
    one_hot_weight: float = Field(default=0.4, ge=0)
    statistics_weight: float = Field(default=10.0, ge=0)
    statistics: Statistic = "norm"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    adversarial_weight: float = Field(default=1.1, ge=0)
    augment: Augmentation = "crop_flip"
    reset_at: int | None = Field(default=140, ge=1)
    generator: FastGeneratorConfig = FastGeneratorConfig()

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, values: Any) -> Any:
        small = {"steps": 44, "warm_up": 4, "batch_size": 128, "reset_at": None, "generator": {"width": 32}}
        return compacted(values, small)


class FastTemperatureConfig(TemperatureConfig):
    """Softening of the logits: 20."""

    value: float = Field(default=20.0, gt=0)


class FastTransferConfig(ImageTransferConfig):
    """How the student is taught with the pool: released, 200 epochs of 400 steps.

    Args:
        augment: what happens to images of the pool each time they are shown.
    """

    steps: int = Field(default=80_000, ge=1)
    batch_size: int = Field(default=256, ge=2)
    rate: float = Field(default=0.2, gt=0)
    optimizer: Literal["adam", "sgd"] = "sgd"
    weight_decay: float = Field(default=1e-4, ge=0)
    decay: Decay = "cosine"
    temperature: FastTemperatureConfig = FastTemperatureConfig()
    augment: Augmentation = "crop_flip"

    @model_validator(mode="after")
    def _a_pool_that_grows(self) -> "FastTransferConfig":
        if self.samples == "fixed":
            raise ConfigError("`samples: fixed` needs a set that is whole, but this pool grows; use `resampled`.")
        if self.curriculum.pacing != "none":
            raise ConfigError("A curriculum needs a set that is whole, but this pool grows; use `pacing: none`.")
        return self


class FastConfig(OneRecipeConfig):
    """Settings of the method."""

    synthesis: FastSynthesisConfig = FastSynthesisConfig()
    transfer: FastTransferConfig = FastTransferConfig()


class FastSynthesis(ImageMaker):
    """The rounds; one step is one round.

    Args:
        config: its settings.
        context: teacher, student, prior, streams, device.
        augment: of the pool.
    """

    def __init__(self, config: FastSynthesisConfig, context: MethodContext, *, augment: Augmentation) -> None:
        self.generator = build_generator(config.generator, context)
        count = config.steps * config.batch_size
        super().__init__(self.generator, (self.generator.latent,), context, pool=count)
        self.config, self.steps = config, config.steps
        self.images = ImagePool(count, context, augment=augment)
        self._parameters = list(self.generator.parameters())
        self._tuned = copy.deepcopy(self.generator)
        self._optimizer = torch.optim.Adam(
            self._parameters, lr=config.rate * config.inner_steps, betas=(0.5, 0.999), fused=True
        )
        self.statistics = AveragedStatistics(context.teacher, config.statistics, config.momentum)
        self.statistics.warn_if_absent(config.statistics_weight)
        blank = ImageBatch(torch.zeros(1, *context.prior.shape, device=context.device))
        self._student_cost = IMAGES.counter(context.student, blank)(blank)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One round."""
        assert student is not None, "rounds and transfer take turns"
        config, streams, device = self.config, self.context.streams, self.context.device
        number = self.done + 1
        if number == config.reset_at:
            with streams.fork("generator-reset"):
                self.generator.linear.reset_parameters()
                self.generator.first_norm.reset_parameters()
        self._tuned.load_state_dict(self.generator.state_dict())
        self._tuned.train()
        student.eval()
        latents = nn.Parameter(self.latents(config.batch_size, "generator-noise"))
        draws = streams.generator("classes")
        labels = torch.randint(self.context.prior.classes, (config.batch_size,), generator=draws, device=device)
        tuned = list(self._tuned.parameters())
        groups = [{"params": tuned, "lr": config.rate}, {"params": [latents], "lr": config.latent_rate}]
        inner = torch.optim.Adam(groups, betas=(0.5, 0.999), fused=True)
        together = [torch.zeros_like(parameter) for parameter in tuned]
        lowest, best = torch.full((), torch.inf, device=device), torch.zeros((), device=device)
        against = config.adversarial_weight > 0 and number >= config.warm_up
        terms: dict[str, Tensor] = {}
        for _ in range(config.inner_steps):
            x = self._tuned(latents)
            terms = self._terms(x, labels, student if against else None)
            loss = terms["loss"].detach()
            best = torch.where(loss < lowest, x.detach(), best)
            lowest = torch.minimum(lowest, loss)
            backward_to([*tuned, latents], terms["loss"])
            together = [
                one if parameter.grad is None else one + parameter.grad
                for one, parameter in zip(together, tuned, strict=True)
            ]
            inner.step()
        self.statistics.remember()
        for parameter, gradient in zip(self._parameters, together, strict=True):
            parameter.grad = gradient
        self._optimizer.step()
        self.images.add(best, labels)
        self.done += 1
        cost = self._cost + self._teacher_cost + (self._student_cost if against else 0.0)
        self.multiply_adds += 3 * config.inner_steps * config.batch_size * cost
        return {name: term.detach() for name, term in terms.items()}

    def _terms(self, x: Tensor, labels: Tensor, student: nn.Module | None) -> dict[str, Tensor]:
        config = self.config
        if config.augment == "crop_flip":
            x = crop_flip(x, self.context.streams.generator("synthesis-augment"))
        with self.statistics.listening():
            target = IMAGES.logits(self.context.teacher, ImageBatch(x))
        one_hot, statistics = F.cross_entropy(target, labels), self.statistics.distance(self.context.device)
        terms = {"one_hot": one_hot, "statistics": statistics}
        loss = config.one_hot_weight * one_hot + config.statistics_weight * statistics
        if student is not None:
            output = IMAGES.logits(student, ImageBatch(x))
            alike = (target.argmax(dim=1) == output.argmax(dim=1)).to(target.dtype)
            terms["divergence"] = (softened_kl(target, output, 1.0) * alike).mean()
            loss = loss - config.adversarial_weight * terms["divergence"]
        return {"loss": loss, **terms}

    def source(self, samples: Samples) -> Source:
        """The pool as it grows."""
        return self.images

    def samples(self, count: int) -> ImageBatch:
        """The latest images of the pool, in order; before there are any, those of the untrained generator."""
        made = self.images.labels.numel()
        if made == 0:
            return super().samples(count)
        return self.images.plain((made - count + torch.arange(count, device="cpu")) % made)

    def state_dict(self) -> dict[str, Any]:
        """Generator, optimiser, what BatchNorm saw, and the pool too."""
        learned = {"generator": self.generator.state_dict(), "optimizer": self._optimizer.state_dict()}
        kept = {"statistics": self.statistics.state(), "pool": self.images.state_dict()}
        return {**super().state_dict(), **learned, **kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a state made by `state_dict`."""
        super().load_state_dict(state)
        self.generator.load_state_dict(state["generator"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.statistics.load(state["statistics"])
        self.images.load_state_dict(state["pool"])


def _start(config: FastConfig, context: MethodContext) -> MethodRun:
    synthesis = FastSynthesis(config.synthesis, context, augment=config.transfer.augment)
    transfer = Transfer(config.transfer, context, IMAGES)
    return WarmedUp(synthesis, transfer, first=config.synthesis.warm_up, samples=config.transfer.samples)


METHOD = Method(config=FastConfig, modality="images", start=_start, needs_student=lambda _: True)
