"""Rounds of the fast method: a copy of the generator is tuned to a few images, which join a pool that grows."""

import copy
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.images import IMAGES, ImageBatch
from acgkd.images.augment import crop_flip
from acgkd.losses import softened_kl
from acgkd.method import ImageContext, State
from acgkd.modules.batch_norm import AveragedStatistics
from acgkd.runtime import backward_to
from acgkd.settings.choices import Augmentation, PseudoSamples
from acgkd.settings.fast_rounds import FastSynthesisConfig
from acgkd.synthesis.images.generation import LearnedGenerator
from acgkd.synthesis.images.pool import ImagePool
from acgkd.synthesis.images.sources import cost_per_image
from acgkd.transfer.difficulty import Source

# What the first layer is drawn with when it begins anew.
RESET_STD = 0.02


class FastRounds(LearnedGenerator):
    """The rounds; one step is one round.

    Args:
        config: its settings.
        context: teacher, student, prior, streams, device.
        augment: of the pool.
    """

    def __init__(self, config: FastSynthesisConfig, context: ImageContext, *, augment: Augmentation) -> None:
        count, rate = config.steps * config.batch_size, config.rate * config.inner_steps
        super().__init__(config.generator, context, rate=rate, first_beta=0.5, pool=count)
        self.config, self.steps = config, config.steps
        self.images = ImagePool(count, context, augment=augment)
        self._tuned = copy.deepcopy(self.generator)
        self.statistics = AveragedStatistics(context.teacher, config.statistics, config.momentum)
        self.statistics.warn_if_absent(config.statistics_weight)
        self._student_cost = cost_per_image(context.student, context)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One round."""
        assert student is not None, "rounds and transfer take turns"
        config, streams, device = self.config, self.context.streams, self.context.device
        number = self.done + 1
        if number == config.reset_at:
            self._reset()
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

    @torch.no_grad()
    def _reset(self) -> None:
        """Draws the generator's first layer and the scales of its BatchNorm anew, as released; its memory stays."""
        draws = self.context.streams.generator("generator-reset")
        for layer in (self.generator.linear, self.generator.first_norm):
            layer.weight.normal_(0, RESET_STD, generator=draws)
            layer.bias.zero_()

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

    def source(self, samples: PseudoSamples) -> Source[ImageBatch]:
        """The pool as it grows."""
        return self.images

    def samples(self, count: int) -> ImageBatch:
        """The latest images of the pool, in order; before there are any, those of the untrained generator."""
        made = self.images.labels.numel()
        if made == 0:
            return super().samples(count)
        return self.images.plain((made - count + torch.arange(count, device="cpu")) % made)

    def facts(self) -> Mapping[str, float]:
        """How many images the pool has, if any."""
        made = self.images.labels.numel()
        return {**super().facts(), "pseudo_samples": made} if made else super().facts()

    def state_dict(self) -> State:
        """What BatchNorm saw, and the pool too."""
        kept = {"statistics": self.statistics.state(), "pool": self.images.state_dict()}
        return {**super().state_dict(), **kept}

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        super().load_state_dict(state)
        self.statistics.load(state["statistics"])
        self.images.load_state_dict(state["pool"])
