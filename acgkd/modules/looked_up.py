"""Embeddings of whole numbers that follow one-hot blocks: a module that looks rows up is learned through as it is.

Pseudo-samples have one-hot blocks, which gradients reach; a module with ``table(x[:, i])`` reads whole numbers. It is
handed the likeliest kinds as numbers, and what its tables make of a column is replaced by the block's product with the
table: the same for one-hot blocks, and a mean of rows between them.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from acgkd.modules.columns import as_numbers


@dataclass(frozen=True)
class LookUp:
    """Features as a module reads them.

    Args:
        blocks: one-hot blocks side by side.
        columns: how many kinds each has.
        numbers: the likeliest kinds.

    Shapes:
        blocks: ``[rows, sum of the kinds]``; numbers: ``[rows, columns]``
    """

    blocks: Tensor
    columns: tuple[int, ...]
    numbers: Tensor

    @classmethod
    def of(cls, blocks: Tensor, columns: Sequence[int]) -> "LookUp":
        """Of blocks."""
        return cls(blocks, tuple(columns), as_numbers(blocks, columns))

    def block(self, index: Tensor) -> Tensor | None:
        """The block whose numbers an index holds; None where it is no view of one column of them."""
        rows, count = self.numbers.shape[0], len(self.columns)
        if index.untyped_storage()._cdata != self.numbers.untyped_storage()._cdata or index.dim() > 2:
            return None
        if index.shape[0] != rows or index.numel() != rows or index.stride(0) != count:
            return None
        place = index.storage_offset() - self.numbers.storage_offset()
        return self.blocks.split_with_sizes(list(self.columns), dim=1)[place]


@contextmanager
def looked_up(module: nn.Module, given: Sequence[LookUp]) -> Iterator[None]:
    """Lets the embeddings of a module follow blocks within a block of code.

    Args:
        module: is handed the numbers.
        given: of nodes, of edges.
    """

    def follow(table: nn.Module, inputs: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        assert isinstance(table, nn.Embedding), "that is what is listened to"
        block = next((found for each in given if (found := each.block(inputs[0])) is not None), None)
        if block is None or block.shape[1] > table.num_embeddings:
            return rows
        made = block @ table.weight[: block.shape[1]]
        return made if rows.dim() == 2 else made.unsqueeze(1)

    with ExitStack() as stack:
        for part in module.modules():
            if isinstance(part, nn.Embedding) and given:
                stack.callback(part.register_forward_hook(follow).remove)
        yield
