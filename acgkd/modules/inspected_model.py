"""What has to be known of a model before a run, read off the model: also off one on `meta`, which has shapes alone."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from acgkd.facts import Shape, StageSizes
from acgkd.modules.cost import at_rest
from acgkd.modules.teacher_protocol import has_stages, image_parts


class InspectedModel:
    """Implements `acgkd.facts.ModelFacts`.

    Args:
        model: any; it is left as it was.
        device: where it is.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self._model = model
        self._device = device

    @property
    def batch_norm(self) -> bool:
        """Whether it has a BatchNorm layer that remembers what it was trained on."""
        return bool(remembering(self._model))

    def stage_sizes(self, shape: Shape) -> StageSizes | None:
        """Height and width of the maps of each stage; None where it has no `stages` and `pool`."""
        if not has_stages(self._model):
            return None
        with at_rest(self._model):
            stages = image_parts(self._model).stages(torch.zeros(2, *shape, device=self._device))
        return tuple((int(maps.shape[2]), int(maps.shape[3])) for maps in stages)


def remembering(model: nn.Module) -> list[_BatchNorm]:
    """The BatchNorm layers that remember mean and variance of what they were trained on, in order."""
    return [module for module in model.modules() if isinstance(module, _BatchNorm) and module.running_mean is not None]
