"""Categorical features, in one column or several: drawn block by block, each column by itself."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from acgkd.graphs.pseudo.concrete import concrete_features, likeliest_features, one_hot, sampled_features
from acgkd.settings.choices import Relaxation

# Deviation of the logits that features start with.
SPREAD = 0.5


class Kinds:
    """How logits of categorical features become features.

    Args:
        columns: how many kinds each column has; empty, or of one number, where there is one column.

    Shapes:
        all logits, and all that is returned: ``[rows, sum of the kinds]``
    """

    def __init__(self, columns: Sequence[int] = ()) -> None:
        self._columns = list(columns)

    def _each(self, draw: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
        if len(self._columns) < 2:
            return draw(logits)
        return torch.cat([draw(block) for block in logits.split_with_sizes(self._columns, dim=1)], dim=1)

    def relaxed(
        self, logits: Tensor, *, temperature: float, relaxation: Relaxation, generator: torch.Generator
    ) -> Tensor:
        """Draws that gradients pass through; arguments as of `concrete_features`."""

        def draw(block: Tensor) -> Tensor:
            return concrete_features(block, temperature=temperature, relaxation=relaxation, generator=generator)

        return self._each(draw, logits)

    def sampled(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """One-hot blocks, drawn from the distributions themselves."""
        return self._each(lambda block: sampled_features(block, generator), logits)

    def likeliest(self, logits: Tensor) -> Tensor:
        """The most likely one-hot blocks."""
        return self._each(likeliest_features, logits)

    def probable(self, logits: Tensor) -> Tensor:
        """The probabilities themselves."""
        return self._each(lambda block: torch.softmax(block, dim=1), logits)

    def hardened(self, logits: Tensor, through: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The most likely one-hot blocks, joined to their probabilities by `through(hard, soft)`."""

        def draw(block: Tensor) -> Tensor:
            hard = one_hot(block.detach().argmax(dim=1), block.shape[1], block.dtype)
            return through(hard, torch.softmax(block, dim=1))

        return self._each(draw, logits)


def starting_logits(rows: int, columns: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Logits of categorical features before anything is learned.

    Shapes:
        returns: ``[rows, columns]``
    """
    return SPREAD * torch.randn(rows, columns, generator=generator, device=device)
