"""Pseudo-graphs as they are before anything is learned, built as settings ask and as the prior allows."""

from dataclasses import replace

import torch
from torch import Tensor

from acgkd.errors import ConfigError
from acgkd.graphs.draws import balanced_labels, drawn_labels, long_tailed_sizes, matched_sizes, uniform_sizes
from acgkd.graphs.pseudo.candidates import Candidates, draw_candidates
from acgkd.graphs.pseudo.communities import Communities
from acgkd.graphs.pseudo.hubs import draw_hub_candidates
from acgkd.graphs.pseudo.relaxed_graphs import PseudoGraphs, Relaxing
from acgkd.graphs.pseudo.shared_mlp import SharedMlp
from acgkd.graphs.pseudo.structures import Pairs, Structure
from acgkd.method import GraphContext
from acgkd.priors import GraphPrior
from acgkd.runtime import Streams
from acgkd.settings.choices import Noise
from acgkd.settings.pseudo_graphs import PseudoGraphConfig, StructureConfig

_SIZES = {"uniform": uniform_sizes, "matched": matched_sizes, "long_tail": long_tailed_sizes}


def check_count(graphs: int, prior: GraphPrior) -> None:
    """Refuses fewer pseudo-graphs than classes."""
    if graphs < prior.classes:
        raise ConfigError(
            f"`method/synthesis/graphs >= {prior.classes}` must hold, one per class at least, but got {graphs}."
        )


def build_pseudo_graphs(config: PseudoGraphConfig, context: GraphContext) -> PseudoGraphs:
    """Pseudo-graphs as they are before anything is learned.

    Sizes come from the prior. Where the mean degree is known every graph starts at it; where it is not, graphs start
    at densities spread evenly over what the candidates allow, and learning has to find out.

    Raises:
        ConfigError: fewer pseudo-graphs than classes.
    """
    prior = context.prior
    check_count(config.graphs, prior)
    host, kind = context.streams.host("pseudo-graphs"), config.structure.kind_for(prior.features)
    sizes = _SIZES[config.sizes](prior, config.graphs, host)
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
    if config.labels == "balanced":
        labels = balanced_labels(prior.classes, config.graphs)
    else:
        labels = drawn_labels(prior.classes, config.graphs, host)
    free = prior.features == "degree" and config.degree_features == "free"
    return PseudoGraphs(
        candidates,
        labels,
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


def build_structure(
    config: StructureConfig,
    candidates: Candidates,
    prior: GraphPrior,
    *,
    noise: Noise,
    streams: Streams,
    device: torch.device,
) -> Structure:
    """A structure that starts at the prior's mean degree, or at all densities where that is unknown."""
    start = _start(config, candidates, prior, streams.host("pseudo-graphs"))
    generator = streams.generator("pseudo-graphs")
    kind = config.kind_for(prior.features)
    if kind == "mlp":
        return SharedMlp(candidates, start, noise=noise, generator=generator, device=device)
    if kind == "communities":
        return Communities(
            candidates, start, communities=config.communities, ego=config.ego, generator=generator, device=device
        )
    return Pairs(candidates.counts, start, noise=noise, generator=generator, device=device)


def _start(config: StructureConfig, candidates: Candidates, prior: GraphPrior, host: torch.Generator) -> Tensor:
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
