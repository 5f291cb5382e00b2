"""Embeds nodes with a module that has no part for it, by its own `forward`, which is left where they are there.

Either before a part that reads them; or, where functions pool, by calling the module with each node as a graph of its
own: it pools nothing away then, and what its classifier reads is one row for each node. Where pooling these rows gives
what the classifier reads of the graphs, they are the nodes' embeddings; not so where layers look at the batch. Of
those the pooling itself is caught.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.overrides import TorchFunctionMode

from acgkd.modules.open_sizes import open_sizes

Call = Callable[..., object]
# By these the pools of torch_geometric sum, average and take the largest.
_GATHERS = frozenset(
    {"scatter_add", "scatter_add_", "scatter_reduce", "scatter_reduce_", "index_add", "index_add_", "index_reduce_"}
)


class ReachedError(Exception):
    """A forward pass has come as far as it is needed."""


@contextmanager
def _sizes_said(module: nn.Module, batch: Tensor, graphs: int | None = None) -> Iterator[None]:
    """Says how many graphs there are, where an exporter is at work and would be asked."""
    if not torch.compiler.is_compiling():
        yield
        return
    if graphs is None:
        found = cast(int, batch.max().item()) + 1
        torch._check(found >= 1)  # type: ignore[no-untyped-call]
        graphs = found
    with open_sizes(module, batch, graphs):
        yield


def handed_to(part: nn.Module, call: Callable[[], object]) -> Tensor | None:
    """What a part is handed first in a call; nothing behind that is computed.

    Args:
        part: of what is called.
        call: calls the whole.

    Returns:
        None where the part is not called.
    """
    seen: list[Tensor] = []

    def stop(_: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
        seen.append(next(iter((*inputs, *named.values()))))
        # An exporter keeps account of the modules that are entered and left; what nobody reads is no part of its
        # program.
        if not torch.compiler.is_compiling():
            raise ReachedError

    handle = part.register_forward_pre_hook(stop, with_kwargs=True)
    with suppress(ReachedError):
        try:
            call()
        finally:
            handle.remove()
    return seen[0] if seen else None


@dataclass(frozen=True)
class UpToHead:
    """A function for `acgkd.adapt`'s `encode`; it holds names alone, so that a copied module uses its own layers.

    Args:
        call: calls a module's `forward` with ``module, x, edge_index, batch, edge_attr``.
        classifier: name of the part before which it ends.
        joined: how many poolings are joined; each makes the same of a single node, so one is kept.
        alone: whether each node is a graph of its own; else the part reads nodes.
    """

    call: Call
    classifier: str
    joined: int = 1
    alone: bool = True

    def __call__(
        self,
        module: nn.Module,
        x: Tensor,
        edge_index: Tensor,
        batch: Tensor | None = None,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Embeddings of nodes.

        Shapes:
            x: ``[nodes, features]``; edge_index: ``[2, edges]``; returns: ``[nodes, width of the nodes]``
        """
        alone = self.alone or batch is None
        # By `shape`, which an exporter keeps open.
        own = torch.arange(x.shape[0], device=x.device) if alone or batch is None else batch
        head = module.get_submodule(self.classifier)
        with _sizes_said(module, own, x.shape[0] if alone else None):
            nodes = handed_to(head, lambda: self.call(module, x, edge_index, own, edge_attr))
        if nodes is None:
            raise RuntimeError(f"`forward` of {type(module).__name__} does not call `{self.classifier}`.")
        return nodes.chunk(self.joined, dim=1)[0] if self.joined > 1 else nodes

    def __repr__(self) -> str:
        return f"its own forward up to {self.classifier!r}"


class Pools(TorchFunctionMode):
    """Notes what is gathered by the graphs of a batch.

    Args:
        batch: graph of each node, the very tensor that the module is handed.
        last: the number of the gathering before which to stop; None stops nowhere.
    """

    def __init__(self, batch: Tensor, last: int | None = None) -> None:
        super().__init__()
        self.sources: list[Tensor] = []
        self._batch, self._last = batch, last

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[object],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        given = kwargs or {}
        if getattr(func, "__name__", "") in _GATHERS:
            tensors = [value for value in (*args[1:], *given.values()) if isinstance(value, Tensor)]
            source = next((value for value in tensors if value.is_floating_point() and value.dim() == 2), None)
            if source is not None and self._of_nodes(source) and any(map(self._is_batch, tensors)):
                self.sources.append(source)
                if len(self.sources) - 1 == self._last and not torch.compiler.is_compiling():
                    raise ReachedError
        return func(*args, **given)

    def _of_nodes(self, source: Tensor) -> bool:
        # Of sizes that an exporter keeps open nobody may be able to tell: then they are others.
        return statically_known_true(source.shape[0] == self._batch.shape[0])

    def _is_batch(self, index: Tensor) -> bool:
        # A view of it: the number of nodes may be that of edges, so that sizes do not tell.
        return bool(index.untyped_storage()._cdata == self._batch.untyped_storage()._cdata)


@dataclass(frozen=True)
class UpToPool:
    """A function for `acgkd.adapt`'s `encode`, of modules that look at the batch before they pool.

    Args:
        call: as of `UpToHead`.
        number: of the pooling before which it ends, among all that is gathered by graphs.
    """

    call: Call
    number: int

    def __call__(
        self,
        module: nn.Module,
        x: Tensor,
        edge_index: Tensor,
        batch: Tensor,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Embeddings of nodes.

        Shapes:
            x: ``[nodes, features]``; edge_index: ``[2, edges]``; returns: ``[nodes, width of the nodes]``
        """
        pools = Pools(batch, self.number)
        with suppress(ReachedError), _sizes_said(module, batch), pools:
            self.call(module, x, edge_index, batch, edge_attr)
        if len(pools.sources) <= self.number:
            raise RuntimeError(
                f"`forward` of {type(module).__name__} pools less often than it did when it was adapted."
            )
        return pools.sources[self.number]

    def __repr__(self) -> str:
        return "its own forward up to its pooling"
