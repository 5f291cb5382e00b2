"""At ξ = 1 pseudo-graphs and the loss of their synthesis are those of matrices of all pairs."""

from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from acgkd.settings.graph_inversion import GraphInversionConfig
from acgkd.synthesis.graphs.inversion import GraphInversion

SETTINGS: dict[str, Any] = {
    "graphs": 6,
    "structure": "pairs",
    "complexity": {"mode": "ratio", "ratio": 1.0},
    "concrete_temperature": 0.7,
    "statistics": "gaussian_kl",
    "statistics_weight": 3.0,
    "degree_weight": 0.0,
    "entropy_weight": 0.2,
}


def drawn(logits: Tensor, *, noise: Tensor, dims: tuple[int, ...], hard: bool) -> Tensor:
    """Concrete draws: of edges over no dimension, of features over the columns."""
    raw = (logits + noise) / 0.7
    soft = torch.softmax(raw, dim=dims[0]) if dims else torch.sigmoid(raw)
    chosen = F.one_hot(soft.argmax(dim=dims[0]), soft.shape[-1]) if dims else (soft > 0.5).double()
    return soft + (chosen - soft).detach() if hard else soft


def dense_terms(
    tiny: ModuleType, synthesis: GraphInversion, odds: Tensor, feature_logits: Tensor, hard: bool
) -> dict[str, Tensor]:
    """Every term of the loss, from one log-odds for each entry above the diagonal of one matrix."""
    graphs = synthesis.graphs
    stream = tiny.generator(5)
    noise, pairs = torch.zeros_like(odds), graphs.candidates.pairs
    u = torch.rand(pairs.shape[1], generator=stream, dtype=torch.float64)
    noise[pairs[0], pairs[1]] = torch.log(u / (1 - u))
    v = torch.rand(feature_logits.shape, generator=stream, dtype=torch.float64)
    number = torch.arange(6).repeat_interleave(graphs.candidates.sizes)
    above = (number.unsqueeze(0) == number.unsqueeze(1)).triu(1)
    weights = drawn(odds, noise=noise, dims=(), hard=hard) * above
    x = drawn(feature_logits, noise=-torch.log(-torch.log(v)), dims=(1,), hard=hard)
    scores, given = tiny.dense_logits(synthesis.context.teacher, x, weights + weights.T, number)
    far = torch.zeros((), dtype=torch.float64)
    for layer, nodes in given:
        mean, var, known = nodes.mean(0), nodes.var(0, unbiased=False) + 1e-3, layer.running_var + 1e-3
        apart = (mean - layer.running_mean) ** 2
        far = far + 0.5 * (torch.log(known / var) + (var + apart) / known - 1).mean()
    chances = torch.softmax(feature_logits, dim=1)
    return {
        "cross_entropy": -torch.log_softmax(scores, dim=1)[torch.arange(6), graphs.labels].mean(),
        "statistics": far,
        "entropy": -(chances * chances.log()).sum(1).mean(),
    }


@pytest.mark.parametrize("how", ["relaxed", "straight_through"])
@pytest.mark.parametrize("preset", ["gin-3-8", "gcn-3-8", "sage-3-8", "gat-3-8"])
def test_values_and_gradients_are_those_of_the_dense_computation(tiny: ModuleType, preset: str, how: Any) -> None:
    teacher = tiny.teacher(preset=preset).double()
    config = GraphInversionConfig.model_validate({**SETTINGS, "edges": how, "features": how})
    synthesis = GraphInversion(config, tiny.context(of=teacher))
    graphs: Any = synthesis.graphs.double()
    pairs, nodes = graphs.candidates.pairs, graphs.candidates.nodes
    assert pairs.shape[1] == sum(n * (n - 1) // 2 for n in graphs.candidates.sizes.tolist())
    terms = synthesis._loss(graphs.relaxed(tiny.generator(5)), synthesis._parts[0], None)
    loss = terms.pop("loss")
    loss.backward()

    odds = torch.zeros(nodes, nodes, dtype=torch.float64)
    odds[pairs[0], pairs[1]] = graphs.structure.logits.detach()
    rows = graphs.features.detach().clone().requires_grad_()
    expected = dense_terms(tiny, synthesis, odds.requires_grad_(), rows, how == "straight_through")
    whole = expected["cross_entropy"] + 3.0 * expected["statistics"] + 0.2 * expected["entropy"]
    whole.backward()
    assert set(terms) == set(expected)
    for name, term in terms.items():
        torch.testing.assert_close(term, expected[name])
    torch.testing.assert_close(loss, whole)
    torch.testing.assert_close(graphs.structure.logits.grad, odds.grad[pairs[0], pairs[1]])
    torch.testing.assert_close(graphs.features.grad, rows.grad)
    # A straight-through draw far out is flat, and a node without neighbours has no other way: hence not all.
    assert (graphs.structure.logits.grad.abs() > 1e-12).double().mean() > 0.9
    assert (graphs.features.grad.abs() > 1e-12).double().mean() > 0.9
