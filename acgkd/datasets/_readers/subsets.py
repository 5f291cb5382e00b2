"""How many of each class a part of a data set has: as nearly in the classes' shares as whole samples allow."""

import math
from collections.abc import Sequence

from acgkd.errors import ConfigError


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
