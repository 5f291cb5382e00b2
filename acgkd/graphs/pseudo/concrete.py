"""Binary Concrete edges and Concrete features: discrete things that gradients pass through."""

import torch
import torch.nn.functional as F
from torch import Tensor

from acgkd.settings.choices import Noise, Relaxation

_TINY = 1e-7


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    u = torch.rand(like.shape, generator=generator, device=like.device, dtype=like.dtype)
    return u.clamp(_TINY, 1 - _TINY)


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """The value of `hard` with the gradient of `soft`."""
    # The difference is exactly 0; without the brackets a 1 would come out as 0.9999999.
    return hard + (soft - soft.detach())


def edge_noise(like: Tensor, noise: Noise, generator: torch.Generator) -> Tensor:
    """Logistic noise, or one standard Gumbel as the paper's page prints it.

    One Gumbel has mean 0.577 and makes an edge of odds α exist with probability 1 − exp(−α) instead of α / (1 + α).

    Shapes:
        returns: as `like`
    """
    u = _uniform(like, generator)
    return torch.log(u) - torch.log1p(-u) if noise == "logistic" else -torch.log(-torch.log(u))


def edge_probability(logits: Tensor, noise: Noise) -> Tensor:
    """The probability that an edge of log-odds `logits` is drawn.

    Shapes:
        logits: ``[pairs]``; returns: ``[pairs]``
    """
    return torch.sigmoid(logits) if noise == "logistic" else -torch.expm1(-torch.exp(logits))


def log_odds(probability: Tensor, noise: Noise) -> Tensor:
    """The `logits` whose `edge_probability` is `probability`.

    Shapes:
        probability: ``[pairs]`` in (0, 1); returns: ``[pairs]``
    """
    return torch.logit(probability) if noise == "logistic" else torch.log(-torch.log1p(-probability))


def concrete_edges(
    logits: Tensor, *, temperature: float, noise: Noise, relaxation: Relaxation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draws edge weights ``s = σ((log α + L) / λ)``.

    Args:
        logits: ``log α`` of each candidate pair.
        temperature: λ.
        noise: distribution of L.
        relaxation: `relaxed` passes s on; `straight_through` passes on 0 or 1 with the gradient of s.
        generator: on the device of `logits`.

    Shapes:
        logits: ``[pairs]``
        returns: weights ``[pairs]`` and the relaxed s ``[pairs]``
    Source: ACGKD, arXiv:2504.00540 (edge formula); Maddison et al. (2017), arXiv:1611.00712.
    """
    soft = torch.sigmoid((logits + edge_noise(logits, noise, generator)) / temperature)
    if relaxation == "relaxed":
        return soft, soft
    return straight_through((soft > 0.5).to(soft.dtype), soft), soft


def concrete_features(
    logits: Tensor, *, temperature: float, relaxation: Relaxation, generator: torch.Generator
) -> Tensor:
    """Draws node features from a Concrete distribution over the columns.

    Args:
        logits: unnormalised log-probabilities.
        temperature: λ.
        relaxation: `relaxed` passes the simplex point on; `straight_through` its one-hot argmax with the gradient.
        generator: on the device of `logits`.

    Shapes:
        logits: ``[nodes, features]``; returns: ``[nodes, features]``
    Source: Jang et al. (2017), arXiv:1611.01144.
    """
    gumbel = -torch.log(-torch.log(_uniform(logits, generator)))
    soft = F.softmax((logits + gumbel) / temperature, dim=1)
    if relaxation == "relaxed":
        return soft
    return straight_through(one_hot(soft.argmax(dim=1), logits.shape[1], soft.dtype), soft)


def sampled_features(logits: Tensor, generator: torch.Generator) -> Tensor:
    """One-hot features, drawn from the distributions themselves.

    Shapes:
        logits: ``[nodes, features]``; returns: the same
    """
    return concrete_features(logits, temperature=1.0, relaxation="straight_through", generator=generator)


def likeliest_features(logits: Tensor) -> Tensor:
    """The most likely one-hot features.

    Shapes:
        logits: ``[nodes, features]``; returns: the same
    """
    return one_hot(logits.argmax(dim=1), logits.shape[1], logits.dtype)


def one_hot(classes: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """One-hot rows, without the synchronising range check of torch's own.

    Shapes:
        classes: ``[nodes]``; returns: ``[nodes, count]``
    """
    zeros = torch.zeros(classes.shape[0], count, dtype=dtype, device=classes.device)
    return zeros.scatter_(1, classes.unsqueeze(1), 1.0)


def degree_features(weights: Tensor, edge_index: Tensor, nodes: int, columns: int) -> Tensor:
    """One-hot degrees of a drawn structure, straight-through: they follow from the edges, so gradients reach those.

    The soft version is a Gaussian bump of width 1 around the weighted degree; the last column means "that or more".

    Shapes:
        weights: ``[edges]``; edge_index: ``[2, edges]``; returns: ``[nodes, columns]``
    """
    degree = torch.zeros(nodes, dtype=weights.dtype, device=weights.device).index_add(0, edge_index[1], weights)
    degree = degree.clamp(max=columns - 1)
    centres = torch.arange(columns, dtype=weights.dtype, device=weights.device)
    soft = F.softmax(-0.5 * (degree.unsqueeze(1) - centres) ** 2, dim=1)
    return straight_through(one_hot(degree.detach().round().long(), columns, soft.dtype), soft)
