"""Losses that tie a generator of images to its teacher, as pure functions of tensors."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from acgkd.settings.choices import Overlap, Pairing

# The least norm that is divided by.
SMALLEST = 1e-12


def one_hot_loss(logits: Tensor) -> Tensor:
    """Cross entropy at the class that the teacher says: 0 where it is sure.

    Shapes:
        logits: ``[images, classes]``; returns: scalar, nats
    Source: DAFL, arXiv:1904.01186, equation 3; RDSKD, arXiv:2011.03749.
    """
    return F.cross_entropy(logits, logits.detach().argmax(dim=1))


def activation_loss(features: Tensor) -> Tensor:
    """Negative mean magnitude of what the teacher's features are: real images excite it.

    Shapes:
        features: any; returns: scalar
    Source: DAFL, arXiv:1904.01186, equation 4.
    """
    return -features.abs().mean()


def _norm(difference: Tensor, pairing: Pairing) -> Tensor:
    flat = difference.flatten() if pairing == "batch" else difference.flatten(1)
    norm: Tensor = torch.linalg.vector_norm(flat, dim=-1)
    return norm


def diversity_loss(
    one: Tensor, other: Tensor, logits: Tensor, other_logits: Tensor, pairing: Pairing = "batch"
) -> Tensor:
    """``1 / (‖x₂ − x₁‖ / ‖p₂ − p₁‖ + 1e-20)``: small where images differ more than what the teacher says of them.

    It is worked out as ``‖p₂ − p₁‖ / (‖x₂ − x₁‖ + 1e-20 ‖p₂ − p₁‖)``, which is the same number and has a gradient
    where the teacher says the same of both: 0 there, and not the quotient of zeros that the formula as it is written
    differentiates to. Equal images give 0 too, for they are said the same of.

    Args:
        one: images.
        other: as many more; the i-th of either make a pair.
        logits: what the teacher says of the first.
        other_logits: what it says of the others.
        pairing: one norm over the whole batch, as released, or one for each pair, averaged over pairs.

    Shapes:
        one, other: ``[pairs, channels, height, width]``; logits, other_logits: ``[pairs, classes]``
        returns: scalar
    Source: RDSKD, arXiv:2011.03749; released code 8512a9d, `generator-train.py`.
    """
    images = _norm(other - one, pairing)
    answers = _norm(F.softmax(other_logits, dim=1) - F.softmax(logits, dim=1), pairing)
    return (answers / (images + 1e-20 * answers).clamp_min(SMALLEST)).mean()


def mode_seeking_loss(one: Tensor, other: Tensor, latent: Tensor, other_latent: Tensor) -> Tensor:
    """``1 / (mean|x₂ − x₁| / mean|z₂ − z₁| + 1e-5)``: small where images differ as their noise does.

    Shapes:
        one, other: ``[pairs, channels, height, width]``; latent, other_latent: ``[pairs, latent]``
        returns: scalar, at most 1e5
    Source: Mao et al. (2019), arXiv:1903.05628, MSGAN; released code e386c25.
    """
    ratio = (other - one).abs().mean() / (other_latent - latent).abs().mean()
    return 1 / (ratio + 1e-5)


def penalised(loss: Tensor, reference: Tensor) -> Tensor:
    """``exp(loss − reference)``: a loss above its reference weighs more than itself, one below it less.

    Shapes:
        loss, reference: of one shape, which is returned
    Source: RDSKD, arXiv:2011.03749; released code 8512a9d, `generator-train.py`.
    """
    return torch.exp(loss - reference)


def attention_distance(teacher: Sequence[Tensor], student: Sequence[Tensor]) -> Tensor:
    """Mean squared difference of attention maps, summed over stages: where either model looks, not what it sees.

    The attention map of a stage is the mean over its maps of their squares, an image's brought to length 1.

    Shapes:
        teacher, student: of each stage ``[images, maps, height, width]``, equal in height and width; returns: scalar
    Source: ZSKT, arXiv:1905.09768; released code e24915d.
    """
    total = teacher[0].new_zeros(())
    for one, other in zip(teacher, student, strict=True):
        looks = [F.normalize(maps.square().mean(dim=1).flatten(1)) for maps in (one, other)]
        total = total + (looks[0] - looks[1]).square().mean()
    return total


def total_variation(x: Tensor, magnitude: Literal["norm", "mean"] = "norm") -> Tensor:
    """How neighbouring pixels differ, to the right, downwards and along both diagonals, summed.

    Args:
        x: one batch.
        magnitude: the norm of a direction's differences over the whole batch, or their mean magnitude.

    Shapes:
        x: ``[images, channels, height, width]``; returns: scalar
    Source: DeepInversion, arXiv:1912.08795; released code 2413af1 takes the norms, the benchmark DataFree 9e79fa9 the
        means.
    """
    upper, lower, left, right = slice(None, -1), slice(1, None), slice(None, -1), slice(1, None)
    differences = (
        x[..., left] - x[..., right],
        x[..., upper, :] - x[..., lower, :],
        x[..., upper, left] - x[..., lower, right],
        x[..., upper, right] - x[..., lower, left],
    )
    if magnitude == "mean":
        return torch.stack([difference.abs().mean() for difference in differences]).sum()
    return torch.stack([torch.linalg.vector_norm(difference) for difference in differences]).sum()


def answer_overlap(
    target: Tensor, output: Tensor, temperature: float = 3.0, divergence: Overlap = "released"
) -> Tensor:
    """One minus how far two softened answers are from their mean: small where they differ.

    Args:
        target: of the teacher.
        output: of the student.
        temperature: of both.
        divergence: `released` is ``(KL(M ‖ P) + KL(M ‖ Q)) / 2`` of the answers P and Q and their mean M, once all
            three are brought between 0.01 and 0.99, so that no single class decides; `jensen_shannon`, as in the
            paper, is ``(KL(P ‖ M) + KL(Q ‖ M)) / 2``.

    Shapes:
        target, output: ``[images, classes]``; returns: scalar from 0 to 1
    Source: DeepInversion, arXiv:1912.08795; released code 2413af1, `deepinversion.py` and the CIFAR script alike.
    """
    one, other = (F.log_softmax(logits / temperature, dim=1) for logits in (target, output))
    middle = torch.logaddexp(one, other) - math.log(2)
    if divergence == "jensen_shannon":
        apart = [(answer.exp() * (answer - middle)).sum(dim=1).mean() for answer in (one, other)]
    else:
        one, other, middle = (logs.exp().clamp(0.01, 0.99) for logs in (one, other, middle))
        apart = [(middle * (middle / answer).log()).sum(dim=1).mean() for answer in (one, other)]
    return 1 - ((apart[0] + apart[1]) / 2).clamp(0, 1)
