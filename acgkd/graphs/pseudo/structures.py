"""Structures: distributions over which candidate pairs are edges, learned by gradient."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from acgkd.graphs.pseudo.concrete import concrete_edges, edge_noise, edge_probability, log_odds
from acgkd.graphs.pseudo.parts import Part
from acgkd.settings.choices import Noise, Relaxation

# Far down, or a known mean degree would be missed where all pairs of a large graph are candidates.
LEAST_PROBABILITY, GREATEST_PROBABILITY = 1e-4, 0.98
# Deviation of the log-odds that a graph starts with: pairs must differ before they can learn to.
SPREAD = 0.3


class Structure(nn.Module, ABC):
    """Where edges come from. All answers are weights of the candidate pairs of a part.

    Shapes:
        every weight returned: ``[pairs]``
    """

    @abstractmethod
    def relaxed(
        self, part: Part, *, temperature: float, relaxation: Relaxation, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draws weights that gradients pass through.

        Args:
            part: whose pairs.
            temperature: λ.
            relaxation: `relaxed` weights, or 0 and 1 with their gradient.
            generator: on the device.

        Returns:
            the weights, and the relaxed ones whatever `relaxation` says.
        """

    @abstractmethod
    def sampled(self, part: Part, generator: torch.Generator) -> Tensor:
        """Draws edges, 0 or 1."""

    @abstractmethod
    def thresholded(self, part: Part) -> Tensor:
        """The most likely edges, 0 or 1."""

    @abstractmethod
    def probabilities(self, part: Part) -> Tensor:
        """How likely each edge is by itself."""


class IndependentEdges(Structure):
    """Edges that are drawn one by one: all that a kind of structure has to say is the log-odds of each.

    Args:
        noise: what makes log-odds a draw.
    """

    def __init__(self, noise: Noise) -> None:
        super().__init__()
        self.noise = noise

    @abstractmethod
    def log_odds(self, part: Part) -> Tensor:
        """Log-odds of each candidate pair."""

    def relaxed(
        self, part: Part, *, temperature: float, relaxation: Relaxation, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draws Binary Concrete weights."""
        return concrete_edges(
            self.log_odds(part), temperature=temperature, noise=self.noise, relaxation=relaxation, generator=generator
        )

    def sampled(self, part: Part, generator: torch.Generator) -> Tensor:
        """Draws each edge by itself."""
        logits = self.log_odds(part)
        return (logits + edge_noise(logits, self.noise, generator) > 0).to(logits.dtype)

    def thresholded(self, part: Part) -> Tensor:
        """The edges that are more likely than not."""
        probability = self.probabilities(part)
        return (probability >= 0.5).to(probability.dtype)

    def probabilities(self, part: Part) -> Tensor:
        """How likely each edge is."""
        return edge_probability(self.log_odds(part), self.noise)


class Pairs(IndependentEdges):
    """One learned log-odds per candidate pair.

    Args:
        counts: candidate pairs of each graph.
        edge_probability: where each graph starts.
        noise: of the edges.
        generator: for the initial noise; on `device`.
        device: where the parameter lives.

    Shapes:
        counts, edge_probability: ``[graphs]`` on the CPU
    """

    def __init__(
        self,
        counts: Tensor,
        edge_probability: Tensor,
        *,
        noise: Noise,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        super().__init__(noise)
        start = edge_probability.clamp(LEAST_PROBABILITY, GREATEST_PROBABILITY)
        odds = log_odds(start, noise).repeat_interleave(counts)
        self._start = odds
        self.logits = nn.Parameter(
            odds.to(device) + SPREAD * torch.randn(odds.numel(), generator=generator, device=device)
        )

    @torch.no_grad()
    def restart(self, places: Tensor) -> None:
        """Puts the pairs at `places` (on the CPU) to where their graph started."""
        self.logits[places.to(self.logits.device)] = self._start[places].to(self.logits.device)

    def log_odds(self, part: Part) -> Tensor:
        """The parameter itself."""
        return self.logits if part.pairs is None else self.logits[part.pairs]
