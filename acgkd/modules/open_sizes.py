"""Keeps sizes open while `torch.export` runs a module: how many graphs a batch has, and the nodes of its largest one.

What asks a batch for its graphs makes a number of Python's of a tensor, `int(batch.max()) + 1`, and the exporter would
have to make the program for that number alone. Within `open_sizes` such questions get one answer, the same each time,
which stays open. Dense batches and attention over all nodes are computed by sums and products that take open sizes.

When no exporter is at work, nothing is done.
"""

import builtins
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import cast

import torch
from torch import Tensor, nn
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.overrides import TorchFunctionMode

from acgkd.modules.plain_attention import plain_attention

# These take sizes; a tensor of one number may stand for one.
_SIZED = frozenset(
    {"zeros", "ones", "empty", "full", "arange", "new_zeros", "new_ones", "new_empty", "new_full", "expand", "repeat"}
)
_NOT_THEIRS = ("torch.", "builtins.", "typing.", "acgkd.")


class _OpenSizes(TorchFunctionMode):
    """Answers what is asked of a batch.

    Args:
        batch: graph of each node.
        graphs: how many there are.
    """

    def __init__(self, batch: Tensor, graphs: int) -> None:
        super().__init__()
        self.known = [(batch, graphs)]
        # By identity: tensors that hold one open number; masks of dense batches, and where their nodes are.
        self._numbers: list[tuple[Tensor, int]] = []
        self._masks: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[object],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        given, name = kwargs or {}, getattr(func, "__name__", "").strip("_")
        if args and isinstance(args[0], Tensor):
            if getattr(func, "__name__", "") == "masked_fill_":  # of a view ONNX has none
                return args[0].copy_(args[0].masked_fill(*args[1:], **given))  # type: ignore[call-overload]
            answer = self._answer(name, args[0], args[1:], given)
            if answer is not None:
                return answer
        if name in _SIZED and self._numbers:
            return func(*map(self._opened, args), **{key: self._opened(value) for key, value in given.items()})
        made, number = func(*args, **given), self._number(name, args)
        if number is not None and isinstance(made, Tensor):
            self._numbers.append((made, number))
        return made

    def _answer(self, name: str, asked: Tensor, others: tuple[object, ...], given: Mapping[str, object]) -> object:
        """What is computed otherwise; None of anything else."""
        graphs = self.graphs_of(asked)
        if name == "bincount" and graphs is not None and not others and not given:
            return _counts(asked, graphs)
        if name == "getitem":
            where = next((where for mask, where in self._masks if mask is others[0]), None)
            return None if where is None else asked.flatten(0, 1)[where]
        return self._held(asked) if name == "item" else None

    def _number(self, name: str, args: tuple[object, ...]) -> int | None:
        """The open number that the answer holds: that of the last graph, or one that is made of it."""
        if not args or not isinstance(args[0], Tensor):
            return None
        graphs, held = self.graphs_of(args[0]), self._held(args[0])
        last = (name in ("max", "amax") and len(args) == 1) or (
            name == "getitem" and isinstance(args[1], int) and args[1] == -1
        )
        if graphs is not None:
            return graphs - 1 if last else None
        if held is None or len(args) != 2 or not isinstance(args[1], int):
            return held if name in ("to", "long", "clone", "detach", "cpu") else None
        return {"add": held + args[1], "radd": held + args[1], "sub": held - args[1]}.get(name)

    def graphs_of(self, batch: Tensor) -> int | None:
        """How many graphs a batch has; None of any other tensor."""
        return next((graphs for known, graphs in self.known if _is(batch, known)), None)

    def dense(
        self, x: Tensor, batch: Tensor, fill_value: float, longest: int | None, graphs: int
    ) -> tuple[Tensor, Tensor]:
        """The nodes of each graph in a row, as torch_geometric's `to_dense_batch` has them, and where there are some.

        Shapes:
            x: ``[nodes, ...]``; batch: ``[nodes]``; returns: ``[graphs, longest, ...]``, ``[graphs, longest]``
        """
        counts = _counts(batch, graphs)
        if longest is None:
            longest = cast(int, counts.max().item())
            torch._check(longest >= 1)  # type: ignore[no-untyped-call]
        place = torch.arange(batch.shape[0], device=batch.device) - (counts.cumsum(0) - counts)[batch]
        where, rows = batch * longest + place, graphs * longest
        filled = x.new_full((rows, *x.shape[1:]), fill_value).index_copy(0, where, x)
        there = torch.zeros(rows, device=x.device).index_fill(0, where, 1.0) > 0
        mask = there.view(graphs, longest)
        self._masks.append((mask, where))
        return filled.view(graphs, longest, *x.shape[1:]), mask

    def _held(self, value: object) -> int | None:
        return next((number for known, number in self._numbers if value is known), None)

    def _opened(self, value: object) -> object:
        if isinstance(value, (tuple, list)):
            return type(value)(map(self._opened, value))
        held = self._held(value)
        return value if held is None else held


