"""How a module of the user's is wired, from one call of it: what embeds nodes, how they are pooled, what classifies."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor, nn

from acgkd.errors import TeacherError
from acgkd.modules.cost import at_rest, model_device
from acgkd.modules.gradient_cuts import BLOCKS
from acgkd.modules.score_difference import require_sound, score_difference
from acgkd.priors import GraphPrior
from acgkd.teachers.forward_call import call_with_graphs, one_score, tables_in
from acgkd.teachers.head_chain import HeadChain, between
from acgkd.teachers.heard_calls import SIZES, Heard, columns_read, graphs_to_ask, listening, ways_to_read
from acgkd.teachers.message_weights import graph_layers
from acgkd.teachers.teacher_values import ONE_SCORE
from acgkd.teachers.up_to_head import Pools, UpToHead, UpToPool

POOLS = {"sum": "global_add_pool", "mean": "global_mean_pool", "max": "global_max_pool"}


@dataclass(frozen=True)
class Wiring:
    """Names of parts.

    Args:
        encode: the part that embeds nodes, or a function where no part does.
        readout: name of a pooling, several that are joined, or a part.
        classifier: the part that makes class scores, or several.
        width: columns that it reads.
    """

    encode: str | UpToHead | UpToPool
    readout: str | tuple[str, ...]
    classifier: str | HeadChain
    width: int

    def __str__(self) -> str:
        said = repr(list(self.readout)) if isinstance(self.readout, tuple) else repr(self.readout)
        return f"encode={self.encode!r}, readout={said}, classifier={self.classifier!r}"


def whole(
    module: nn.Module,
    x: Tensor,
    edge_index: Tensor,
    batch: Tensor,
    edge_attr: Tensor | None = None,
    classes: int | None = None,
) -> Tensor | None:
    """The class scores of graphs that a module's own `forward` answers; None where it answers none."""
    graphs = int(batch.max()) + 1 if len(batch) else 0
    return next(iter(tables_in(call_with_graphs(module, x, edge_index, batch, edge_attr), graphs, classes)), None)


def discover(module: nn.Module, prior: GraphPrior | None, classifier: str | None = None) -> Wiring:
    """Finds the wiring by one call with hooks on all parts.

    Args:
        module: its modes are put back.
        prior: says which columns it reads; None looks at its first layer.
        classifier: the part that makes class scores, where the user names it.

    Raises:
        TeacherError: it cannot be called, or a part is none that has a name; the message says what was found.
    """
    kind, layers = type(module).__name__, list(graph_layers(module))
    if not layers:
        raise TeacherError(
            f"{kind} has no layers of torch_geometric that pass messages. If it reads images, pass `prior=` with their "
            f"`shape`. {_ask(module)}"
        )
    # What the first layer that passes messages reads, or what the very first layer does, if that lifts nodes before.
    counts = [columns_read(layers[0][1]), columns_read(module)] if prior is None else [prior.feature_count]
    known = list(dict.fromkeys(filter(None, counts)))
    if not known:
        raise TeacherError(f"{kind} does not show how many columns it reads: pass `prior=`. {_ask(module)}")
    heard: list[Heard] = []
    raised: list[tuple[int, Exception]] = []
    classes = None if prior is None else prior.classes
    with at_rest(module):
        for columns, numbers in [(columns, numbers) for numbers in ways_to_read(module, prior) for columns in known]:
            graph = graphs_to_ask((prior and prior.node_columns) or (columns,), prior, model_device(module), numbers)
            heard.clear()
            try:
                with listening(module, graph, heard):
                    answer = call_with_graphs(module, *graph)
                break
            except Exception as error:
                raised.append((columns, error))
        else:
            # Of several ways to read, what is not about the way: tables want whole numbers as indices.
            columns, why = next((each for each in raised if "indices" not in str(each[1])), raised[0])
            looks_up = any(isinstance(part, nn.Embedding) for part in module.modules())
            raise TeacherError(
                f"{kind} could not be called on graphs of {columns} columns to find its parts: "
                f"{type(why).__name__}: {str(why).rstrip('.')}. {BLOCKS if looks_up else _ask(module)}"
            ) from why
        tables = tables_in(answer, len(SIZES), classes)
        if not tables or one_score(answer, len(SIZES)):
            raise TeacherError(_why_no_scores(module, answer, len(graph) > 3))
        again = tables_in(call_with_graphs(module, *graph), len(SIZES), classes)
        require_sound(module, tables[0], again[0])
        return _read_off(module, heard, graph, tables, classifier)


def _read_off(
    module: nn.Module, heard: list[Heard], graph: tuple[Tensor, ...], tables: list[Tensor], wanted: str | None
) -> Wiring:
    heads = list(_heads(heard, tables, wanted))
    # Of parts within parts the outer ones alone, and what lists hold.
    lists = (nn.ModuleList, nn.ModuleDict)
    shown = [
        call
        for call in heard
        if not (outer := call.name.rpartition(".")[0]) or isinstance(module.get_submodule(outer), lists)
    ]
    called = ", ".join(f"`{call.name}` {list(call.given.shape)} → {list(call.made.shape)}" for call in shown[:12])
    called += ", ..." if len(shown) > 12 else "" if shown else "none"
    if not heads:
        raise TeacherError(
            f"No part of {type(module).__name__} makes its class scores. Let all that follows the pooling be one "
            f"module. Called: {called}. {_ask(module)}"
        )
    for classifier, embedded in heads:
        for encode, readout in _bodies(module, heard, graph, classifier, embedded):
            return Wiring(encode, readout, classifier, int(embedded.shape[1]))
    raise TeacherError(
        f"`{heads[0][0]}` of {type(module).__name__} classifies, but no part and no pooling of its output by "
        f"{', '.join(POOLS)} gives what that reads. Let all that follows the pooling be one module. "
        f"Called: {called}. {_ask(module)}"
    )


