"""Complexity ξ: which pairs of nodes may carry an edge at all.

Memory and time of everything that follows grow with the candidates, not with the square of the nodes.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Mode = Literal["ratio", "degree", "threshold"]


@dataclass(frozen=True)
class Candidates:
    """Candidate pairs i < j of a batch of graphs; all on the CPU, where shapes are decided.

    Args:
        sizes: nodes of each graph.
        counts: candidate pairs of each graph.
        pairs: the pairs, graph by graph, as node numbers within the whole batch.

    Shapes:
        sizes, counts: ``[graphs]``; pairs: ``[2, candidates]``
    """

    sizes: Tensor
    counts: Tensor
    pairs: Tensor

    @property
    def nodes(self) -> int:
        """Nodes of the whole batch."""
        return int(self.sizes.sum())


def draw_candidates(sizes: Tensor, mode: Mode, value: float, generator: torch.Generator) -> Candidates:
    """Chooses the candidate pairs of every graph.

    Args:
        sizes: nodes of each graph, at least 2.
        mode: `ratio` keeps a share ``value`` of the n(n-1)/2 pairs; `degree` keeps about ``value * n / 2`` pairs,
            so that a node has `value` candidate neighbours on average; `threshold` keeps all pairs (its value acts
            when edges are drawn).
        value: ξ, in the mode's unit.
        generator: on the CPU.

    Shapes:
        sizes: ``[graphs]`` on the CPU
    """
    counts = pair_counts(sizes, mode, value)
    starts = sizes.cumsum(0) - sizes
    chosen = [
        unrank(_distinct(n * (n - 1) // 2, keep, generator)) + start
        for n, keep, start in zip(sizes.tolist(), counts.tolist(), starts.tolist(), strict=True)
    ]
    return Candidates(sizes=sizes, counts=counts, pairs=torch.cat(chosen, dim=1))


def pair_counts(sizes: Tensor, mode: Mode, value: float) -> Tensor:
    """How many candidate pairs each graph has, one at least; arguments as of `draw_candidates`.

    Shapes:
        sizes: ``[graphs]`` on the CPU; returns: the same
    """
    counts = []
    for n in sizes.tolist():
        total = n * (n - 1) // 2
        if mode == "threshold":
            counts.append(total)
        else:
            counts.append(min(total, max(1, round(value * total if mode == "ratio" else value * n / 2))))
    return torch.tensor(counts, device="cpu")


def regrown(
    candidates: Candidates, likelihood: Tensor, share: float, graphs: Tensor, generator: torch.Generator
) -> tuple[Candidates, Tensor]:
    """Replaces the least likely candidates of some graphs by pairs that were none; counts stay as they are.

    Args:
        candidates: left as they are.
        likelihood: larger is likelier, within a graph.
        share: of a graph's candidates that is replaced, rounded down; fewer where not so many pairs are left.
        graphs: numbers of the graphs.
        generator: on the CPU.

    Returns:
        other candidates, and the places of those that are new.

    Shapes:
        likelihood: ``[candidates]`` on the CPU; graphs: ``[picked]`` on the CPU
        returns: places ``[replaced]``
    """
    pairs, places = candidates.pairs.clone(), []
    node_starts = candidates.sizes.cumsum(0) - candidates.sizes
    pair_starts = candidates.counts.cumsum(0) - candidates.counts
    for graph in graphs.tolist():
        n, count, first = (int(row[graph]) for row in (candidates.sizes, candidates.counts, pair_starts))
        others = n * (n - 1) // 2 - count
        wanted = min(int(share * count), others)
        # A stable sort, or equal likelihoods would be replaced in another order on another machine.
        least = first + torch.argsort(likelihood[first : first + count], stable=True)[:wanted]
        members = rank(pairs[:, first : first + count] - node_starts[graph]).sort().values
        codes = others_of(members, n * (n - 1) // 2, wanted, generator)
        pairs[:, least] = unrank(codes) + node_starts[graph]
        places.append(least)
    return Candidates(sizes=candidates.sizes, counts=candidates.counts, pairs=pairs), torch.cat(places)


def others_of(members: Tensor, total: int, wanted: int, generator: torch.Generator) -> Tensor:
    """Numbers below `total` that are no members, `wanted` distinct ones, all equally likely.

    Shapes:
        members: ascending, ``[members]``; returns: ascending, ``[wanted]``
    """
    count = members.numel()
    # How many others stand below each member: the r-th other is r and all members up to there.
    below = members - torch.arange(count, device="cpu")
    fresh = _distinct(total - count, wanted, generator)
    return fresh + torch.searchsorted(below, fresh, right=True)


def _distinct(total: int, keep: int, generator: torch.Generator) -> Tensor:
    """`keep` distinct numbers below `total`, ascending, without listing all of them where that would be wasteful."""
    if keep >= total:
        return torch.arange(total, device="cpu")
    if keep * 4 > total:
        return torch.randperm(total, generator=generator, device="cpu")[:keep].sort().values
    found = torch.empty(0, dtype=torch.long, device="cpu")
    while found.numel() < keep:
        more = torch.randint(total, (2 * (keep - found.numel()),), generator=generator, device="cpu")
        # Keep first comers: sorting before cutting would favour low numbers.
        found = first_comers(torch.cat([found, more]))[:keep]
    return found.sort().values


def first_comers(numbers: Tensor) -> Tensor:
    """Each number once, in the order in which they first come.

    Shapes:
        numbers: ``[drawn]``; returns: ``[distinct]``
    """
    unique, inverse = torch.unique(numbers, return_inverse=True)
    first = torch.full((unique.numel(),), numbers.numel(), device="cpu").scatter_reduce(
        0, inverse, torch.arange(numbers.numel(), device="cpu"), reduce="amin"
    )
    return numbers[first.sort().values]


def unrank(codes: Tensor) -> Tensor:
    """The pairs i < j at places `codes` of the list (0,1), (0,2), (1,2), (0,3), ...

    Shapes:
        codes: ``[pairs]``; returns: ``[2, pairs]``
    """
    j = ((1 + torch.sqrt(1 + 8 * codes.double())) / 2).floor().long()
    # The root is rounded: put right what it missed by one.
    j = torch.where(j * (j - 1) // 2 > codes, j - 1, j)
    j = torch.where(j * (j + 1) // 2 <= codes, j + 1, j)
    return torch.stack([codes - j * (j - 1) // 2, j])


def rank(pairs: Tensor) -> Tensor:
    """Places of pairs i < j in that list.

    Shapes:
        pairs: ``[2, pairs]``; returns: ``[pairs]``
    """
    return pairs[1] * (pairs[1] - 1) // 2 + pairs[0]
