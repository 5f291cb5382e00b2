"""Where transfer draws images from that are made of noise: fresh at every step, or one set for all."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from acgkd.images import IMAGES, ImageBatch
from acgkd.method import ImageContext, State
from acgkd.modules.cost import at_rest, counting
from acgkd.settings.choices import PseudoSamples
from acgkd.transfer.difficulty import Source

# Images of one pass where many are made at once.
PART = 256


class FreshImages:
    """Images that live for one step; their difficulty and their classes are measured at each.

    A bank that is kept for a while would make the same curriculum cheaper, but an easy share of few samples is seen
    again and again; what a generator is for is that none has to be.

    Args:
        count: of one step.
        latents: draws what images are made of, so many rows.
        render: makes the images.
    """

    def __init__(self, count: int, latents: Callable[[int], Tensor], render: Callable[[Tensor], Tensor]) -> None:
        self.labels = torch.zeros(count, dtype=torch.long, device="cpu")
        self._draw_latents = latents
        self._render = render
        self._latents: Tensor | None = None

    def renew(self) -> None:
        """Draws others."""
        self._latents = self._draw_latents(self.labels.numel())
        self.labels = torch.zeros_like(self.labels)

    def name(self, labels: Tensor) -> None:
        """Takes the classes that the teacher says."""
        self.labels = labels

    def draw(self, indices: Tensor) -> ImageBatch:
        """The images at `indices`."""
        if self._latents is None:
            self.renew()
        assert self._latents is not None, "drawn just above"
        return ImageBatch(self._render(self._latents[indices.to(self._latents.device, non_blocking=True)]))


class FixedImages:
    """Images made once for all, with the classes that the teacher says.

    Args:
        x: the images.
        teacher: names them.
    """

    def __init__(self, x: Tensor, teacher: nn.Module) -> None:
        self._x = x
        self.labels = verdicts(teacher, x).to("cpu")

    def draw(self, indices: Tensor) -> ImageBatch:
        """The images at `indices`."""
        return ImageBatch(self._x[indices.to(self._x.device, non_blocking=True)])


def verdicts(teacher: nn.Module, x: Tensor) -> Tensor:
    """The classes that the teacher says, found in parts that fit into memory.

    Shapes:
        x: ``[images, channels, height, width]``; returns: ``[images]``
    """
    with at_rest(teacher):
        return torch.cat([IMAGES.logits(teacher, ImageBatch(part)).argmax(dim=1) for part in torch.split(x, PART)])


def cost_per_image(model: nn.Module, context: ImageContext) -> float:
    """Multiply-adds of one forward pass of a teacher or student over one image."""
    blank = ImageBatch(torch.zeros(1, *context.prior.shape, device=context.device))
    return IMAGES.counter(model, blank)(blank)


class ImageMaker:
    """Half of a synthesis: all of it but the steps.

    Args:
        maker: makes images of noise.
        noise: shape of the noise of one image.
        context: teacher, prior, streams, device.
        pool: how many images the source of transfer holds.
    """

    def __init__(self, maker: nn.Module, noise: tuple[int, ...], context: ImageContext, *, pool: int) -> None:
        self.maker = maker
        self.context = context
        self.pool = pool
        self.done = 0
        self.multiply_adds = 0.0
        self._noise = noise
        self._set_made = False
        self._teacher_cost = cost_per_image(context.teacher, context)
        with at_rest(maker), counting(maker) as counts:
            maker(torch.zeros(1, *noise, device=context.device))
        self._cost = float(sum(counts))

    def latents(self, count: int, stream: str) -> Tensor:
        """Fresh noise.

        Shapes:
            returns: ``[count, ...]``
        """
        generator = self.context.streams.generator(stream)
        return torch.randn(count, *self._noise, generator=generator, device=self.context.device)

    @torch.no_grad()
    def render(self, latents: Tensor) -> Tensor:
        """Images of noise, made at rest, in parts that fit into memory; counted."""
        self.maker.eval()
        self.multiply_adds += latents.shape[0] * self._cost
        return torch.cat([self.maker(part) for part in torch.split(latents, PART)])

    def source(self, samples: PseudoSamples) -> Source[ImageBatch]:
        """Fresh images at every step, or one set for all of them."""

        def latents(count: int) -> Tensor:
            return self.latents(count, "transfer-noise")

        if samples != "fixed":
            return FreshImages(self.pool, latents, self.render)
        before = self.multiply_adds
        images = FixedImages(self.render(latents(self.pool)), self.context.teacher)
        # A run that is resumed makes the same set again, but has counted it already.
        self.multiply_adds = before if self._set_made else self.multiply_adds + self.pool * self._teacher_cost
        self._set_made = True
        return images

    @torch.no_grad()
    def samples(self, count: int) -> ImageBatch:
        """Images of fresh noise, made at rest by what there is now, with the classes that the teacher says."""
        self.maker.eval()
        x: Tensor = self.maker(self.latents(count, "samples"))
        return ImageBatch(x, verdicts(self.context.teacher, x))

    def facts(self) -> Mapping[str, float]:
        """Nothing that a record has a column for."""
        return {}

    def state_dict(self) -> State:
        """Position and what was counted."""
        return {"done": self.done, "multiply_adds": self.multiply_adds, "set_made": self._set_made}

    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""
        self.done = int(state["done"])
        self.multiply_adds = float(state["multiply_adds"])
        self._set_made = bool(state["set_made"])
