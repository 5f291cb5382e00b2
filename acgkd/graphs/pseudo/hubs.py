"""Candidate pairs with hubs: a few nodes of a graph are tied to a large share of the others."""

import torch
from torch import Tensor

from acgkd.graphs.pseudo.candidates import Candidates, Mode, first_comers, others_of, pair_counts, rank, unrank

# Steepest of all graphs: its first node is one end of 0.61 of all draws.
STEEPEST = 2.0
# After so many rounds what is still missing is drawn evenly, or the last few pairs would take all the time.
_ROUNDS = 8


def draw_hub_candidates(
    sizes: Tensor, classes: int, mode: Mode, value: float, generator: torch.Generator
) -> Candidates:
    """Chooses the candidate pairs of every graph with a heavy tail of candidate neighbours.

    One end of a pair is any node; the other is the node of rank r with a probability proportional to ``r ** -a``, and
    ranks are node numbers. Each graph has a steepness ``a`` of its own, spread evenly from 0, where no node stands out,
    to `STEEPEST`; each is given to one graph of every class, so that beside `balanced_labels` it says nothing about the
    class. That there are hubs is an assumption about the data, true of discussions and wrong of molecules. Where all
    pairs are candidates nothing is left of it.

    Args:
        sizes: nodes of each graph, at least 2.
        classes: among which labels go round.
        mode: as of `draw_candidates`, and as many pairs as there.
        value: ξ, in the mode's unit.
        generator: on the CPU.

    Shapes:
        sizes: ``[graphs]`` on the CPU
    """
    counts = pair_counts(sizes, mode, value)
    starts = (sizes.cumsum(0) - sizes).tolist()
    chosen = [
        _pairs(n, keep, steepness, generator) + start
        for n, keep, steepness, start in zip(
            sizes.tolist(), counts.tolist(), _spread(sizes.numel(), classes, generator).tolist(), starts, strict=True
        )
    ]
    return Candidates(sizes=sizes, counts=counts, pairs=torch.cat(chosen, dim=1))


def _spread(graphs: int, classes: int, generator: torch.Generator) -> Tensor:
    """Steepness of each graph; sizes that are matched ascend, so the order is drawn.

    Shapes:
        returns: ``[graphs]``
    """
    rounds = -(-graphs // classes)
    places = torch.randperm(rounds, generator=generator, device="cpu").double() / max(1, rounds - 1)
    return (STEEPEST * places).repeat_interleave(classes)[:graphs]


def _pairs(n: int, keep: int, steepness: float, generator: torch.Generator) -> Tensor:
    """`keep` distinct pairs i < j of n nodes.

    Shapes:
        returns: ``[2, keep]``
    """
    weights = torch.arange(1, n + 1, dtype=torch.double, device="cpu") ** -steepness
    total = n * (n - 1) // 2
    if keep >= total:
        return unrank(torch.arange(total, device="cpu"))
    if keep * 4 > total:
        # The pairs whose exponential clocks ring first: the same law, whatever share of the pairs is kept.
        i, j = unrank(torch.arange(total, device="cpu"))
        clocks = torch.empty(total, dtype=torch.double, device="cpu").exponential_(generator=generator)
        return unrank((clocks / (weights[i] + weights[j])).argsort(stable=True)[:keep].sort().values)
    upto = weights.cumsum(0)
    codes = torch.empty(0, dtype=torch.long, device="cpu")
    for _ in range(_ROUNDS):
        draws = 2 * (keep - codes.numel())
        place = torch.rand(draws, generator=generator, dtype=torch.double, device="cpu") * upto[-1]
        weighed = torch.searchsorted(upto, place, right=True).clamp(max=n - 1)
        other = torch.randint(n - 1, (draws,), generator=generator, device="cpu")
        other = other + (other >= weighed)
        ends = torch.stack([torch.minimum(weighed, other), torch.maximum(weighed, other)])
        codes = first_comers(torch.cat([codes, rank(ends)]))[:keep]
        if codes.numel() == keep:
            break
    codes = codes.sort().values
    rest = others_of(codes, total, keep - codes.numel(), generator)
    return unrank(torch.cat([codes, rest]).sort().values)
