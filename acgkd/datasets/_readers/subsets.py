"""A part of a data set: the first samples of every class, as nearly in the classes' shares as whole samples allow."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from acgkd.errors import ConfigError


def first_of_each(labels: Tensor, count: int) -> Tensor:
    """Which samples are kept of a set: the first of every class.

    Args:
        labels: class of each sample.
        count: how many are kept in all.

    Shapes:
        labels: ``[samples]``; returns: ``[samples]``, boolean

    Raises:
        ConfigError: more than there are.
    """
    quota = torch.tensor(quotas(torch.bincount(labels).tolist(), count), device="cpu")
    rank = F.one_hot(labels).cumsum(0).gather(1, labels.unsqueeze(1)).squeeze(1)
    return rank <= quota[labels]


def quotas(counts: Sequence[int], count: int) -> list[int]:
    """How many of each class are kept, by largest remainder.

    Args:
        counts: samples of each class.
        count: how many are kept in all.

    Raises:
        ConfigError: more than there are.
    """
    total = sum(counts)
    if count > total:
        raise ConfigError(f"`options/train_samples <= {total}` must hold, but got {count}.")
    exact = [number * count / total for number in counts]
    kept = [math.floor(share) for share in exact]
    for place in sorted(range(len(counts)), key=lambda place: kept[place] - exact[place])[: count - sum(kept)]:
        kept[place] += 1
    return kept