def _heads(heard: list[Heard], tables: list[Tensor], wanted: str | None) -> Iterator[tuple[str | HeadChain, Tensor]]:
    """What may classify, and what that reads: the last part, then chains that end in it, the shortest first."""
    rows = [call for call in heard if call.given.dim() == 2 and len(call.given) == len(SIZES) == len(call.made)]
    for table in tables:
        for last in reversed(rows):
            fits = last.made.shape == table.shape and score_difference(last.made, table) < 1e-4
            if not fits or (wanted is not None and last.name != wanted):
                continue
            yield last.name, last.given
            chain, first = HeadChain((last.name,)), last
            while wanted is None:
                before = rows[: rows.index(first)]
                found = ((call, between(call.made, first.given)) for call in reversed(before) if call.made.dim() == 2)
                call, made = next(((call, made) for call, made in found if made is not None), (None, None))
                if call is None or made is None:
                    break
                chain, first = HeadChain((call.name, *made, *chain.parts)), call
                yield chain, call.given


def _bodies(
    module: nn.Module, heard: list[Heard], graph: tuple[Tensor, ...], classifier: str | HeadChain, embedded: Tensor
) -> Iterator[tuple[str | UpToHead | UpToPool, str | tuple[str, ...]]]:
    """What may embed the nodes and pool them, so that the head reads what it does."""
    batch, first = graph[2], classifier.first if isinstance(classifier, HeadChain) else classifier
    for call in reversed(heard):
        if call.given.dim() == 2 and len(call.given) == len(batch) and _close(call.made, embedded):
            same = (who.name for who in heard if who.of_graphs and _close(who.made, call.given))
            yield next(same, UpToHead(call_with_graphs, call.name, alone=False)), call.name
    for call in reversed(heard):
        if call.of_graphs and call.made.dim() == 2 and len(call.made) == len(batch):
            readout = pooling_of(call.made, batch, embedded)
            if readout is not None:
                yield call.name, readout
    for joined in (1, 2, 3):
        encode = UpToHead(call_with_graphs, first, joined)
        readout = None
        with suppress(Exception):  # it is the user's code, and may be right to refuse graphs of one node
            nodes = encode(module, graph[0], graph[1], batch, *graph[3:])
            readout = pooling_of(nodes, batch, embedded) if nodes.dim() == 2 and len(nodes) == len(batch) else None
        if readout is not None:
            yield encode, readout
    with suppress(Exception), Pools(batch) as pools:
        call_with_graphs(module, *graph)
    for number, nodes in reversed(list(enumerate(pools.sources))):
        readout = pooling_of(nodes, batch, embedded)
        if readout is not None:
            yield UpToPool(call_with_graphs, number), readout


def pooling_of(nodes: Tensor, batch: Tensor, embedded: Tensor) -> str | tuple[str, ...] | None:
    """Which pooling, or which several in a row, makes the embeddings of graphs from those of their nodes."""
    from torch_geometric import nn as layers

    pooled = {name: getattr(layers, function)(nodes, batch) for name, function in POOLS.items()}
    for name, made in pooled.items():
        if _close(made, embedded):
            return name
    for count in (2, 3):
        for order in permutations(POOLS, count):
            if _close(torch.cat([pooled[name] for name in order], dim=1), embedded):
                return order
    return None


def joined_pools(names: Sequence[str], nodes: Tensor, batch: Tensor, graphs: int | None) -> Tensor:
    """Poolings side by side.

    Shapes:
        nodes: ``[nodes, width]``; returns: ``[graphs, width * names]``
    """
    from torch_geometric import nn as layers

    return torch.cat([getattr(layers, POOLS[name])(nodes, batch, graphs) for name in names], dim=1)


def _why_no_scores(module: nn.Module, answer: object, with_edges: bool) -> str:
    kind = type(module).__name__
    if one_score(answer, len(SIZES)):
        return ONE_SCORE.format(kind=kind)
    if answer is not None:
        shape = list(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return f"`forward` of {kind} must give class scores, [graphs, classes], but gave {shape}. {_ask(module)}"
    edges = "edge_attr" in inspect.signature(module.forward).parameters and not with_edges
    hint = "It reads edge features: pass `prior=` with `edge_columns`. " if edges else ""
    return f"`forward` of {kind} is not called with graphs. {hint}{_ask(module)}"


def _close(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and torch.allclose(left, right, rtol=1e-4, atol=1e-5)


def _ask(module: nn.Module) -> str:
    names = ", ".join(name for name, _ in module.named_children()) or "none"
    return (
        f"Name its parts: `acgkd.adapt(module, encode=..., readout=..., classifier=...)`, where `encode` may be a "
        f"function `(module, x, edge_index) -> nodes`. {type(module).__name__}'s submodules: {names}."
    )
