"""A structure of communities: nodes that share one are joined, so that what is drawn is a union of cliques."""

import torch
from torch import Tensor, nn

from acgkd.graphs.pseudo.candidates import Candidates
from acgkd.graphs.pseudo.concrete import concrete_edges, straight_through
from acgkd.graphs.pseudo.parts import Part
from acgkd.graphs.pseudo.structures import GREATEST_PROBABILITY, LEAST_PROBABILITY, SPREAD, Structure
from acgkd.settings.choices import Relaxation

# Two memberships that are as good as sure have a logarithm, and a gradient, nevertheless.
_SURE = 1 - 1e-6
# Log-odds of what is not in question; no noise that single precision can draw comes near it.
_CERTAIN = 30.0


class Communities(Structure):
    """Each node is in each of C communities or not; a candidate pair is an edge where both are in one at least.

    Memberships are drawn, edges follow: edges of one graph are drawn jointly, as cliques. That is an assumption about
    the data, an inductive bias: true of who worked with whom, wrong of molecules. Parameters: nodes times C.

    Args:
        candidates: sizes and candidate pairs.
        edge_probability: where each graph starts.
        communities: C.
        ego: whether the first node of each graph is in every community, as in a network of one person's contacts.
        generator: for the initial noise; on `device`.
        device: where the parameters live.

    Shapes:
        edge_probability: ``[graphs]`` on the CPU
    """

    def __init__(
        self,
        candidates: Candidates,
        edge_probability: Tensor,
        *,
        communities: int,
        ego: bool,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        super().__init__()
        start = edge_probability.clamp(LEAST_PROBABILITY, GREATEST_PROBABILITY).double()
        membership = _membership(start, candidates.sizes, communities, ego)
        odds = torch.logit(membership).float().repeat_interleave(candidates.sizes).unsqueeze(1)
        noise = torch.randn(candidates.nodes, communities, generator=generator, device=device)
        self.logits = nn.Parameter(odds.to(device) + SPREAD * noise)
        self._ego: Tensor | None = None
        if ego:
            first = torch.zeros(candidates.nodes, 1, dtype=torch.bool, device="cpu")
            first[candidates.sizes.cumsum(0) - candidates.sizes] = True
            self._ego = first.to(device)

    def _members(self, part: Part) -> Tensor:
        """Log-odds of the memberships of a part's nodes; an ego is as good as sure.

        Shapes:
            returns: ``[nodes, communities]``
        """
        logits = self.logits if part.nodes is None else self.logits[part.nodes]
        if self._ego is None:
            return logits
        return logits.masked_fill(self._ego if part.nodes is None else self._ego[part.nodes], _CERTAIN)

    def relaxed(
        self, part: Part, *, temperature: float, relaxation: Relaxation, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draws Binary Concrete memberships; edges are soft or, with the gradient of the soft ones, 0 or 1."""
        _, members = concrete_edges(
            self._members(part),
            temperature=temperature,
            noise="logistic",
            relaxation="relaxed",
            generator=generator,
        )
        soft = shared(members, part.ends)
        if relaxation == "relaxed":
            return soft, soft
        return straight_through(_share((members.detach() > 0.5).to(members.dtype), part.ends), soft), soft

    def sampled(self, part: Part, generator: torch.Generator) -> Tensor:
        """Draws memberships; edges follow."""
        probability = torch.sigmoid(self._members(part))
        drawn = torch.rand(probability.shape, generator=generator, device=probability.device) < probability
        return _share(drawn.to(probability.dtype), part.ends)

    def thresholded(self, part: Part) -> Tensor:
        """The edges of the most likely memberships."""
        logits = self._members(part)
        return _share((logits >= 0).to(logits.dtype), part.ends)

    def probabilities(self, part: Part) -> Tensor:
        """How likely two nodes share a community: exact, since memberships are drawn one by one."""
        return shared(torch.sigmoid(self._members(part)), part.ends)


def shared(members: Tensor, ends: Tensor) -> Tensor:
    """``1 - Π_c (1 - m_ic m_jc)`` of each pair.

    Shapes:
        members: ``[nodes, communities]`` in [0, 1]; ends: ``[2, pairs]``; returns: ``[pairs]``
    """
    both = (members[ends[0]] * members[ends[1]]).clamp(max=_SURE)
    # In logarithms: the gradient of a product looks for zeros first, and waits for the device to do so.
    return -torch.expm1(torch.log1p(-both).sum(dim=1))


def _share(members: Tensor, ends: Tensor) -> Tensor:
    """The same for memberships that are 0 or 1."""
    return (members[ends[0]] * members[ends[1]]).amax(dim=1)


def _membership(edge_probability: Tensor, sizes: Tensor, communities: int, ego: bool) -> Tensor:
    """The probability of every membership with which a graph has its share of edges, found by bisection.

    Shapes:
        edge_probability, sizes: ``[graphs]``; returns: ``[graphs]``
    """
    # Of an ego's pairs there are n - 1 among n(n-1)/2.
    share = 2 / sizes.double() if ego else torch.zeros_like(edge_probability)
    low, high = torch.full_like(edge_probability, 1e-4), torch.full_like(edge_probability, 1 - 1e-4)
    for _ in range(50):
        middle = (low + high) / 2
        edges = share * (1 - (1 - middle) ** communities) + (1 - share) * (1 - (1 - middle**2) ** communities)
        low, high = (
            torch.where(edges < edge_probability, middle, low),
            torch.where(edges < edge_probability, high, middle),
        )
    return (low + high) / 2
