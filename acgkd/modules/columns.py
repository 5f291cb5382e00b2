"""Categorical columns as models read them: a one-hot block for each, side by side; and as people keep them: numbers."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.errors import ConfigError


def random_kinds(rows: int, columns: Sequence[int], generator: torch.Generator) -> Tensor:
    """One-hot blocks of kinds that are drawn evenly.

    Args:
        rows: how many.
        columns: how many kinds each column has.
        generator: on the CPU.

    Shapes:
        returns: ``[rows, sum of the kinds]`` on the CPU
    """
    blocks = []
    for kinds in columns:
        chosen = torch.randint(kinds, (rows, 1), generator=generator, device="cpu")
        blocks.append(torch.zeros(rows, kinds, device="cpu").scatter_(1, chosen, 1.0))
    return torch.cat(blocks, dim=1)


def as_blocks(values: Tensor, columns: Sequence[int], what: str) -> Tensor:
    """Kinds that are whole numbers as one-hot blocks; what holds fractions is taken for blocks, and left as it is.

    Args:
        values: a column for each of `columns`, or of one column the numbers alone.
        columns: how many kinds each has; without any, values are left as they are.
        what: how a message calls them.

    Shapes:
        values: ``[rows, columns]`` or ``[rows]``; returns: ``[rows, sum of the kinds]``
    Raises:
        ConfigError: there are other columns, or other kinds.
    """
    if values.is_floating_point() or not columns:
        return values
    numbers = values.long().unsqueeze(1) if values.dim() == 1 else values.long()
    if numbers.shape[1] != len(columns):
        if numbers.shape[1] == sum(columns):  # blocks already
            return numbers.float()
        raise ConfigError(f"`{what}` must have {len(columns)} columns of whole numbers, but has {numbers.shape[1]}.")
    if (strange := strange_kinds(numbers, columns)) is not None:
        place, lowest, highest = strange
        raise ConfigError(
            f"Column {place} of `{what}` must hold kinds from 0 to {columns[place] - 1}, but reaches "
            f"{lowest} and {highest}."
        )
    return blocks_of(numbers, columns)


def strange_kinds(numbers: Tensor, columns: Sequence[int]) -> tuple[int, int, int] | None:
    """The first column with kinds that it cannot have: its place, its lowest and its highest kind; None for none.

    Shapes:
        numbers: ``[rows, columns]``, whole
    """
    for place, kinds in enumerate(columns):
        column = numbers[:, place]
        if column.numel() and not 0 <= int(column.min()) <= int(column.max()) < kinds:
            return place, int(column.min()), int(column.max())
    return None


def blocks_of(numbers: Tensor, columns: Sequence[int]) -> Tensor:
    """One-hot blocks of kinds, each one that its column can have.

    Shapes:
        numbers: ``[rows, columns]``, whole; returns: ``[rows, sum of the kinds]``
    """
    return torch.cat([F.one_hot(numbers[:, place], kinds).float() for place, kinds in enumerate(columns)], dim=1)


def as_numbers(blocks: Tensor, columns: Sequence[int]) -> Tensor:
    """The likeliest kind of each one-hot block, as a whole number.

    Shapes:
        blocks: ``[rows, sum of the kinds]``; returns: ``[rows, columns]``
    """
    return torch.stack([block.argmax(dim=1) for block in blocks.split_with_sizes(list(columns), dim=1)], dim=1)


def embed_kinds(x: Tensor, tables: Iterable[nn.Embedding]) -> Tensor:
    """The sum of a row of each embedding, as encoders of atoms and bonds make it; gradients reach one-hot blocks.

    Written in place of ``sum(table(x[:, i]) for i, table in enumerate(tables))``, it reads both forms: whole numbers,
    a column for each table, are looked up; one-hot blocks side by side, or anything between them, are multiplied by
    the tables. A teacher of categorical columns is handed the latter, since they are learned.

    Args:
        x: features of nodes or of edges.
        tables: an embedding for each column, in order.

    Shapes:
        x: ``[rows, columns]``, or ``[rows, sum of the kinds]``; returns: ``[rows, width]``
    Raises:
        ConfigError: `x` has other columns than the tables have rows.
    """
    every = list(tables)
    if not x.is_floating_point():
        numbers = x.unsqueeze(1) if x.dim() == 1 else x
        if numbers.shape[1] != len(every):
            raise ConfigError(f"There are {len(every)} embeddings, but {numbers.shape[1]} columns of whole numbers.")
        return torch.stack([table(numbers[:, place]) for place, table in enumerate(every)]).sum(dim=0)
    weights = torch.cat([table.weight for table in every])
    if x.shape[1] != weights.shape[0]:
        raise ConfigError(
            f"The embeddings have {weights.shape[0]} rows in all, but the one-hot blocks have {x.shape[1]} columns."
        )
    return x @ weights
