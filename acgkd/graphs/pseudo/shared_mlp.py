"""A structure whose log-odds come from one small network that all graphs share."""

import torch
from torch import Tensor, nn

from acgkd.graphs.pseudo.candidates import Candidates
from acgkd.graphs.pseudo.concrete import log_odds
from acgkd.graphs.pseudo.parts import Part
from acgkd.graphs.pseudo.structures import GREATEST_PROBABILITY, LEAST_PROBABILITY, SPREAD, IndependentEdges
from acgkd.settings.choices import Noise

# Log-odds are learned with steps that would tear a network apart: its weights, and the nodes' vectors, are kept in
# units so small that a step of theirs is a twentieth, or a fifth, of a step of log-odds.
_WEIGHT_UNIT, _NODE_UNIT = 0.05, 0.2


class SharedMlp(IndependentEdges):
    """Log-odds of a pair = perceptron of the two nodes' learned vectors, the same whichever node comes first.

    Parameters grow with the nodes and not with the candidate pairs, and what one graph learns of which nodes belong
    together serves all others.

    Args:
        candidates: sizes and candidate pairs.
        edge_probability: where each graph starts.
        noise: of the edges.
        vector: length of a node's vector.
        hidden: width of the two hidden layers.
        generator: for vectors and weights; on `device`.
        device: where the parameters live.

    Shapes:
        edge_probability: ``[graphs]`` on the CPU
    Source: OGMM, arXiv:2506.03674, equation 7, as a re-implementation tells it; the vectors are the nodes' own here
        and not their features, since a set whose features follow from its structure has none to start from.
    """

    def __init__(
        self,
        candidates: Candidates,
        edge_probability: Tensor,
        *,
        noise: Noise,
        vector: int = 16,
        hidden: int = 32,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        super().__init__(noise)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, device=device)

        def weight(inputs: int, outputs: int) -> nn.Parameter:
            return nn.Parameter(normal(inputs, outputs) * (2 / inputs) ** 0.5 / _WEIGHT_UNIT)

        self.vectors = nn.Parameter(normal(candidates.nodes, vector) / _NODE_UNIT)
        self.first = weight(2 * vector, hidden)
        self.second = weight(hidden, hidden)
        self.last = weight(hidden, 1)
        start = log_odds(edge_probability.clamp(LEAST_PROBABILITY, GREATEST_PROBABILITY), noise)
        # Follows from the prior and the seed, like the candidates.
        self._start = start.repeat_interleave(candidates.counts).to(device)
        self._calibrate(candidates.pairs.to(device))

    @torch.no_grad()
    def _calibrate(self, ends: Tensor) -> None:
        """Lets the network begin as small noise about the start, as the log-odds of `Pairs` do."""
        scores = self._score(self.vectors, ends)
        deviation = scores.std(correction=0).clamp_min(1e-6)
        self._start = self._start - SPREAD * scores.mean() / deviation
        self.last.mul_(SPREAD / deviation)

    def _score(self, vectors: Tensor, ends: Tensor) -> Tensor:
        """The perceptron, averaged over both orders.

        Shapes:
            vectors: ``[nodes, vector]``; ends: ``[2, pairs]``; returns: ``[pairs]``
        """
        # The first layer is linear in either node: done once a node, not once a pair.
        left, right = ((vectors * _NODE_UNIT) @ (half * _WEIGHT_UNIT) for half in self.first.chunk(2))
        hidden = torch.relu(torch.stack([left[ends[0]] + right[ends[1]], left[ends[1]] + right[ends[0]]]))
        hidden = torch.relu(hidden @ (self.second * _WEIGHT_UNIT))
        score: Tensor = (hidden @ (self.last * _WEIGHT_UNIT)).squeeze(2).mean(dim=0)
        return score

    def log_odds(self, part: Part) -> Tensor:
        """What the perceptron says, about where the graph started."""
        vectors = self.vectors if part.nodes is None else self.vectors[part.nodes]
        start = self._start if part.pairs is None else self._start[part.pairs]
        return start + self._score(vectors, part.ends)
