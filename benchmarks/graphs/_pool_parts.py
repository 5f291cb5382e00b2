"""Parts that a reference pool could be made of, none with a teacher's data, and what student and teacher say there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.utils import coalesce

from acgkd.graphs import GRAPHS, GraphBatch
from acgkd.graphs.batch import joined
from acgkd.graphs.pseudo.concrete import degree_features
from acgkd.method import GraphContext
from acgkd.methods import METHODS
from acgkd.modules.batch_norm import BatchNormStatistics
from acgkd.modules.cost import at_rest
from acgkd.priors import GraphPrior
from acgkd.run import metrics
from acgkd.runtime import Streams, derive_seed
from acgkd.settings.pseudo_graphs import ComplexityConfig
from acgkd.synthesis.graphs.inversion import GraphInversion

GRAPHS_OF_A_PART, DRAWS = 64, 2
STATISTICS = {"class_weight": 0.0, "statistics_weight": 1000.0, "degree_weight": 100.0, "steps": 300, "rate": 0.2}
# ACGKD as its defaults were when the study began.
LED_BY_CLASSES: dict[str, Any] = {"steps": 300, "rate": 0.5, "statistics_weight": 10.0, "degree_weight": 0.0}
OF_ALL_PAIRS = {"mode": "ratio"}
# A share of all pairs grows with the square of the nodes: beyond so many, neighbours stay and the share falls.
LARGE = 64
# Each a method and its synthesis: first the parts of pools of version 3, which were made by these presets.
SYNTHESES: dict[str, tuple[str, dict[str, Any]]] = {
    "pool 1": ("acgkd", {**LED_BY_CLASSES, "steps": 100}),
    "pool 2": ("acgkd", {**LED_BY_CLASSES, "steps": 100, "statistics_weight": 3.0, "concrete_temperature": 1.0}),
    "pool 3": ("acgkd", {**LED_BY_CLASSES, "steps": 50, "complexity": OF_ALL_PAIRS, "noise": "gumbel"}),
    "statistics": ("acgkd", STATISTICS),
    "spread confidence": ("acgkd", {**LED_BY_CLASSES, "confidence": 0.5, "steps": 100}),
    "boundary": ("acgkd", {**LED_BY_CLASSES, "steps": 100}),
    "random": ("random_graphs", {}),
    "gfkd": ("gfkd", {"density": "prior", "steps": 100, "labels": "balanced"}),
    "deepinv_graphs": ("deepinv_graphs", {"steps": 100}),
}
# What is mixed, graph by graph, with the next graph of the same part.
MIXED = {"mixed inversions": "pool 1", "mixed statistics": "statistics"}
# Of so many times as many draws of `statistics`, those that the teacher is least sure of, as many of every class.
CHOSEN_OF = 6


def parts(context: GraphContext, seed: int) -> Iterator[tuple[str, GraphBatch]]:
    """Every part by its name, as one batch.

    Args:
        context: teacher, prior, device; its streams and student are left alone.
        seed: of every draw.
    """
    made: dict[str, GraphBatch] = {}
    for name, (method, synthesis) in SYNTHESES.items():
        draw = _learned(name, method, {"graphs": GRAPHS_OF_A_PART, **synthesis}, _own(context, name, seed))
        made[name] = draw(DRAWS)
        if name == "statistics":
            made["near ties"] = near_ties(draw(DRAWS * CHOSEN_OF), context.teacher, DRAWS * GRAPHS_OF_A_PART)
    for name, source in MIXED.items():
        made[name] = mixed(made[source], context.prior, _own(context, name, seed).streams.host("mixed"))
    yield from made.items()


def _own(context: GraphContext, name: str, seed: int) -> GraphContext:
    """The same with streams and an untaught student of its own."""
    streams = Streams(derive_seed("candidate part", name, seed), context.device)
    with streams.fork("student"):
        return replace(context, streams=streams, student=nn.Linear(1, 1, device=context.device))


def _learned(name: str, method: str, synthesis: dict[str, Any], context: GraphContext) -> Callable[[int], GraphBatch]:
    """A synthesis that is done, as a function that makes so many draws of all its graphs."""
    entry = METHODS[method]
    if synthesis.get("complexity") == OF_ALL_PAIRS:
        ratio = ComplexityConfig().ratio * min(1, LARGE / context.prior.max_nodes)
        synthesis = {**synthesis, "complexity": {**OF_ALL_PAIRS, "ratio": ratio}}
    config = entry.config.model_validate({"synthesis": synthesis})
    run: Any
    if name == "boundary":
        run, alike = GraphInversion(config.synthesis, context), 1 / context.prior.classes
        run._targets = torch.full((GRAPHS_OF_A_PART, context.prior.classes), alike, device=context.device)
        step, steps = partial(run.step, None), run.steps
    else:
        run = entry.start(config, context)
        step, steps = run.step, run.stages[0].steps if run.stages[0].name == "synthesis" else 0
    for _ in range(steps):
        step()
    return lambda draws: reduce(joined, [run.samples(GRAPHS_OF_A_PART) for _ in range(draws)])


def near_ties(batch: GraphBatch, teacher: nn.Module, count: int) -> GraphBatch:
    """Of a batch the graphs that a teacher is least sure of, as nearly as can be as many of every class."""
    with at_rest(teacher):
        best = GRAPHS.logits(teacher, batch).topk(2, dim=1)
    margins, says = best.values[:, 0] - best.values[:, 1], best.indices[:, 0]
    order = torch.argsort(margins)
    ranks = torch.empty_like(order)
    for label in torch.unique(says).tolist():
        of_class = order[says[order] == label]
        ranks[of_class] = torch.arange(of_class.numel(), device=order.device)
    return GRAPHS.selector(batch)(torch.argsort(ranks, stable=True)[:count].to("cpu"))


def mixed(batch: GraphBatch, prior: GraphPrior, host: torch.Generator) -> GraphBatch:
    """Each graph with a share of its features and edges, and for the rest those of the next graph, node by node.

    Args:
        batch: weighted graphs; of a next graph that is larger, what goes beyond is left out.
        prior: what features are: degrees are those of the mixture.
        host: draws shares, features and edges, on the CPU.
    """
    graph, device = batch.batch, batch.x.device
    sizes = torch.bincount(graph, minlength=batch.graphs)
    starts = sizes.cumsum(0) - sizes
    share, drawn = (torch.rand(count, generator=host).to(device) for count in (batch.graphs, graph.numel()))
    # Where a node goes that is mixed into the graph before its own.
    before = (graph - 1) % batch.graphs
    within = torch.arange(graph.numel(), device=device) - starts[graph]
    goes = torch.where(within < sizes[before], starts[before] + within, -1)
    taken = (goes >= 0) & (drawn >= share[before])
    rows = batch.x.clone()
    rows[goes[taken]] = batch.x[taken]
    ends, weights = batch.edge_index, batch.edge_weight
    assert weights is not None, "learned pseudo-graphs carry weights"
    # Alike for both directions of an edge, and uniform.
    lot = (drawn[ends[0]] + drawn[ends[1]]) % 1
    stays = (lot < share[graph[ends[0]]]) & (weights > 0)
    moves = (lot >= share[before[ends[0]]]) & (goes[ends] >= 0).all(dim=0) & (weights > 0)
    edges = coalesce(torch.cat([ends[:, stays], goes[ends[:, moves]]], dim=1), num_nodes=graph.numel())
    ones = torch.ones(edges.shape[1], device=device)
    if prior.features == "degree":
        rows = degree_features(ones, edges, graph.numel(), prior.feature_count)
    return GraphBatch(rows, edges, ones, graph, batch.graphs)


class Verdicts:
    """What the teacher says on a batch, which it is asked once.

    Args:
        teacher: frozen.
        batch: of graphs.
    """

    def __init__(self, teacher: nn.Module, batch: GraphBatch) -> None:
        self._batch, statistics = batch, BatchNormStatistics(teacher, "gaussian_kl")
        with at_rest(teacher), statistics.listening():
            self.verdicts = GRAPHS.logits(teacher, batch).double()
        self.facts = {
            "distance": float(statistics.distance(batch.x.device)) if statistics.layers else float("nan"),
            "confidence": float(self.verdicts.softmax(dim=1).amax(dim=1).mean()),
        }

    def row(self, student: nn.Module) -> dict[str, Any]:
        """Facts of the part, and how a student answers there."""
        with at_rest(student):
            answers = GRAPHS.logits(student, self._batch).double()
        return {**self.facts, **answered(self.verdicts, answers)}


def answered(verdicts: Tensor, answers: Tensor) -> dict[str, Any]:
    """How often the teacher says each class and the student follows; mean divergence, distance and likeness of ranks.

    Shapes:
        verdicts, answers: ``[samples, classes]`` logits
    """
    says, follows, classes = verdicts.argmax(dim=1), answers.argmax(dim=1), verdicts.shape[1]
    return {
        "said": torch.bincount(says, minlength=classes).tolist(),
        "agreed": torch.bincount(says[says == follows], minlength=classes).tolist(),
        "divergence": metrics.divergence(verdicts, answers),
        "variation": float((verdicts.softmax(dim=1) - answers.softmax(dim=1)).abs().sum(dim=1).mean() / 2),
        "ranking": metrics.ranking(verdicts, answers),
    }
