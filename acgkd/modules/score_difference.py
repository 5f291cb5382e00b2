"""How far the logits of one model are from what another says, or the same one again; shares and logarithms will do."""

import torch
from torch import Tensor, nn

from acgkd.errors import TeacherError


def score_difference(logits: Tensor, answer: Tensor) -> float:
    """The largest difference; infinite where the shapes differ or a number is none.

    Args:
        logits: unnormalised class scores.
        answer: logits too, or what softmax or log-softmax makes of them.

    Shapes:
        logits, answer: ``[samples, classes]``
    """
    if logits.shape != answer.shape:
        return float("inf")
    if bool(answer.exp().sum(1).sub(1).abs().max() < 1e-4):
        logits = logits.log_softmax(1)
    elif bool((answer >= 0).all()) and bool(answer.sum(1).sub(1).abs().max() < 1e-4):
        logits = logits.softmax(1)
    apart = float((logits - answer).abs().max())
    return apart if apart == apart else float("inf")


def require_sound(model: nn.Module, scores: Tensor, again: Tensor) -> None:
    """Refuses class scores that are no numbers, and a model that gives others the second time.

    Args:
        model: that gave them, at rest.
        scores: of some samples.
        again: of the same.

    Shapes:
        scores, again: ``[samples, classes]``
    Raises:
        TeacherError: either.
    """
    kind = type(model).__name__
    if not bool(scores.isfinite().all()):
        odd = "NaN" if bool(scores.isnan().any()) else "infinite ones"
        raise TeacherError(f"A teacher's class scores must be finite, but {kind} gives {odd} on made-up samples.")
    if scores.shape != again.shape or not torch.allclose(scores, again, rtol=1e-4, atol=1e-5):
        raise TeacherError(
            f"A teacher must say the same each time, but {kind} does not, in evaluation mode: something random stays "
            "on, such as `F.dropout(x)` without `training=self.training`."
        )
