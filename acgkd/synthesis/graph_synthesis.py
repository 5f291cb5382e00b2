"""What every method on pseudo-graphs shares: how transfer draws from them and lifts its student."""

from collections.abc import Mapping
from functools import cached_property, reduce
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import GraphBatch, joined
from acgkd.graphs.select import GraphSelector
from acgkd.method import MethodContext
from acgkd.students.projection import ProjectedStudent
from acgkd.synthesis.pseudo_graph_config import PseudoGraphConfig, build_pseudo_graphs
from acgkd.transfer.transfer import Samples, Transfer, TransferConfig
from acgkd.transfer.two_phase import Synthesis, TwoPhase

# Graphs that are written out at a time: all pairs of one may be candidates, and few of them edges.
WRITTEN_AT_ONCE = 16


class GraphTransferConfig(TransferConfig):
    """How a graph student is taught; by default it ends in its teacher's own classifier."""

    projection: Literal["none", "gat"] = "gat"


class Drawn(Protocol):
    """Graphs that have a distribution.

    Shapes:
        labels, load: ``[graphs]`` on the CPU; load: nodes and edges that a pass over each graph goes through
    """

    labels: Tensor

    @property
    def load(self) -> Tensor:
        """What a pass over each graph goes through."""

    def thresholded(self, indices: Tensor) -> GraphBatch:
        """The most likely graphs at `indices`."""

    def sampled(self, generator: torch.Generator, indices: Tensor) -> GraphBatch:
        """The graphs at `indices`, drawn afresh."""

    def soft(self, indices: Tensor) -> GraphBatch:
        """The probabilities of the graphs at `indices`, as weights and features."""


class PseudoGraphSource:
    """Batches of pseudo-graphs for transfer.

    Args:
        graphs: where they come from; nobody learns them any more.
        samples: fresh draws, the most likely graphs, one half of either, or the probabilities as weights.
        generator: for fresh draws.
    """

    def __init__(self, graphs: Drawn, *, samples: Samples, generator: torch.Generator) -> None:
        self.labels: Tensor = graphs.labels
        self.load: Tensor = graphs.load
        self._graphs = graphs
        self._samples = samples
        self._generator = generator

    def draw(self, indices: Tensor) -> GraphBatch:
        """The graphs at `indices`, drawn."""
        if self._samples == "fixed":
            return self._written_out(indices)
        if self._samples == "soft":
            return self._graphs.soft(indices)
        half = indices.numel() // 2 if self._samples == "mixed" else 0
        if half == 0:
            return self._graphs.sampled(self._generator, indices)
        return joined(self._written_out(indices[:half]), self._graphs.sampled(self._generator, indices[half:]))

    @cached_property
    def _written_out(self) -> GraphSelector:
        """The most likely graphs, written out when they are first asked for."""
        parts = torch.split(torch.arange(self.labels.numel(), device="cpu"), WRITTEN_AT_ONCE)
        return GraphSelector(reduce(joined, [self._graphs.thresholded(part) for part in parts]))

    def edges(self, indices: Tensor) -> Tensor:
        """Expected number of edges of the graphs at `indices`."""
        expected = self._graphs.soft(indices)
        assert expected.edge_weight is not None, "pseudo-graphs always carry weights"
        graph = expected.batch[expected.edge_index[0]]
        zeros = torch.zeros(expected.graphs, device=expected.edge_weight.device)
        return zeros.index_add(0, graph, expected.edge_weight) / 2


class Untrained:
    """The synthesis of a control: pseudo-graphs as they start, and no step.

    Also the ground that inversion stands on: it adds only the steps.
    """

    def __init__(self, config: PseudoGraphConfig, context: MethodContext) -> None:
        self.context = context
        self.graphs = build_pseudo_graphs(config, context)
        self.steps = 0
        self.done = 0
        self.multiply_adds = 0.0

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """There is none to do."""
        raise ConfigError("Untrained pseudo-graphs have no synthesis step; `steps` is 0.")

    def source(self, samples: Samples) -> PseudoGraphSource:
        """Batches for transfer."""
        generator = self.context.streams.generator("transfer-draws")
        return PseudoGraphSource(self.graphs, samples=samples, generator=generator)

    def samples(self, count: int) -> GraphBatch:
        """Fresh draws of the graphs in turn, each as often as it takes to make `count`."""
        indices = torch.arange(count, device="cpu") % self.graphs.count
        return self.graphs.sampled(self.context.streams.generator("samples"), indices)

    def facts(self) -> Mapping[str, float]:
        """Candidate pairs, and the edges that the distribution is expected to draw."""
        return {
            "candidate_edges": int(self.graphs.candidates.counts.sum()),
            "kept_edges": float(self.graphs.kept_edges()),
        }

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the graphs follow from the seed."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take up."""


def lift_to(teacher: nn.Module, device: torch.device) -> Any:
    """How a plain student is lifted to `teacher`'s width and classifier."""
    protocol: Any = teacher

    def lift(student: nn.Module) -> nn.Module:
        own, borrowed = getattr(student, "pooling", None), getattr(teacher, "pooling", None)
        if own is not None and borrowed is not None and own != borrowed:
            raise ConfigError(
                f"`projection: gat` ends in the teacher's classifier, which reads {borrowed}-pooled graphs, but the "
                f"student pools by {own}. Use `transfer: {{projection: none}}`, or a student that pools alike."
            )
        return ProjectedStudent(student, protocol.classifier, int(protocol.width), device)

    return lift


def synthesis_then_transfer(synthesis: Synthesis, config: TransferConfig, context: MethodContext) -> TwoPhase:
    """A run whose student is taught on graphs once their synthesis is over."""

    def transfer() -> Transfer:
        return Transfer(config, context, GRAPHS, lift_to(context.teacher, context.device))

    return TwoPhase(synthesis, transfer, student=context.student, transfer_steps=config.steps, samples=config.samples)
