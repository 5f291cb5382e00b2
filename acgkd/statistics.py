"""What a teacher's BatchNorm layers remember of its data, against what they see in pseudo-samples."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from acgkd.losses import gaussian_kl, norm_distance, squared_distance

Statistic = Literal["gaussian_kl", "norm", "squared"]

DISTANCES: dict[str, Callable[..., Tensor]] = {
    "gaussian_kl": gaussian_kl,
    "norm": norm_distance,
    "squared": squared_distance,
}


class BatchNormStatistics:
    """Listens to the inputs of every BatchNorm layer of a model and says how far they are from its memory.

    Args:
        model: in evaluation mode, so that its memory stays as it was trained.
        statistic: `gaussian_kl`, `norm` (GFKD's) or `squared`.
    """

    def __init__(self, model: nn.Module, statistic: Statistic) -> None:
        self._layers = [
            module for module in model.modules() if isinstance(module, _BatchNorm) and module.running_mean is not None
        ]
        self._distance = DISTANCES[statistic]
        self._terms: list[Tensor] = []

    @property
    def layers(self) -> int:
        """How many layers remember anything; with 0 the distance is always 0 and the method should say so."""
        return len(self._layers)

    def _hear(self, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        x = inputs[0]
        dims = [dim for dim in range(x.dim()) if dim != 1]
        # Two plain means: torch's var_mean over the first dimension takes several times as long on a CPU.
        mean = x.mean(dim=dims)
        var = ((x * x).mean(dim=dims) - mean * mean).clamp_min(0)
        self._terms.append(self._distance(mean, var, layer.running_mean, layer.running_var))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collects the distances of the forward passes inside the block."""
        self._terms = []
        handles = [layer.register_forward_pre_hook(self._hear) for layer in self._layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def distance(self, device: torch.device) -> Tensor:
        """The sum over layers for what was heard in the last block.

        Shapes:
            returns: scalar on `device`
        """
        return torch.stack(self._terms).sum() if self._terms else torch.zeros((), device=device)
