"""What an image model says of images and sees on the way there, in one pass."""

from dataclasses import dataclass

from torch import Tensor, nn

from acgkd.modules.teacher_protocol import image_parts


@dataclass(frozen=True)
class Answer:
    """What a model says of images; gradients pass through all of it.

    Shapes:
        logits: ``[images, classes]``
        embedding: ``[images, width]``, what the classifier sees
        stages: maps of each stage, none where the model has no `stages`
    """

    logits: Tensor
    embedding: Tensor
    stages: tuple[Tensor, ...]


def answer(model: nn.Module, x: Tensor) -> Answer:
    """What `model` says of `x`, in one pass.

    Shapes:
        x: ``[images, channels, height, width]``
    """
    parts = image_parts(model)
    if callable(getattr(model, "stages_and_embedding", None)):
        stages, embedding = parts.stages_and_embedding(x)
        return Answer(parts.classifier(embedding), embedding, stages)
    stages = parts.stages(x) if callable(getattr(model, "stages", None)) else ()
    embedding = parts.pool(stages[-1]) if stages else parts.encode(x)
    return Answer(parts.classifier(embedding), embedding, stages)


def last_maps(model: nn.Module, said: Answer) -> Tensor:
    """The model's last feature maps as its pooling reads them; the embedding where it has no `stages`.

    A model whose stages end before a norm and a ReLU says so by `before_pool`.

    Shapes:
        returns: ``[images, maps, height, width]``, or ``[images, width]``
    """
    if not said.stages:
        return said.embedding
    last = said.stages[-1]
    return image_parts(model).before_pool(last) if callable(getattr(model, "before_pool", None)) else last
