"""What a teacher's BatchNorm layers remember of its data, against what they see in pseudo-samples."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from acgkd.facts import NO_BATCH_NORM
from acgkd.losses import gaussian_kl, norm_distance, squared_distance
from acgkd.modules.backward import Context
from acgkd.modules.inspected_model import remembering
from acgkd.runtime import warn_once
from acgkd.settings.choices import Statistic

logger = logging.getLogger(__name__)

DISTANCES: dict[str, Callable[..., Tensor]] = {
    "gaussian_kl": gaussian_kl,
    "norm": norm_distance,
    "squared": squared_distance,
}


class _Moments(torch.autograd.Function):
    """Mean and mean square of every channel; the way back is one pass where autograd would make seven."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> tuple[Tensor, Tensor]:
        # Two plain means: torch's var_mean over the first dimension takes several times as long on a CPU.
        ctx.save_for_backward(x)
        dims = [dim for dim in range(x.dim()) if dim != 1]
        return x.mean(dim=dims), (x * x).mean(dim=dims)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        each = x.numel() // x.shape[1]
        shape = [-1, *[1] * (x.dim() - 2)]
        of_mean, of_square = ((gradient / each).view(shape) for gradient in gradients)
        return torch.addcmul(of_mean, x, 2 * of_square)


class BatchNormStatistics:
    """Listens to the inputs of every BatchNorm layer of a model and says how far they are from its memory.

    Args:
        model: in evaluation mode, so that its memory stays as it was trained.
        statistic: `gaussian_kl`, `norm` (GFKD's) or `squared`.
    """

    def __init__(self, model: nn.Module, statistic: Statistic) -> None:
        self._layers = remembering(model)
        self._distance = DISTANCES[statistic]
        # What each layer heard: mean, mean square, and its own memory of mean and variance.
        self._heard: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    @property
    def layers(self) -> int:
        """How many layers remember anything; with 0 the distance is always 0, which `warn_if_absent` says."""
        return len(self._layers)

    def warn_if_absent(self, weight: float) -> None:
        """Logs that a term of such a weight says nothing, where no layer remembers anything."""
        if weight > 0 and not self._layers:
            warn_once(logger, NO_BATCH_NORM)

    def _hear(self, layer: _BatchNorm, inputs: tuple[Tensor, ...]) -> None:
        mean, square = _Moments.apply(inputs[0])  # type: ignore[no-untyped-call]
        assert layer.running_mean is not None, "only layers that remember are listened to"
        assert layer.running_var is not None, "as above"
        self._heard.append((mean, square, layer.running_mean, layer.running_var))

    @contextmanager
    def listening(self, asked: bool = True) -> Iterator[None]:
        """Collects the distances of the forward passes inside the block, where they are asked for."""
        self._heard = []
        handles = [layer.register_forward_pre_hook(self._hear) for layer in self._layers if asked]
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
        # Layers of one width are measured together: on small batches most of the time would go into the many calls.
        widths: dict[int, list[tuple[Tensor, ...]]] = {}
        for heard in self._heard:
            widths.setdefault(heard[0].numel(), []).append(heard)
        total = torch.zeros((), device=device)
        for together in widths.values():
            mean, square, running_mean, running_var = (torch.stack(parts) for parts in zip(*together, strict=True))
            var = (square - mean * mean).clamp_min(0)
            total = total + self._distance(mean, var, running_mean, running_var).sum()
        return total

    def by_layer(self) -> list[float]:
        """The distance of each layer for what was heard in the last block, in the order in which they were passed."""
        found = []
        for mean, square, running_mean, running_var in self._heard:
            var = (square - mean * mean).clamp_min(0)
            found.append(float(self._distance(mean, var, running_mean, running_var)))
        return found


class AveragedStatistics(BatchNormStatistics):
    """The same, of what was heard and a running average of what was heard before: a small batch is noisy.

    Args:
        model: in evaluation mode.
        statistic: the distance.
        momentum: the share that the past keeps.
    """

    def __init__(self, model: nn.Module, statistic: Statistic, momentum: float) -> None:
        super().__init__(model, statistic)
        self._momentum = momentum
        self._past: list[tuple[Tensor, Tensor]] = []

    def _hear(self, layer: _BatchNorm, inputs: tuple[Tensor, ...]) -> None:
        super()._hear(layer, inputs)
        if self._past:
            mean, square, running_mean, running_var = self._heard.pop()
            past_mean, past_var = self._past[len(self._heard)]
            var = self._momentum * past_var + (1 - self._momentum) * (square - mean * mean)
            mean = self._momentum * past_mean + (1 - self._momentum) * mean
            self._heard.append((mean, var + mean * mean, running_mean, running_var))

    def remember(self) -> None:
        """Moves the average to what it was with what was heard last."""
        self._past = [(mean.detach(), (square - mean * mean).detach()) for mean, square, *_ in self._heard]

    def state(self) -> list[tuple[Tensor, Tensor]]:
        """The averages of mean and variance, layer by layer."""
        return self._past

    def load(self, state: list[tuple[Tensor, Tensor]]) -> None:
        """Loads what `state` gave."""
        self._past = [(mean, var) for mean, var in state]
