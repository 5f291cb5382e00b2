"""An adapted image classifier that shows its feature maps on the way, stage by stage."""

from collections.abc import Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.modules.cost import at_rest, model_device
from acgkd.pixels import random_images
from acgkd.priors import ImagePrior
from acgkd.teachers.image_adapter import AdaptedImages


class StagedImages(AdaptedImages):
    """`AdaptedImages` with `stages`: what some of its parts make.

    Args:
        module: holds the layers; its weights are shared, not copied.
        classifier: name of the part that makes class scores.
        width: columns that it reads.
        named: the parts at whose end a stage is, in order.
    """

    def __init__(self, module: nn.Module, classifier: str, width: int, named: Sequence[str]) -> None:
        super().__init__(module, classifier, width)
        self._stages = tuple(named)

    def stages_and_embedding(self, x: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """The maps at the end of each stage, and what the classifier sees, in one pass.

        Shapes:
            x: ``[images, channels, height, width]``, standardised; returns: of each stage
            ``[images, maps, height, width]``; ``[images, width]``

        Raises:
            TeacherError: a stage is not called once, in its place, and with such maps.
        """
        seen: list[tuple[str, object]] = []

        def note(name: str, made: object) -> None:
            # What follows may compute in place.
            seen.append((name, made.clone() if isinstance(made, Tensor) else made))

        with ExitStack() as hooks:
            for name in self._stages:
                part = self.module.get_submodule(name)
                handle = part.register_forward_hook(lambda _, __, made, name=name: note(name, made))
                hooks.callback(handle.remove)
            embedding = self.encode(x)
        called = [name for name, _ in seen]
        if called != list(self._stages):
            raise TeacherError(
                f"`stages` are parts that `forward` calls once each, in this order, but of {list(self._stages)} it "
                f"called {called}."
            )
        maps = []
        for name, made in seen:
            if not isinstance(made, Tensor) or made.dim() != 4 or len(made) != len(x):
                shape = list(made.shape) if isinstance(made, Tensor) else type(made).__name__
                raise TeacherError(f"A stage makes maps, [images, maps, height, width], but `{name}` made {shape}.")
            maps.append(made)
        return tuple(maps), embedding

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The maps at the end of each stage; see `stages_and_embedding`."""
        return self.stages_and_embedding(x)[0]


def with_stages(adapted: AdaptedImages, named: Sequence[str], prior: ImagePrior) -> StagedImages:
    """The same with `stages`, tried once.

    Raises:
        TeacherError: a part is not there, or is no stage.
    """
    parts = dict(adapted.module.named_modules())
    unknown = [name for name in named if name not in parts or not name]
    if unknown or not named:
        has = ", ".join(name for name in parts if name)
        raise TeacherError(f"`stages` must name parts of the module, but got {list(named)}. It has: {has}.")
    made = StagedImages(adapted.module, adapted.classifier_name, adapted.width, named)
    images = random_images(2, prior.shape, prior.mean, prior.std, model_device(adapted.module))
    with at_rest(made), torch.no_grad():
        made.stages(images)
    return made
