"""What every method on pseudo-graphs shares: how transfer draws from them and lifts its student."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property, reduce
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from acgkd.errors import ConfigError
from acgkd.graphs.batch import GraphBatch, joined
from acgkd.graphs.pseudo.relaxed_graphs import PseudoGraphs
from acgkd.graphs.select import GraphSelector
from acgkd.method import GraphContext, State
from acgkd.settings.choices import PseudoSamples
from acgkd.settings.pseudo_graphs import PseudoGraphConfig
from acgkd.synthesis.graphs.drawn_graphs import build_pseudo_graphs

# Graphs that are written out at a time: all pairs of one may be candidates, and few of them edges.
WRITTEN_AT_ONCE = 16


class Drawn(Protocol):
    """Graphs that have a distribution.

    Shapes:
        labels, load: ``[graphs]`` on the CPU; load: nodes and edges that a pass over each graph goes through
    """

    labels: Tensor

    @property
    def count(self) -> int:
        """Number of graphs."""

    @property
    def load(self) -> Tensor:
        """What a pass over each graph goes through."""

    def thresholded(self, indices: Tensor) -> GraphBatch:
        """The most likely graphs at `indices`."""

    def sampled(self, generator: torch.Generator, indices: Tensor) -> GraphBatch:
        """The graphs at `indices`, drawn afresh."""

    def soft(self, indices: Tensor) -> GraphBatch:
        """The probabilities of the graphs at `indices`, as weights and features."""


G = TypeVar("G", bound=Drawn)


class PseudoGraphSource:
    """Batches of pseudo-graphs for transfer.

    Args:
        graphs: where they come from; nobody learns them any more.
        samples: fresh draws, the most likely graphs, one half of either, or the probabilities as weights.
        generator: for fresh draws.
    """

    def __init__(self, graphs: Drawn, *, samples: PseudoSamples, generator: torch.Generator) -> None:
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


class GraphSynthesis(ABC, Generic[G]):
    """A synthesis of pseudo-graphs that have a distribution: all of it but the steps.

    Args:
        context: teacher, prior, streams, device.
        graphs: the pseudo-graphs.
        steps: how many there will be.
    """

    def __init__(self, context: GraphContext, graphs: G, steps: int) -> None:
        self.context = context
        self.graphs = graphs
        self.steps = steps
        self.done = 0
        self._work = 0.0

    @property
    def multiply_adds(self) -> float:
        """Counted multiply-adds of all steps so far."""
        return self._work

    @abstractmethod
    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """One step; returns each term of the loss, detached."""

    def source(self, samples: PseudoSamples) -> PseudoGraphSource:
        """Batches for transfer."""
        generator = self.context.streams.generator("transfer-draws")
        return PseudoGraphSource(self.graphs, samples=samples, generator=generator)

    def _in_turn(self, count: int) -> Tensor:
        """The graphs in turn, each as often as it takes to make `count`.

        Shapes:
            returns: ``[count]`` on the CPU
        """
        return torch.arange(count, device="cpu") % self.graphs.count

    def samples(self, count: int) -> GraphBatch:
        """Fresh draws of the graphs in turn."""
        return self.graphs.sampled(self.context.streams.generator("samples"), self._in_turn(count))

    @abstractmethod
    def facts(self) -> Mapping[str, float]:
        """Candidate pairs and edges."""

    @abstractmethod
    def state_dict(self) -> State:
        """Everything needed to resume."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Loads a state made by `state_dict`."""


class Untrained(GraphSynthesis[PseudoGraphs]):
    """The synthesis of a control: pseudo-graphs as they start, and no step.

    Also the ground that inversion stands on: it adds only the steps.

    Args:
        config: how many pseudo-graphs there are, and how they are parametrised.
        context: prior, streams, device.
        steps: how many there will be.
    """

    def __init__(self, config: PseudoGraphConfig, context: GraphContext, steps: int = 0) -> None:
        super().__init__(context, build_pseudo_graphs(config, context), steps)

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """There is none to do."""
        raise ConfigError("Untrained pseudo-graphs have no synthesis step; `steps` is 0.")

    def facts(self) -> Mapping[str, float]:
        """Candidate pairs, and the edges that the distribution is expected to draw."""
        return {
            "candidate_edges": int(self.graphs.candidates.counts.sum()),
            "pseudo_samples": self.graphs.count,
            "kept_edges": float(self.graphs.kept_edges()),
        }

    def state_dict(self) -> State:
        """Nothing: the graphs follow from the seed."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Nothing to load."""


def in_parts(graphs: int, at_once: int | None) -> tuple[Tensor, ...]:
    """Which graphs are learned at a time: all, or parts as equal as can be, as a small one knows its statistics badly.

    Shapes:
        returns: each ``[graphs of the part]`` on the CPU
    """
    return torch.tensor_split(torch.arange(graphs, device="cpu"), -(-graphs // (at_once or graphs)))
