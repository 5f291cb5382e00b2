"""Makes a plain image classifier satisfy the teacher protocol: its last linear layer classifies, the rest encodes."""

import logging

from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.modality import modality
from acgkd.modules.cost import at_rest, model_device
from acgkd.modules.score_difference import require_sound, score_difference
from acgkd.pixels import random_images
from acgkd.priors import ImagePrior
from acgkd.runtime import warn_once
from acgkd.teachers.forward_call import one_score, tables_in
from acgkd.teachers.heard_calls import Heard, listening
from acgkd.teachers.teacher_values import ONE_SCORE, check_values
from acgkd.teachers.up_to_head import handed_to

logger = logging.getLogger(__name__)

_IMAGES = 3


class AdaptedImages(nn.Module):
    """An image module with the parts of the teacher protocol; made by `adapt`.

    Args:
        module: holds the layers; its weights are shared, not copied.
        classifier: name of the part that makes class scores, as `named_modules` says it.
        width: columns that it reads.
    """

    def __init__(self, module: nn.Module, classifier: str, width: int) -> None:
        super().__init__()
        self.module = module
        self.width = width
        # A name and no part: a deep copy must use its own layers.
        self.classifier_name = classifier

    @property
    def classifier(self) -> nn.Module:
        """The part that makes class scores."""
        return self.module.get_submodule(self.classifier_name)

    def encode(self, x: Tensor) -> Tensor:
        """What the module hands to its classifier; nothing behind that is computed.

        Shapes:
            x: ``[images, channels, height, width]``, standardised; returns: ``[images, width]``
        """
        # A copy: it is theirs, and they may compute in place.
        read = handed_to(self.classifier, lambda: self.module(x.clone()))
        if read is None:
            raise TeacherError(f"`forward` of {type(self.module).__name__} does not call `{self.classifier_name}`.")
        # `squeeze()` in a user's module takes the axis of a single image too.
        return read.unsqueeze(0) if read.dim() == 1 else read

    def forward(self, x: Tensor) -> Tensor:
        """Class scores of standardised images.

        Shapes:
            returns: ``[images, classes]``
        """
        scores: Tensor = self.classifier(self.encode(x))
        return scores

    def whole(self, x: Tensor, *, classes: int | None = None) -> Tensor | None:
        """What the module's own `forward` says; None where that is no table of scores."""
        return next(iter(tables_in(self.module(x.clone()), len(x), classes)), None)


def adapt_images(module: nn.Module, classifier: str | None, width: int | None, prior: ImagePrior) -> AdaptedImages:
    """Wraps a trained image classifier, and tries the result; see `acgkd.adapt`.

    Raises:
        TeacherError: its classifier is not there or not found, or the result is no teacher.
    """
    check_values(module)
    found = find_classifier(module, prior) if classifier is None else None
    name = classifier or (found and found[0]) or ""
    if name not in dict(module.named_modules()):
        has = ", ".join(part for part, _ in module.named_modules() if part)
        raise TeacherError(f"`classifier` must name a part of {type(module).__name__}, but '{name}' is none of: {has}.")
    made = AdaptedImages(module, name, width or (found and found[1]) or width_of(module.get_submodule(name)))
    check_values(made)
    modality("images").check_teacher(made, prior)
    if found is not None:
        warn_once(logger, f"{type(module).__name__} was found to be wired like this: classifier='{name}'.")
    return made


def width_of(head: object) -> int:
    """Columns that the first layer of a head reads.

    Raises:
        TeacherError: it has none that says so.
    """
    for part in head.modules() if isinstance(head, nn.Module) else ():
        for name in ("in_features", "in_channels"):
            if isinstance(getattr(part, name, None), int):
                return int(getattr(part, name))
    raise TeacherError("`width` cannot be read off a classifier without linear layers; pass `width=`.")


def find_classifier(module: nn.Module, prior: ImagePrior) -> tuple[str, int]:
    """The last layer that makes the class scores, found by one call with hooks on all parts, and what it reads.

    Args:
        module: its modes are put back.
        prior: says the shape of an image.

    Raises:
        TeacherError: it cannot be called, or no part makes its scores of one row an image.
    """
    kind, heard = type(module).__name__, list[Heard]()
    images = random_images(_IMAGES, prior.shape, prior.mean, prior.std, model_device(module))
    with at_rest(module):
        try:
            with listening(module, (), heard):
                answer = module(images.clone())
        except Exception as error:
            raise TeacherError(
                f"{kind} could not be called on images of {list(prior.shape)} to find its classifier: "
                f"{type(error).__name__}: {str(error).rstrip('.')}."
            ) from error
        if one_score(answer, _IMAGES):
            raise TeacherError(ONE_SCORE.format(kind=kind))
        tables = tables_in(answer, _IMAGES, prior.classes)
        if not tables:
            raise TeacherError(
                f"`forward` of {kind} must give class scores, [images, classes], but gave something else."
            )
        require_sound(module, tables[0], tables_in(module(images.clone()), _IMAGES, prior.classes)[0])
    linear = {name for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    # Parts within others have been heard before them.
    found = [
        call
        for table in tables
        for call in heard
        if call.given.dim() == 2 and call.made.shape == table.shape and score_difference(call.made, table) < 1e-4
    ]
    if not found:
        raise TeacherError(
            f"No part of {kind} makes its class scores of one row an image, so that there is nothing for a student to "
            "be compared by. Let a linear layer, or a module around it, be the last part, or name it: "
            "`acgkd.adapt(module, classifier=..., prior=prior)`."
        )
    best = next((call for call in found if call.name in linear), found[0])
    return best.name, int(best.given.shape[1])
