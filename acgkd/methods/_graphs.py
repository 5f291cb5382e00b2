"""What every method on pseudo-graphs shares: their settings, how they are made, and how transfer draws from them."""

from collections.abc import Mapping
from functools import cached_property, reduce
from typing import Any, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn

from acgkd.config import Config
from acgkd.errors import ConfigError
from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import GraphBatch, joined
from acgkd.graphs.candidates import draw_candidates
from acgkd.graphs.concrete import Noise, Relaxation
from acgkd.graphs.hubs import draw_hub_candidates
from acgkd.graphs.prior import Prior
from acgkd.graphs.pseudo_graphs import PseudoGraphs, Relaxing
from acgkd.graphs.select import GraphSelector
from acgkd.methods import Setting
from acgkd.methods._structure import StructureConfig, build_structure
from acgkd.methods._transfer import Samples, Transfer, TransferConfig
from acgkd.methods._two_phase import Synthesis, TwoPhase
from acgkd.projection import ProjectedStudent

# Graphs that are written out at a time: all pairs of one may be candidates, and few of them edges.
WRITTEN_AT_ONCE = 16


class ComplexityConfig(Config):
    """Complexity ξ: how much structure a pseudo-graph may carry. Only the field named by `mode` is used.

    Args:
        mode: what ξ counts.
        degree: candidate neighbours of a node; None means twice the prior's mean degree (6 where that is unknown),
            and every other node where the structure is one of communities.
        ratio: share of all pairs that are candidates.
        threshold: all pairs are candidates; those whose relaxed weight is below take no part in message passing. At
            most 0.5, above which an edge is drawn: what is dropped while learning must not come back in transfer.
    """

    mode: Literal["degree", "ratio", "threshold"] = "degree"
    degree: float | None = Field(default=None, gt=0)
    ratio: float = Field(default=0.3, gt=0, le=1)
    threshold: float = Field(default=0.1, ge=0, le=0.5)


class PseudoGraphConfig(Config):
    """How many pseudo-graphs there are and how they are parametrised.

    Args:
        graphs: how many; their labels are balanced.
        sizes: `uniform` draws each number of nodes by itself; `matched` spreads them evenly over the prior's range and
            gives each to one graph of every class; `long_tail` does so too, but leaves the range both ways: it supposes
            that what the prior says is half to one and a half of a mean, and that some graphs are far larger.
        complexity: which pairs may be edges.
        structure: what says which of them are.
        concrete_temperature: λ.
        noise: of the edges; memberships of communities always take the logistic one.
        edges: relaxed or straight-through.
        features: relaxed or straight-through.
    """

    graphs: int = Field(default=160, ge=2)
    sizes: Literal["uniform", "matched", "long_tail"] = "uniform"
    complexity: ComplexityConfig = ComplexityConfig()
    structure: StructureConfig = StructureConfig()
    concrete_temperature: float = Field(default=0.5, gt=0)
    noise: Noise = "logistic"
    edges: Relaxation = "straight_through"
    features: Relaxation = "straight_through"


class GraphTransferConfig(TransferConfig):
    """How a graph student is taught; by default it ends in its teacher's own classifier."""

    projection: Literal["none", "gat"] = "gat"


def check_count(graphs: int, prior: Prior) -> None:
    """Refuses fewer pseudo-graphs than classes."""
    if graphs < prior.classes:
        raise ConfigError(
            f"`method/synthesis/graphs >= {prior.classes}` must hold, one per class at least, but got {graphs}."
        )


def build_pseudo_graphs(config: PseudoGraphConfig, setting: Setting) -> PseudoGraphs:
    """Pseudo-graphs as they are before anything is learned.

    Sizes come from the prior. Where the mean degree is known every graph starts at it; where it is not, graphs start
    at densities spread evenly over what the candidates allow, and learning has to find out.

    Raises:
        ConfigError: fewer pseudo-graphs than classes.
    """
    prior: Prior = setting.prior
    check_count(config.graphs, prior)
    host, kind = setting.streams.host("pseudo-graphs"), config.structure.kind_for(prior)
    draw_sizes = {"uniform": prior.sizes, "matched": prior.matched_sizes, "long_tail": prior.long_tailed_sizes}
    sizes = draw_sizes[config.sizes](config.graphs, host)
    how = config.complexity
    degree = how.degree or (2 * prior.mean_degree if prior.mean_degree is not None else 6.0)
    if how.degree is None and kind == "communities":
        # A clique whose pairs are no candidates is no clique.
        degree = float(sizes.max())
    value = {"degree": degree, "ratio": how.ratio, "threshold": how.threshold}[how.mode]
    if kind == "hubs":
        candidates = draw_hub_candidates(sizes, prior.classes, how.mode, value, host)
    else:
        candidates = draw_candidates(sizes, how.mode, value, host)
    structure = build_structure(
        config.structure, candidates, prior, noise=config.noise, streams=setting.streams, device=setting.device
    )
    return PseudoGraphs(
        candidates,
        prior.labels(config.graphs),
        prior,
        structure=structure,
        relaxing=Relaxing(
            temperature=config.concrete_temperature,
            edges=config.edges,
            features=config.features,
            threshold=how.threshold if how.mode == "threshold" else 0.0,
        ),
        generator=setting.streams.generator("pseudo-graphs"),
        device=setting.device,
    )


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

    def __init__(self, config: PseudoGraphConfig, setting: Setting) -> None:
        self.setting = setting
        self.graphs = build_pseudo_graphs(config, setting)
        self.steps = 0
        self.done = 0
        self.multiply_adds = 0.0

    def step(self, student: nn.Module | None) -> Mapping[str, Tensor]:
        """There is none to do."""
        raise ConfigError("Untrained pseudo-graphs have no synthesis step; `steps` is 0.")

    def source(self, samples: Samples) -> PseudoGraphSource:
        """Batches for transfer."""
        generator = self.setting.streams.generator("transfer-draws")
        return PseudoGraphSource(self.graphs, samples=samples, generator=generator)

    def samples(self, count: int) -> GraphBatch:
        """Fresh draws of the graphs in turn, each as often as it takes to make `count`."""
        indices = torch.arange(count, device="cpu") % self.graphs.count
        return self.graphs.sampled(self.setting.streams.generator("samples"), indices)

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


def synthesis_then_transfer(synthesis: Synthesis, config: TransferConfig, setting: Setting) -> TwoPhase:
    """A run whose student is taught on graphs once their synthesis is over."""

    def transfer() -> Transfer:
        return Transfer(config, setting, GRAPHS, lift_to(setting.teacher, setting.device))

    return TwoPhase(synthesis, transfer, student=setting.student, transfer_steps=config.steps, samples=config.samples)
