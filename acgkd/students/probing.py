"""Samples on which two forms of one student are compared: graphs of all kinds that there are, or images."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.modules.columns import random_kinds
from acgkd.priors import GraphPrior, ImagePrior, Prior
from acgkd.students.programs import Inputs

GRAPHS = 50
_BATCH = 8


def features_of(student: nn.Module, prior: Prior | None) -> int:
    """Columns of the node features that a student of graphs reads.

    Raises:
        ConfigError: neither the student nor a prior says.
    """
    if prior is not None:
        return prior.feature_count
    for part in (student, getattr(student, "student", None)):
        count = getattr(part, "in_features", None)
        if isinstance(count, int):
            return count
    raise ConfigError(f"{type(student).__name__} does not say what it reads. Pass `prior=`, as to `acgkd.distill`.")


def probes(student: nn.Module, prior: Prior | None, *, graphs: int = GRAPHS, weighted: bool = False) -> list[Inputs]:
    """Batches to compare on, on the CPU.

    Of graphs: one without edges and one of a single node, each alone; then batches with both, and with a graph that
    has no node. Of images: pixels of 0 to 1.

    Args:
        student: of which they are for.
        prior: what is known of the data; None is enough for students of graphs that say what they read.
        graphs: how many there are in all.
        weighted: whether edges have weights.

    Raises:
        ConfigError: nothing says what the student reads.
    """
    generator = torch.Generator(device="cpu").manual_seed(0)
    if isinstance(prior, ImagePrior):
        images = (torch.rand(count, *prior.shape, generator=generator, device="cpu") for count in (5, 2, 1))
        return [Inputs((tensor,)) for tensor in images]
    if prior is None and hasattr(student, "stages"):
        raise ConfigError("Nothing says of what shape the student's images are. Pass `prior=`, as to `acgkd.distill`.")
    columns = features_of(student, prior)
    draw = _features(prior, columns, generator)
    sizes = [4, 1, *torch.randint(2, 30, (graphs - 2,), generator=generator, device="cpu").tolist()]
    drawn = [_graph(size, draw, generator, edges=number > 0) for number, size in enumerate(sizes)]
    single = [(x, edges, torch.zeros(x.shape[0], dtype=torch.long, device="cpu")) for x, edges in drawn[:2]]
    batches = [_joined(drawn[start : start + _BATCH]) for start in range(2, graphs, _BATCH)]
    empty = (drawn[0][0][:0], drawn[0][1][:, :0])
    plain = [*batches, *single, _joined([drawn[0], empty, drawn[1], drawn[2]]), _joined([empty, drawn[1]])]
    kinds = edge_columns_of(student, prior)
    return [Inputs(given, _of_edges(given[1].shape[1], kinds, weighted, generator)) for given in plain]


def edge_columns_of(student: nn.Module, prior: Prior | None) -> tuple[int, ...]:
    """How many kinds each column of the edge features has that a student reads; empty where it reads none."""
    if isinstance(prior, GraphPrior):
        return prior.edge_columns
    count = next((getattr(part, "edge_features", 0) for part in student.modules() if hasattr(part, "of_edges")), 0)
    return (count,) if count else ()


def _of_edges(edges: int, kinds: tuple[int, ...], weighted: bool, generator: torch.Generator) -> dict[str, Tensor]:
    made = {}
    if weighted:
        made["edge_weight"] = torch.rand(edges, generator=generator, device="cpu")
    if kinds:
        made["edge_attr"] = random_kinds(edges, kinds, generator)
    return made


def compared(left: Callable[..., Tensor], right: Callable[..., Tensor], batches: list[Inputs]) -> float:
    """The largest difference of two students' logits, as a share of the largest logit where that is above 1."""
    worst = 0.0
    with torch.no_grad():
        for inputs in batches:
            one, other = inputs.put(left), inputs.put(right)
            if one.shape != other.shape or bool((one - other).isnan().any()):
                return float("inf")
            worst = max(worst, float((one - other).abs().max() / one.abs().max().clamp(min=1)))
    return worst


def _features(prior: Prior | None, columns: int, generator: torch.Generator) -> Callable[[int], Tensor]:
    def draw(nodes: int) -> Tensor:
        if isinstance(prior, GraphPrior) and prior.features in ("categorical", "degree"):
            return random_kinds(nodes, prior.node_columns or (columns,), generator)
        if isinstance(prior, GraphPrior) and prior.features == "constant":
            return torch.ones(nodes, columns, device="cpu")
        return torch.randn(nodes, columns, generator=generator, device="cpu")

    return draw


def _graph(
    nodes: int, draw: Callable[[int], Tensor], generator: torch.Generator, *, edges: bool
) -> tuple[Tensor, Tensor]:
    count = nodes if edges and nodes > 1 else 0
    pairs = torch.randint(nodes, (2, count), generator=generator, device="cpu")
    pairs = pairs[:, pairs[0] != pairs[1]]
    return draw(nodes), torch.cat([pairs, pairs.flip(0)], dim=1)


def _joined(graphs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    sizes = torch.tensor([x.shape[0] for x, _ in graphs], device="cpu")
    starts = (sizes.cumsum(0) - sizes).tolist()
    edges = [edge_index + start for (_, edge_index), start in zip(graphs, starts, strict=True)]
    batch = torch.repeat_interleave(torch.arange(len(graphs), device="cpu"), sizes)
    return torch.cat([x for x, _ in graphs]), torch.cat(edges, dim=1), batch
