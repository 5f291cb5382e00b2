"""Generators of images that play against a student: how either is moved, and whose turn it is.

Two orders are known. With `noise: kept` the generator plays first, and the student is taught with what it now makes of
the same noise until its turn is over (ZSKT). With `noise: fresh` the student plays first, every step of either with
noise of its own (DFAD). The generator trains on while it makes the student's images: they are normed by their batch.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from acgkd.images import IMAGES, ImageBatch
from acgkd.images.image_losses import one_hot_loss
from acgkd.losses import balance_loss
from acgkd.method import ImageContext, State
from acgkd.modules.batch_norm import BatchNormStatistics
from acgkd.runtime import backward_to
from acgkd.settings.choices import PseudoSamples
from acgkd.settings.image_game import PlayingGeneratorConfig, PlayingStudentConfig
from acgkd.synthesis.images.generation import LearnedGenerator
from acgkd.synthesis.images.sources import cost_per_image
from acgkd.transfer.difficulty import Source
from acgkd.transfer.image_student import PlayingStudent
from acgkd.transfer.two_phase import Interleaved


class PlayingGenerator(LearnedGenerator):
    """The generator's side of the game.

    Args:
        config: how it plays.
        context: teacher, prior, streams, device.
        opponent: the student's side.
    """

    def __init__(self, config: PlayingGeneratorConfig, context: ImageContext, opponent: PlayingStudent) -> None:
        pool = opponent.config.pool
        super().__init__(config.generator, context, rate=config.rate, first_beta=config.first_beta, pool=pool)
        self.config = config
        self.steps = config.turn * -(-opponent.config.steps // opponent.config.turn)
        # What the student is taught with, and the noise of it, as long as that is kept.
        self.images: Tensor | None = None
        self._kept: Tensor | None = None
        self._opponent = opponent
        self._statistics = BatchNormStatistics(context.teacher, config.statistics)
        self._statistics.warn_if_absent(config.statistics_weight)
        self._student_cost = cost_per_image(opponent.student, context)

    def deal(self) -> None:
        """Begins a turn: other noise, and so other images."""
        self._kept = self.latents(self.pool, "game") if self.config.noise == "kept" else None
        self.images = None

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One step against the student."""
        assert student is not None, "a game has two players"
        count = self._opponent.config.batch_size
        latents = self.latents(count, "game") if self._kept is None else self._kept[:count]
        self.generator.train()
        student.train(not self.config.student_at_rest)
        terms = self._terms(student, ImageBatch(self.generator(latents)))
        backward_to(self._parameters, terms["loss"])  # and not to the student
        if self.config.clip is not None:
            clip_grad_norm_(self._parameters, self.config.clip)
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.rate * self._opponent.rate_left
        self._optimizer.step()
        self.done += 1
        # A forward and backward pass of all three.
        self.multiply_adds += 3 * latents.shape[0] * (self._cost + self._teacher_cost + self._student_cost)
        return {name: term.detach() for name, term in terms.items()}

    def _terms(self, student: nn.Module, batch: ImageBatch) -> dict[str, Tensor]:
        config, teacher = self.config, self.context.teacher
        with self._statistics.listening(config.statistics_weight > 0):
            target = IMAGES.logits(teacher, batch)
        with self.context.streams.fork("dropout"):
            output = IMAGES.logits(student, batch)
        agreement = -self._opponent.distance(target, output, self._opponent.softening)
        terms = {"loss": agreement, "agreement": agreement}
        if config.one_hot_weight > 0:
            terms["one_hot"] = one_hot_loss(target)
            terms["loss"] = terms["loss"] + config.one_hot_weight * terms["one_hot"]
        if config.balance_weight > 0:
            terms["balance"] = balance_loss(target)
            terms["loss"] = terms["loss"] + config.balance_weight * terms["balance"]
        if config.statistics_weight > 0:
            terms["statistics"] = self._statistics.distance(self.context.device)
            terms["loss"] = terms["loss"] + config.statistics_weight * terms["statistics"]
        return terms

    @torch.no_grad()
    def make(self) -> Tensor:
        """Images for a step of the student: those of this turn where noise is kept, else others each time."""
        if self._kept is not None and self.images is not None:
            return self.images
        self.generator.train()
        latents = self.latents(self.pool, "game") if self._kept is None else self._kept
        self.multiply_adds += self.pool * self._cost
        self.images = self.generator(latents)
        return self.images

    def source(self, samples: PseudoSamples) -> Source[ImageBatch]:
        """What the student is taught with."""
        return PlayedImages(self)

    def state_dict(self) -> State:
        """The turn's images too."""
        turn = {"kept": self._kept, "images": self.images if self._kept is not None else None}
        return {**super().state_dict(), **turn}

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        super().load_state_dict(state)
        self._kept, self.images = (
            None if state[name] is None else state[name].to(self.context.device) for name in ("kept", "images")
        )


class PlayedImages:
    """The images that a playing generator makes, named by the teacher where a curriculum asks.

    Args:
        player: makes them.
    """

    def __init__(self, player: PlayingGenerator) -> None:
        self.labels = torch.zeros(player.pool, dtype=torch.long, device="cpu")
        self._player = player

    def renew(self) -> None:
        """Has others made where it is time for others."""
        self._player.make()
        self.labels = torch.zeros_like(self.labels)

    def name(self, labels: Tensor) -> None:
        """Takes the classes that the teacher says."""
        self.labels = labels

    def draw(self, indices: Tensor) -> ImageBatch:
        """The images at `indices`."""
        images = self._player.images
        assert images is not None, "renewed before anything is drawn"
        return ImageBatch(images[indices.to(images.device, non_blocking=True)])


class ImageGame(Interleaved[ImageBatch]):
    """The game, in one joint stage. One step is one of the student; the generator's turn belongs to one of them.

    Args:
        generator: its settings.
        student: its settings.
        context: teacher, student, prior, streams, device.
    """

    def __init__(self, generator: PlayingGeneratorConfig, student: PlayingStudentConfig, context: ImageContext) -> None:
        self._opponent = PlayingStudent(student, context)
        self._player = PlayingGenerator(generator, context, self._opponent)
        super().__init__(self._player, self._opponent, samples=student.samples)

    def step(self) -> Mapping[str, Tensor]:
        """One step of the student, and the generator's turn where that is due."""
        turn, first = self._opponent.config.turn, self._player.config.noise == "kept"
        shown: dict[str, Tensor] = {}
        if first and self._opponent.done % turn == 0:
            shown = self._play()
        shown = {**shown, **self._opponent.step(self._source)}
        if not first and self._opponent.done % turn == 0:
            shown = {**shown, **self._play()}
        return shown

    def _play(self) -> dict[str, Tensor]:
        self._player.deal()
        terms: Mapping[str, Tensor] = {}
        for _ in range(self._player.config.turn):
            terms = self._player.step(self.student)
        return {f"synthesis_{name}": value for name, value in terms.items()}