def _is(value: Tensor, batch: Tensor) -> bool:
    """Whether it is the batch, or a view of all of it."""
    same = value.dim() == 1 and value.untyped_storage()._cdata == batch.untyped_storage()._cdata
    return value is batch or (same and statically_known_true(value.shape[0] == batch.shape[0]))


def _counts(batch: Tensor, graphs: int) -> Tensor:
    return batch.new_zeros(graphs).index_add(0, batch, torch.ones_like(batch))


class _Whole(type):
    """Of what stands for `int`: an open number of a tensor is handed on as it is."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, builtins.int)

    def __getattr__(cls, name: str) -> object:
        return getattr(builtins.int, name)

    def __call__(cls, *given: object) -> object:
        if len(given) == 1 and isinstance(given[0], (torch.SymInt, Tensor)):
            return given[0].item() if isinstance(given[0], Tensor) else given[0]
        return cast(Callable[..., int], builtins.int)(*given)


class _Int(metaclass=_Whole):
    pass


_ACTIVE: list[_OpenSizes] = []


def hooks_run() -> bool:
    """Whether hooks on torch_geometric's layers run while an exporter is at work: within `open_sizes` alone they do."""
    return bool(_ACTIVE)


@contextmanager
def open_sizes(module: nn.Module, batch: Tensor, graphs: int) -> Iterator[None]:
    """Keeps the number of graphs open within a block, where an exporter runs the module.

    Args:
        module: that is called in the block.
        batch: graph of each node, the very tensor that it is handed.
        graphs: how many there are.

    Shapes:
        batch: ``[nodes]``
    """
    if not torch.compiler.is_compiling() or torch.compiler.is_dynamo_compiling():
        yield
        return
    with ExitStack() as stack:
        if _ACTIVE:
            _ACTIVE[-1].known.append((batch, graphs))
            stack.callback(_ACTIVE[-1].known.pop)
        else:
            mode = _OpenSizes(batch, graphs)
            stack.enter_context(_replaced(_files_of(module), _others(mode)))
            stack.enter_context(plain_attention(module))
            _ACTIVE.append(mode)
            stack.callback(_ACTIVE.pop)
            stack.enter_context(mode)
        yield


def _others(mode: _OpenSizes) -> list[tuple[object, object]]:
    """Functions of torch_geometric, with what stands for them."""
    import torch_geometric

    ask = torch_geometric.utils.to_dense_batch

    def to_dense_batch(
        x: Tensor,
        batch: Tensor | None = None,
        fill_value: float = 0.0,
        max_num_nodes: int | None = None,
        batch_size: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        graphs = batch_size if batch is None or batch_size is not None else mode.graphs_of(batch)
        if batch is None or graphs is None:
            made: tuple[Tensor, Tensor] = ask(x, batch, fill_value, max_num_nodes, batch_size)
            return made
        return mode.dense(x, batch, fill_value, max_num_nodes, graphs)

    # By the second its layers ask whether they shall leave out their hooks, which weigh messages.
    return [(ask, to_dense_batch), (torch_geometric.is_compiling, lambda: False)]


@contextmanager
def _replaced(files: Iterable[ModuleType], others: list[tuple[object, object]]) -> Iterator[None]:
    """In some files `int` and functions mean something else."""
    before: list[tuple[dict[str, object], dict[str, object]]] = []
    for file in files:
        names = vars(file)
        found = {name: new for name, value in names.items() for old, new in others if value is old}
        before.append((names, {name: names[name] for name in found}))
        names.update({"int": _Int, **found})
    try:
        yield
    finally:
        for names, values in before:
            del names["int"]
            names.update(values)


def _files_of(module: nn.Module) -> list[ModuleType]:
    """Those whose code may ask: of torch_geometric, of a module's parts, and of the functions that these import."""
    own = {kind.__module__ for part in module.modules() for kind in type(part).__mro__}
    own = {name for name in own if not f"{name}.".startswith(_NOT_THEIRS) and name in sys.modules}
    theirs = {str(getattr(value, "__module__", "")) for name in own for value in vars(sys.modules[name]).values()}
    found = {name for name in sys.modules if name.startswith("torch_geometric.")} | own | theirs
    every = [sys.modules.get(name) for name in sorted(found) if not f"{name}.".startswith(_NOT_THEIRS)]
    return [file for file in every if isinstance(file, ModuleType) and "int" not in vars(file)]
