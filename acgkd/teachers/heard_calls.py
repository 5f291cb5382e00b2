"""One call of a module of the user's on a few made-up graphs, and what each of its parts is handed and gives."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from acgkd.modules.columns import as_numbers, random_kinds
from acgkd.priors import GraphPrior

# Nodes of the graphs, no two alike.
SIZES = (5, 7, 9, 4, 11)


@dataclass(frozen=True)
class Heard:
    """One call of a part.

    Args:
        name: of the part.
        given: the first tensor that it was handed.
        made: what it gave.
        of_graphs: whether it was handed the graphs themselves, and so can be called by itself.
    """

    name: str
    given: Tensor
    made: Tensor
    of_graphs: bool


def listening(module: nn.Module, graph: tuple[Tensor, ...], heard: list[Heard]) -> ExitStack:
    """Notes every call of a part while it is open."""

    def listen(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: tuple[object, ...], named: dict[str, object], output: object) -> None:
            tensors = [value for value in (*inputs, *named.values()) if isinstance(value, Tensor)]
            if tensors and isinstance(output, Tensor):
                own = len(tensors) > 1 and all(any(_same(one, known) for known in graph) for one in tensors)
                # Copied: what follows may compute in place.
                heard.append(Heard(name, tensors[0].detach().clone(), output.detach().clone(), own))

        return hook

    with ExitStack() as stack:
        for name, part in module.named_modules():
            if name:
                stack.callback(part.register_forward_hook(listen(name), with_kwargs=True).remove)
        return stack.pop_all()


def columns_read(layer: object) -> int | None:
    """What the first layer reads."""
    for part in (layer, *(layer.modules() if isinstance(layer, nn.Module) else ())):
        for name in ("in_channels", "in_features"):
            count = getattr(part, name, None)
            count = count[0] if isinstance(count, tuple) else count
            if isinstance(count, int) and count > 0:
                return count
    return None


def ways_to_read(module: nn.Module, prior: GraphPrior | None) -> list[tuple[bool, bool]]:
    """Whether nodes, and edges, are whole numbers: what is tried, one-hot blocks first."""
    looks_up = any(isinstance(part, nn.Embedding) for part in module.modules())
    if prior is None or prior.features != "categorical" or not looks_up:
        return [(False, False)]
    return [(False, False), (True, True), (True, False), (False, True)][: 4 if prior.edge_columns else 2]


def graphs_to_ask(
    columns: tuple[int, ...],
    prior: GraphPrior | None,
    device: torch.device,
    numbers: tuple[bool, bool] = (False, False),
) -> tuple[Tensor, ...]:
    """Rings with a chord to every third node.

    Args:
        columns: of nodes, how many kinds each has.
        prior: says what edges have.
        device: where they shall be.
        numbers: whether nodes, and edges, have whole numbers in place of one-hot blocks.
    """
    generator = torch.Generator(device="cpu").manual_seed(0)
    x = random_kinds(sum(SIZES), columns, generator)
    edges, start = [], 0
    for size in SIZES:
        ring = torch.arange(size, device="cpu")
        chord = torch.stack([torch.zeros_like(ring[2:-1:3]), ring[2:-1:3]])
        around = torch.cat([torch.stack([ring, (ring + 1) % size]), chord], dim=1) + start
        edges += [around, around.flip(0)]
        start += size
    batch = torch.repeat_interleave(torch.arange(len(SIZES), device="cpu"), torch.tensor(SIZES, device="cpu"))
    made: tuple[Tensor, ...] = (x, torch.cat(edges, dim=1), batch)
    if prior is not None and prior.edge_columns:
        # As both directions of an edge are of one kind in pseudo-graphs, but no part can tell: drawn for each.
        made = (*made, random_kinds(made[1].shape[1], prior.edge_columns, generator))
        made = (*made[:3], as_numbers(made[3], prior.edge_columns) if numbers[1] else made[3])
    if numbers[0]:
        made = (as_numbers(made[0], columns), *made[1:])
    return tuple(tensor.to(device) for tensor in made)


def _same(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and bool((left == right).all())
