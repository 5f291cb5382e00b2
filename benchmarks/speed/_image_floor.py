"""What a step cannot do without: its multiply-adds, and the bytes that everything else reads and writes."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

# What does arithmetic as a product of matrices does, and is counted in multiply-adds.
PRODUCTS = {"convolution", "convolution_backward", "mm", "addmm", "bmm", "baddbmm"}
# What neither reads nor writes.
SILENT = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach"}


class _Traffic(TorchDispatchMode):
    """Counts operations that are no views, and the bytes of tensors that those besides products read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::")
        given, made = _tensors((args, kwargs)), _tensors(returned)
        if name in SILENT or (func.is_view and not name.endswith("_")):
            return returned
        self.operations += 1
        if name not in PRODUCTS:
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in (*given, *made))
        return returned


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


@dataclass(frozen=True)
class Work:
    """What a step does.

    Args:
        multiply_adds: of products and convolutions, forward and back, as they are worked out.
        operations: calls of torch that are no views.
        bytes: that the others of them read and write.
    """

    multiply_adds: float
    operations: int
    bytes: int

    @classmethod
    def of(cls, step: Callable[[], Tensor]) -> "Work":
        """Counts one step."""
        with FlopCounterMode(display=False) as flops, _Traffic() as traffic:
            step()
        return cls(flops.get_total_flops() / 2, traffic.operations, traffic.bytes)


@dataclass
class Pace:
    """How fast this machine is at what the floor is made of, measured between the steps.

    Args:
        map_bytes: size of the tensors that are added: that of a step's largest map.
        products: multiply-adds a second, by round.
        additions: bytes a second, by round.
    """

    map_bytes: int
    products: list[float] = field(default_factory=list)
    additions: list[float] = field(default_factory=list)

    def measure(self, seconds: Callable[[Callable[[], Any]], float], device: torch.device) -> None:
        """One round of either.

        Args:
            seconds: of one call, on a suitable clock.
            device: where they run.
        """
        side, count = 1024, max(1, self.map_bytes // 4)
        matrix = torch.linspace(-1, 1, side * side, device=device).view(side, side)
        numbers = torch.linspace(-1, 1, count, device=device)
        sums = torch.empty_like(numbers)
        self.products.append(side**3 / seconds(lambda: torch.mm(matrix, matrix)))
        others = numbers.flip(0)
        self.additions.append(3 * 4 * count / seconds(lambda: torch.add(numbers, others, out=sums)))

    def floor(self, work: Work) -> tuple[float, float]:
        """Seconds of the multiply-adds, and of the bytes, at the middle paces."""
        products, additions = statistics.median(self.products), statistics.median(self.additions)
        return work.multiply_adds / products, work.bytes / additions
