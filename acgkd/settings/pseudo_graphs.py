"""Pseudo-graphs as methods ask for them: how many, of which sizes and classes, and how they are parametrised."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from acgkd.config import Config, FeatureKind, GrownConfig, ShortConfig
from acgkd.errors import ConfigError
from acgkd.settings.choices import Noise, Relaxation

StructureKind = Literal["pairs", "hubs", "mlp", "communities"]

# What `auto` supposes of data by the kind of their features.
_SUPPOSED: dict[FeatureKind, StructureKind] = {"degree": "communities", "constant": "hubs"}


class ComplexityConfig(Config):
    """Complexity ξ: how much structure a pseudo-graph may carry. Only the field named by `mode` is used.

    Args:
        mode: what ξ, the complexity, counts: candidate neighbours of a node (`degree`), the share of all pairs that are
            candidates (`ratio`), or the least relaxed weight that takes part (`threshold`).
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


class StructureConfig(ShortConfig):
    """What says which candidate pairs are edges. `structure: mlp` stands for `structure: {kind: mlp}`.

    Args:
        kind: `pairs` learns the log-odds of every candidate pair by itself; `hubs` does too, but some graphs have
            candidates with hubs, nodes that most others may be tied to; `mlp` has log-odds said by one perceptron of
            two nodes' vectors that all graphs share; `communities` learns which communities a node is in, and joins
            nodes that share one, so that graphs are unions of cliques. The latter, and hubs, are assumptions about the
            data. `auto` makes that of communities where the prior's features are degrees, as they are of networks of
            people, and that of hubs where they are constant, as they are of discussions; it is `pairs` elsewhere.
        communities: how many a graph has.
        ego: whether the first node of a graph is in every community, as in a network of one person's contacts.
        densities: where the mean degree is known: `equal` starts every graph at it, `spread` starts them at densities
            evenly on both sides of it, as far as there is room.
    """

    word: ClassVar[str] = "kind"

    kind: Literal["auto", "pairs", "hubs", "mlp", "communities"] = "auto"
    communities: int = Field(default=4, ge=1)
    ego: bool = True
    densities: Literal["equal", "spread"] = "equal"

    def kind_for(self, features: FeatureKind) -> StructureKind:
        """What `auto` means for data with such features."""
        return _SUPPOSED.get(features, "pairs") if self.kind == "auto" else self.kind


class PseudoGraphConfig(GrownConfig):
    """How many pseudo-graphs there are and how they are parametrised.

    Args:
        graphs: how many pseudo-graphs there are.
        sizes: `uniform` draws each number of nodes by itself; `matched` spreads them evenly over the prior's range and
            gives each to one graph of every class; `long_tail` does so too, but leaves the range both ways: it supposes
            that what the prior says is half to one and a half of a mean, and that some graphs are far larger.
        complexity: which pairs may be edges.
        structure: what says which of them are.
        concrete_temperature: λ of the Concrete distribution of edges and features; nearer to 0 means harder draws.
        noise: of the edges; memberships of communities always take the logistic one.
        edges: `straight_through` passes 0 or 1 forwards and the relaxed gradient backwards; `relaxed` passes the
            relaxed value.
        features: the same of the nodes' features.
        labels: `balanced` gives every class as many graphs; `drawn` draws each graph's class evenly, by itself, but for
            one graph of every class.
        degree_features: where features are degrees, `structural` takes those of the edges drawn; `free` learns them as
            if they did not follow from the edges.
    """

    later: ClassVar[tuple[str, ...]] = ("labels", "degree_features")

    graphs: int = Field(default=320, ge=2)
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
