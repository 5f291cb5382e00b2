"""Pixels as what is learned: a pool of images, learned batch after batch, from which transfer draws by index."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from acgkd.images import ImageBatch
from acgkd.images.augment import crop_flip
from acgkd.method import ImageContext, State
from acgkd.runtime import backward_to
from acgkd.settings.choices import PseudoSamples
from acgkd.settings.learned_pixels import PixelsConfig
from acgkd.synthesis.images.sources import cost_per_image


class PooledImages:
    """Images of a pool, each with the class that it was learned for: as they are, or moved and mirrored at each draw.

    What is moved into an image is black, as with real images; the teacher is asked anew what it is.

    Args:
        learning: whose pool it is.
        generator: of what moves them; None draws them as they are.
    """

    def __init__(self, learning: "PixelLearning", generator: torch.Generator | None) -> None:
        self.labels = learning.labels
        self._learning = learning
        self._generator = generator
        lowest = learning.context.prior.lowest
        self._black = torch.tensor(lowest, device=learning.context.device).view(1, -1, 1, 1)

    def draw(self, indices: Tensor) -> ImageBatch:
        """The images at `indices`."""
        x = self._learning.read(self._learning.x[indices.to(self._learning.x.device, non_blocking=True)])
        if self._generator is not None:
            x = crop_flip(x - self._black, self._generator) + self._black
        return ImageBatch(x)


class GrowingImages(PooledImages):
    """A pool that is learned while it teaches: it has the batches that are done, or the first while none is."""

    def renew(self) -> None:
        """Lets in what was learned since."""
        self.labels = self._learning.labels[: self._learning.learned]

    def name(self, labels: Tensor) -> None:
        """Takes the classes that the teacher says."""
        self.labels = labels


class PixelLearning(ABC):
    """A synthesis whose parameters are the pixels themselves; every batch has an Adam of its own.

    Args:
        config: how the pool is learned.
        context: teacher, prior, streams, device.
        joint: whether it teaches while it is learned.
    """

    def __init__(self, config: PixelsConfig, context: ImageContext, *, joint: bool = False) -> None:
        self.context = context
        self.steps = -(-config.images // config.batch_size) * config.steps
        self.done = 0
        self.multiply_adds = 0.0
        # The classes in turn, so that every batch is balanced.
        self.labels = torch.arange(config.images, device="cpu") % context.prior.classes
        shape = (config.images, *context.prior.shape)
        self.x = self.begin(shape, context.streams.generator("pixels"))
        self._pool = config
        self._joint = joint
        self._targets = self.labels.to(context.device)
        self._teacher_cost = cost_per_image(context.teacher, context)
        self._student_cost: float | None = None
        self._batch: nn.Parameter | None = None
        self._optimizer: torch.optim.Adam | None = None

    def read(self, x: Tensor) -> Tensor:
        """Images as the teacher reads them, of what is learned; the same."""
        return x

    def begin(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """What is learned, before it is learned: N(0, 1).

        Shapes:
            returns: `shape`, ``[images, channels, height, width]``
        """
        return torch.randn(shape, generator=generator, device=self.context.device)

    @abstractmethod
    def terms(self, x: Tensor, part: slice, student: nn.Module | None) -> dict[str, Tensor]:
        """Scalars by name of images as they are read; `part` is their place; ``loss`` among them is minimised."""

    def moved(self, x: Tensor) -> Tensor:
        """What becomes of pixels after a step; nothing."""
        return x

    @property
    def learned(self) -> int:
        """How many images are done; those of the first batch count from the start."""
        return min(max(1, self.done // self._pool.steps) * self._pool.batch_size, self._pool.images)

    def _part(self) -> slice:
        start = self.done // self._pool.steps * self._pool.batch_size
        return slice(start, min(start + self._pool.batch_size, self._pool.images))

    def _open(self, part: slice) -> tuple[nn.Parameter, torch.optim.Adam]:
        # A copy: the optimiser moves its own pixels, the pool takes them over after each step.
        self._batch = nn.Parameter(self.x[part].clone())
        self._optimizer = torch.optim.Adam([self._batch], lr=self._pool.rate, fused=True)
        return self._batch, self._optimizer

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One step for the batch whose turn it is; returns each term of the loss, detached."""
        part = self._part()
        batch, optimizer = self._batch, self._optimizer
        if batch is None or optimizer is None or self.done % self._pool.steps == 0:
            batch, optimizer = self._open(part)
        terms = self.terms(self.read(batch), part, student)
        backward_to([batch], terms["loss"])  # and not to a student that is looked at
        optimizer.step()
        batch.data.copy_(self.moved(batch.data))
        self.x[part] = batch.data
        self.done += 1
        # A forward and backward pass.
        self.multiply_adds += 3 * batch.shape[0] * (self._teacher_cost + self._cost_of(student))
        return {name: term.detach() for name, term in terms.items()}

    def _cost_of(self, student: nn.Module | None) -> float:
        """Multiply-adds of the student for one image, measured the first time that it is looked at."""
        if student is None:
            return 0.0
        if self._student_cost is None:
            self._student_cost = cost_per_image(student, self.context)
        return self._student_cost

    def source(self, samples: PseudoSamples) -> PooledImages:
        """The pool: `fixed`, its images as they are, or `resampled`, each moved and mirrored anew at each draw."""
        generator = None if samples == "fixed" else self.context.streams.generator("transfer-draws")
        return (GrowingImages if self._joint else PooledImages)(self, generator)

    def samples(self, count: int) -> ImageBatch:
        """Images that are done in turn, each as often as it takes to make `count`."""
        indices = torch.arange(count, device="cpu") % self.learned
        chosen = indices.to(self.x.device, non_blocking=True)
        return ImageBatch(self.read(self.x[chosen]), self._targets[chosen])

    def facts(self) -> Mapping[str, float]:
        """How many images there are so far."""
        return {"pseudo_samples": self.learned}

    def state_dict(self) -> State:
        """The pool, the position, and the optimiser of a batch that is under way."""
        under_way = self._optimizer is not None and self.done % self._pool.steps != 0
        optimizer = self._optimizer.state_dict() if self._optimizer is not None and under_way else None
        return {"done": self.done, "multiply_adds": self.multiply_adds, "x": self.x, "optimizer": optimizer}

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        self.done = int(state["done"])
        self.multiply_adds = float(state["multiply_adds"])
        self.x.copy_(state["x"])
        if state["optimizer"] is not None:
            _, optimizer = self._open(self._part())
            optimizer.load_state_dict(state["optimizer"])
