"""Which structure pseudo-graphs have, and where its learning starts."""

from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from acgkd.config import Config, FeatureKind
from acgkd.graphs.prior import Prior
from acgkd.graphs.pseudo.candidates import Candidates
from acgkd.graphs.pseudo.communities import Communities
from acgkd.graphs.pseudo.concrete import Noise
from acgkd.graphs.pseudo.shared_mlp import SharedMlp
from acgkd.graphs.pseudo.structures import Pairs, Structure
from acgkd.runtime import Streams

Kind = Literal["pairs", "hubs", "mlp", "communities"]

# What `auto` supposes of data by the kind of their features.
_SUPPOSED: dict[FeatureKind, Kind] = {"degree": "communities", "constant": "hubs"}


class StructureConfig(Config):
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

    kind: Literal["auto", "pairs", "hubs", "mlp", "communities"] = "auto"
    communities: int = Field(default=4, ge=1)
    ego: bool = True
    densities: Literal["equal", "spread"] = "equal"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    def kind_for(self, prior: Prior) -> Kind:
        """What `auto` means for data of which this is known."""
        if self.kind == "auto":
            return _SUPPOSED.get(prior.features, "pairs")
        return self.kind


def build_structure(
    config: StructureConfig,
    candidates: Candidates,
    prior: Prior,
    *,
    noise: Noise,
    streams: Streams,
    device: torch.device,
) -> Structure:
    """A structure that starts at the prior's mean degree, or at all densities where that is unknown."""
    start = _start(config, candidates, prior, streams.host("pseudo-graphs"))
    generator = streams.generator("pseudo-graphs")
    kind = config.kind_for(prior)
    if kind == "mlp":
        return SharedMlp(candidates, start, noise=noise, generator=generator, device=device)
    if kind == "communities":
        return Communities(
            candidates, start, communities=config.communities, ego=config.ego, generator=generator, device=device
        )
    return Pairs(candidates.counts, start, noise=noise, generator=generator, device=device)


def _start(config: StructureConfig, candidates: Candidates, prior: Prior, host: torch.Generator) -> Tensor:
    """The probability with which a candidate of each graph begins as an edge.

    Shapes:
        returns: ``[graphs]`` on the CPU
    """
    sizes = candidates.sizes
    if prior.mean_degree is None:
        return 0.1 + 0.8 * torch.rand(sizes.numel(), generator=host, device="cpu")
    known = torch.full((sizes.numel(),), prior.mean_degree, device="cpu") * sizes / (2 * candidates.counts)
    if config.densities == "equal":
        return known
    room = torch.minimum(known, 1 - known).clamp_min(0)
    return known + room * (2 * torch.rand(sizes.numel(), generator=host, device="cpu") - 1)
