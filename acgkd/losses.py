"""Losses of distillation and synthesis, as pure functions of tensors."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from acgkd.settings.choices import Base


def softened_kl(teacher: Tensor, student: Tensor, temperature: Tensor | float) -> Tensor:
    """``τ² KL(softmax(teacher / τ) ‖ softmax(student / τ))`` of each sample.

    The factor keeps the gradient's scale independent of the temperature.

    Shapes:
        teacher, student: ``[samples, classes]`` logits
        returns: ``[samples]``, nats times τ²
    Source: Hinton, Vinyals and Dean (2015), arXiv:1503.02531, section 2.
    """
    target = F.log_softmax(teacher / temperature, dim=1)
    output = F.log_softmax(student / temperature, dim=1)
    return (target.exp() * (target - output)).sum(dim=1) * temperature**2


def prediction_entropy(logits: Tensor) -> Tensor:
    """Entropy of each sample's predicted classes.

    Shapes:
        logits: ``[samples, classes]``
        returns: ``[samples]``, nats
    """
    log_p = F.log_softmax(logits, dim=1)
    return -(log_p.exp() * log_p).sum(dim=1)


def feature_entropy(logits: Tensor, columns: Sequence[int] = ()) -> Tensor:
    """Mean entropy of the nodes' feature distributions; minimised, it pushes them towards one-hot.

    Args:
        logits: of nodes, or of edges.
        columns: kinds of each of several columns, which are independent: their entropies are summed.

    Shapes:
        logits: ``[nodes, features]``
        returns: scalar, nats
    Source: Deng and Zhang (2021), arXiv:2105.07519; released code e68e4d6, `inversion_gcn.py`.
    """
    if len(columns) < 2:
        return prediction_entropy(logits).mean()
    return torch.stack(
        [prediction_entropy(block).mean() for block in logits.split_with_sizes(list(columns), dim=1)]
    ).sum()


def feature_distance(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean squared distance between node embeddings, in units of the teacher's own spread.

    Without the division the term's weight would have to follow the teacher's scale.

    Shapes:
        teacher, student: ``[nodes, width]``
        returns: scalar
    """
    spread = teacher.detach().var(dim=0, unbiased=False).mean().clamp_min(1e-6)
    return F.mse_loss(student, teacher.detach()) / spread


def gaussian_kl(mean: Tensor, var: Tensor, running_mean: Tensor, running_var: Tensor, eps: float = 1e-3) -> Tensor:
    """``KL(N(μ, σ²) ‖ N(μ_run, σ²_run))``, mean over channels: a distance whose scale does not depend on the width.

    Shapes:
        mean, var, running_mean, running_var: ``[..., channels]``
        returns: ``[...]``, nats per channel
    """
    var, running_var = var + eps, running_var + eps
    terms = torch.log(running_var / var) + (var + (mean - running_mean) ** 2) / running_var - 1
    return 0.5 * terms.mean(dim=-1)


def norm_distance(mean: Tensor, var: Tensor, running_mean: Tensor, running_var: Tensor) -> Tensor:
    """``‖μ − μ_run‖₂ + ‖σ² − σ²_run‖₂``, not squared.

    Shapes:
        mean, var, running_mean, running_var: ``[..., channels]``
        returns: ``[...]``
    Source: GFKD, released code e68e4d6, `utils/helper.py`.
    """
    far = torch.linalg.vector_norm(mean - running_mean, dim=-1)
    distance: Tensor = far + torch.linalg.vector_norm(var - running_var, dim=-1)
    return distance


def squared_distance(mean: Tensor, var: Tensor, running_mean: Tensor, running_var: Tensor) -> Tensor:
    """``‖μ − μ_run‖² + ‖σ² − σ²_run‖²``.

    Shapes:
        mean, var, running_mean, running_var: ``[..., channels]``
        returns: ``[...]``
    Source: OGMM, arXiv:2506.03674, equation 9.
    """
    distance: Tensor = ((mean - running_mean) ** 2 + (var - running_var) ** 2).sum(dim=-1)
    return distance


def logit_distance(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean absolute difference of logits, what a student of an adversarial method minimises.

    Shapes:
        teacher, student: ``[samples, classes]``; returns: scalar
    Source: DFAD-GNN, arXiv:2205.03811, as ported in GammaGL dfad6e3d.
    """
    return F.l1_loss(student, teacher)


def probability_distance(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean absolute difference of predicted probabilities, what a generator of such a method maximises.

    Shapes:
        teacher, student: ``[samples, classes]`` logits; returns: scalar, at most 2 / classes
    Source: as `logit_distance`.
    """
    return F.l1_loss(F.softmax(student, dim=1), F.softmax(teacher, dim=1))


def balance_loss(logits: Tensor, base: Base = "e") -> Tensor:
    """Negative entropy of the mean prediction of a batch: least where all classes are said alike.

    A class whose mean is 0 in single precision counts nothing and gets no gradient, where `0 log 0` would give none
    to anybody.

    Args:
        logits: of the teacher, for one batch.
        base: of the logarithm, e as in RDSKD or 10 as in DAFL.

    Shapes:
        logits: ``[samples, classes]``; returns: scalar, at least ``-log(classes)``
    Source: DAFL, arXiv:1904.01186, equation 5.
    """
    mean = F.softmax(logits, dim=1).mean(dim=0)
    loss = (mean * mean.clamp_min(torch.finfo(mean.dtype).tiny).log()).sum()
    return loss if base == "e" else loss / math.log(10)
