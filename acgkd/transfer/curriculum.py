"""From easy to hard: which pseudo-samples the student may see by when."""

import math

import torch
from torch import Tensor

from acgkd.errors import ConfigError
from acgkd.settings.choices import Pacing


def admitted_share(done: float, *, pacing: Pacing, pace: float, start: float) -> float:
    """The share of pseudo-samples that is let in after a share `done` of training.

    Grows from `start` at 0 to 1 at `pace` and stays there.

    Args:
        done: share of training done, in [0, 1].
        pacing: `linear` in time; `root` adds samples fast at first; `geometric` slowly at first; `step` lets them in
            in three equal lots; `none` lets all in from the beginning.
        pace: the share of training by which all are in.
        start: the share that is in from the beginning.

    Raises:
        ConfigError: `pace` or `start` is outside (0, 1].
    """
    for name, value in (("pace", pace), ("start", start)):
        if not 0 < value <= 1:
            raise ConfigError(f"`0 < {name} <= 1` must hold, but got {value}.")
    if pacing == "none" or done >= pace or start == 1:
        return 1.0
    time = max(done, 0.0) / pace
    if pacing == "linear":
        return start + (1 - start) * time
    if pacing == "root":
        return math.sqrt(start**2 + (1 - start**2) * time)
    if pacing == "geometric":
        return float(start ** (1 - time))
    return start + (1 - start) * math.floor(3 * time) / 3


def admitted(difficulty: Tensor, labels: Tensor, share: float) -> Tensor:
    """The easiest samples of every class, so that an easy class never crowds out the others.

    Args:
        difficulty: larger is harder.
        labels: pseudo-label of each sample.
        share: how much of each class is let in; at least one sample of each is.

    Shapes:
        difficulty, labels: ``[samples]`` on the CPU
        returns: ``[admitted]`` indices, ascending
    """
    if share >= 1:
        return torch.arange(difficulty.numel(), device="cpu")
    kept = []
    for label in torch.unique(labels):
        members = torch.nonzero(labels == label).flatten()
        # A stable sort, or equal difficulties would be admitted in another order on another machine.
        order = torch.argsort(difficulty[members], stable=True)
        # Rounded first: 0.55 * 100 is a little more than 55 and must not admit a 56th.
        kept.append(members[order[: max(1, math.ceil(round(share * members.numel(), 9)))]])
    return torch.cat(kept).sort().values
