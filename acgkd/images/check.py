"""Does a module satisfy the teacher protocol of images? Tried on a few made-up ones."""

import torch
from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.modules.cost import at_rest, model_device
from acgkd.modules.gradient_cuts import Cuts
from acgkd.modules.score_difference import require_sound, score_difference
from acgkd.modules.teacher_protocol import image_parts
from acgkd.pixels import random_images
from acgkd.priors import ImagePrior


def check_image_teacher(model: nn.Module, prior: ImagePrior) -> None:
    """Checks attributes and shapes, and that gradients reach the pixels.

    Args:
        model: may be in any mode, which is put back.
        prior: says shape and classes.

    Raises:
        TeacherError: the first law that does not hold.
    """
    kind = type(model).__name__
    for name in ("encode", "classifier"):
        if not callable(getattr(model, name, None)):
            raise TeacherError(
                f"An image teacher must have `{name}`, but {kind} has none. `acgkd.adapt(module, prior=prior)` helps a "
                "plain module to satisfy it."
            )
    width = getattr(model, "width", None)
    if not isinstance(width, int):
        raise TeacherError(f"An image teacher must say its `width`, an int, but {kind} has {width!r}.")
    images = random_images(2, prior.shape, prior.mean, prior.std, model_device(model))
    with at_rest(model):
        scores = _scores(model, images, prior, width)
        require_sound(model, scores, _scores(model, images, prior, width))
        _check_gradient(model, images, prior, width)
        _check_whole(model, images, prior)


def _scores(model: nn.Module, images: Tensor, prior: ImagePrior, width: int) -> Tensor:
    parts, kind, asked = image_parts(model), type(model).__name__, "encode"
    try:
        features = parts.encode(images)
        _shape("encode", features, (len(images), width), "[images, width]")
        asked = "classifier"
        scores: Tensor = parts.classifier(features)
    except TeacherError:
        raise
    except Exception as error:
        raise TeacherError(
            f"An image teacher must read images of {list(prior.shape)}, as the prior says, but `{asked}` of {kind} "
            f"raised {type(error).__name__}: {str(error).rstrip('.')}."
        ) from error
    _shape("classifier", scores, (len(images), prior.classes), "[images, classes]")
    return scores


def _shape(name: str, got: object, wanted: tuple[int, int], words: str) -> None:
    shape = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
    if shape != wanted:
        raise TeacherError(f"`{name}` of an image teacher must return {words} = {list(wanted)}, but gave {shape}.")


def _check_gradient(model: nn.Module, images: Tensor, prior: ImagePrior, width: int) -> None:
    learned = images.clone().requires_grad_()
    gradient = None
    with torch.enable_grad():
        with Cuts() as cuts:
            scores = _scores(model, learned, prior, width)
        if scores.requires_grad:
            (gradient,) = torch.autograd.grad((scores**2).sum(), learned, allow_unused=True)
    if gradient is None or not bool((gradient != 0).any()):
        why = f"`{cuts.first}` cuts them off. {cuts.way_out}" if cuts.first else "its scores do not depend on them."
        raise TeacherError(f"Gradients must reach the pixels through an image teacher, but none did: {why}")


def _check_whole(model: nn.Module, images: Tensor, prior: ImagePrior) -> None:
    """A wrapped module must say what it says by itself."""
    ask = getattr(model, "whole", None)
    answer = ask(images, classes=prior.classes) if callable(ask) else None
    if not callable(ask) or answer is None:
        return
    parts, kind = image_parts(model), type(getattr(model, "module", model)).__name__
    own = parts.classifier(parts.encode(images))
    apart = score_difference(own, answer)
    if not apart <= 1e-3 * max(1.0, float(own.abs().max())):
        require_sound(getattr(model, "module", model), answer, ask(images, classes=prior.classes))
        raise TeacherError(
            f"An adapted teacher must give the class scores of its module's `forward`, but they differ by up to "
            f"{apart:.3g}: {kind} does something behind `classifier`. Name the part that it ends in."
        )
