"""Pseudo-graphs as methods ask for them: how many, of which sizes and classes, and how they are parametrised."""

from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator

from acgkd.config import Config, GrownConfig
from acgkd.errors import ConfigError
from acgkd.graphs.prior import Prior
from acgkd.graphs.pseudo.candidates import draw_candidates
from acgkd.graphs.pseudo.concrete import Noise, Relaxation
from acgkd.graphs.pseudo.hubs import draw_hub_candidates
from acgkd.graphs.pseudo.relaxed_graphs import PseudoGraphs, Relaxing
from acgkd.method import MethodContext
from acgkd.synthesis.structure_config import StructureConfig, build_structure


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


class PseudoGraphConfig(GrownConfig):
    """How many pseudo-graphs there are and how they are parametrised.

    Args:
        graphs: how many.
        sizes: `uniform` draws each number of nodes by itself; `matched` spreads them evenly over the prior's range and
            gives each to one graph of every class; `long_tail` does so too, but leaves the range both ways: it supposes
            that what the prior says is half to one and a half of a mean, and that some graphs are far larger.
        complexity: which pairs may be edges.
        structure: what says which of them are.
        concrete_temperature: λ.
        noise: of the edges; memberships of communities always take the logistic one.
        edges: relaxed or straight-through.
        features: relaxed or straight-through.
        labels: `balanced` gives every class as many graphs; `drawn` draws each graph's class evenly, by itself, but for
            one graph of every class.
        degree_features: where features are degrees, `structural` takes those of the edges drawn; `free` learns them as
            if they did not follow from the edges.
    """

    later = ("labels", "degree_features")

    graphs: int = Field(default=160, ge=2)
    sizes: Literal["uniform", "matched", "long_tail"] = "uniform"
    complexity: ComplexityConfig = ComplexityConfig()
    structure: StructureConfig = StructureConfig()
    concrete_temperature: float = Field(default=0.5, gt=0)
    noise: Noise = "logistic"
    edges: Relaxation = "straight_through"
    features: Relaxation = "straight_through"
    labels: Literal["balanced", "drawn"] = "balanced"
    degree_features: Literal["structural", "free"] = "structural"

    @model_validator(mode="after")
    def _sizes_that_go_round(self) -> "PseudoGraphConfig":
        if self.labels == "drawn" and self.sizes != "uniform":
            raise ConfigError(
                f"`labels: drawn` needs `sizes: uniform`: `sizes: {self.sizes}` gives each size to one graph of every "
                "class, which only balanced labels can have."
            )
        return self


def check_count(graphs: int, prior: Prior) -> None:
    """Refuses fewer pseudo-graphs than classes."""
    if graphs < prior.classes:
        raise ConfigError(
            f"`method/synthesis/graphs >= {prior.classes}` must hold, one per class at least, but got {graphs}."
        )


def build_pseudo_graphs(config: PseudoGraphConfig, context: MethodContext) -> PseudoGraphs:
    """Pseudo-graphs as they are before anything is learned.

    Sizes come from the prior. Where the mean degree is known every graph starts at it; where it is not, graphs start
    at densities spread evenly over what the candidates allow, and learning has to find out.

    Raises:
        ConfigError: fewer pseudo-graphs than classes.
    """
    prior: Prior = context.prior
    check_count(config.graphs, prior)
    host, kind = context.streams.host("pseudo-graphs"), config.structure.kind_for(prior)
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
        config.structure, candidates, prior, noise=config.noise, streams=context.streams, device=context.device
    )
    free = prior.features == "degree" and config.degree_features == "free"
    return PseudoGraphs(
        candidates,
        prior.labels(config.graphs) if config.labels == "balanced" else prior.drawn_labels(config.graphs, host),
        replace(prior, features="categorical") if free else prior,
        structure=structure,
        relaxing=Relaxing(
            temperature=config.concrete_temperature,
            edges=config.edges,
            features=config.features,
            threshold=how.threshold if how.mode == "threshold" else 0.0,
        ),
        generator=context.streams.generator("pseudo-graphs"),
        device=context.device,
    )
