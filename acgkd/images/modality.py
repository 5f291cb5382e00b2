"""Images as a modality: what the rest of the package asks instead of asking "is this an image?"."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from acgkd.config import PriorConfig
from acgkd.images.augment import crop_flip
from acgkd.images.batch import ImageBatch, collate
from acgkd.images.check import check_image_teacher
from acgkd.images.picture import picture
from acgkd.method import Items, State
from acgkd.modality import Arrays
from acgkd.modules.cost import at_rest, counting, model_device
from acgkd.modules.teacher_protocol import image_parts
from acgkd.pixels import Pixels
from acgkd.priors import ImagePrior, ModalityName, Prior, image_prior


def _as_they_are(images: Tensor) -> Tensor:
    return images


class Images:
    """How to handle batches of images; implements `acgkd.modality.Modality`.

    The teacher protocol of images: ``encode(x [images, channels, height, width]) -> [images, width]`` and
    ``classifier``, with the attribute ``width``.
    """

    name: ModalityName = "images"

    def collate(self, samples: Items, device: torch.device) -> ImageBatch:
        """Joins images, with or without classes, into one batch on `device`."""
        return collate(samples, device)

    def to(self, batch: ImageBatch, device: torch.device) -> ImageBatch:
        """The batch on another device."""
        return batch.to(device)

    def size(self, batch: ImageBatch) -> int:
        """How many images a batch holds."""
        return int(batch.x.shape[0])

    def selector(self, batch: ImageBatch) -> Callable[[Tensor], ImageBatch]:
        """Cuts minibatches out of a large batch: ``selector(batch)(indices) -> ImageBatch``."""

        def select(indices: Tensor) -> ImageBatch:
            chosen = indices.to(batch.x.device, non_blocking=True)
            return ImageBatch(batch.x[chosen], None if batch.labels is None else batch.labels[chosen])

        return select

    def minibatches(
        self, samples: Items, device: torch.device, *, augment: str, generator: torch.Generator | None
    ) -> Callable[[Tensor], ImageBatch]:
        """Puts images on `device` once, as bytes where they are bytes, and cuts minibatches out of them there."""
        if isinstance(samples, Pixels):
            values, labels = samples.values.to(device, non_blocking=True), samples.labels.to(device, non_blocking=True)
            normalise = samples.normaliser(device)
        else:
            whole = self.collate(samples, device)
            assert whole.labels is not None, "minibatches are for training"
            values, labels = whole.x, whole.labels
            normalise = _as_they_are

        def cut(indices: Tensor) -> ImageBatch:
            chosen = indices.to(device, non_blocking=True)
            images = values[chosen]
            if generator is not None and augment == "crop_flip":
                # Before the norm: the border is black, as the padding of the published recipes.
                images = crop_flip(images, generator)
            return ImageBatch(normalise(images), labels[chosen])

        return cut

    def embed(self, model: nn.Module, batch: ImageBatch) -> Tensor:
        """What the model's classifier sees.

        Shapes:
            returns: ``[images, width]``
        """
        return image_parts(model).encode(batch.x)

    def logits(self, model: nn.Module, batch: ImageBatch) -> Tensor:
        """The model's class scores.

        Shapes:
            returns: ``[images, classes]``
        """
        scores: Tensor = image_parts(model).classifier(self.embed(model, batch))
        return scores

    def counter(self, model: nn.Module, batch: ImageBatch) -> Callable[[ImageBatch], float]:
        """Measures the model once on one image of the batch's shape.

        Returns:
            the multiply-adds of one forward pass over a batch.
        """
        probe = ImageBatch(torch.zeros(1, *batch.x.shape[1:], device=model_device(model)))
        with at_rest(model), counting(model) as counts:
            self.logits(model, probe)
        cost = float(sum(counts))
        return lambda other: cost * self.size(other)

    def pack(self, batch: ImageBatch) -> State:
        """The batch as tensors on the CPU, for a file."""
        labels = None if batch.labels is None else batch.labels.to("cpu")
        return {"x": batch.x.detach().to("cpu"), "labels": labels}

    def unpack(self, packed: State, device: torch.device) -> ImageBatch:
        """The batch that `pack` packed."""
        return ImageBatch(**packed).to(device)

    def picture(self, batch: ImageBatch, prior: Prior) -> Arrays:
        """What it takes to draw the images, as plain arrays."""
        assert isinstance(prior, ImagePrior), "of this modality"
        return picture(batch, prior)

    def prior(self, config: PriorConfig, known: PriorConfig) -> ImagePrior:
        """What the run says, then what the data set's entry says.

        Raises:
            ConfigError: neither says something that is needed.
        """
        return image_prior(config, known)

    def check_teacher(self, model: nn.Module, prior: Prior) -> None:
        """Tries the model on a few made-up images.

        Raises:
            TeacherError: the model does not satisfy the teacher protocol; the message says which part.
        """
        assert isinstance(prior, ImagePrior), "of this modality"
        check_image_teacher(model, prior)


IMAGES = Images()
