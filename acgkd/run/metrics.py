"""How good a model is: pure functions of logits, and the pass that makes them."""

import statistics
import time
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.modality import B, Modality
from acgkd.modules.cost import at_rest
from acgkd.runtime import synchronize


def logits(model: nn.Module, modality: Modality[B], batches: Iterable[B]) -> Tensor:
    """The model's logits for all samples, in evaluation mode, without derivatives; its modes are put back.

    Args:
        model: satisfies the teacher protocol of the modality.
        modality: of the batches.
        batches: on the model's device, at least one.

    Shapes:
        returns: ``[samples, classes]`` on the model's device
    """
    with at_rest(model):
        return torch.cat([modality.logits(model, batch) for batch in batches])


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Share of samples whose largest logit is at their label.

    Shapes:
        scores: ``[samples, classes]``; labels: ``[samples]``
    """
    return float((scores.argmax(dim=1) == labels).double().mean())


def agreement(teacher: Tensor, student: Tensor) -> float:
    """Share of samples for which both predict the same class.

    Shapes:
        teacher, student: ``[samples, classes]`` logits
    """
    return accuracy(student, teacher.argmax(dim=1))


def class_agreements(teacher: Tensor, student: Tensor) -> dict[int, float]:
    """Agreement within each class that the teacher predicts, by its number.

    Shapes:
        teacher, student: ``[samples, classes]`` logits
    """
    says, follows = teacher.argmax(dim=1), student.argmax(dim=1)
    return {
        number: float((follows[says == number] == number).double().mean()) for number in torch.unique(says).tolist()
    }


def balanced_agreement(teacher: Tensor, student: Tensor) -> float:
    """Agreement within each class that the teacher predicts, averaged over those classes.

    A student that always says one class gets one share of the classes and no more, however often the teacher says it.

    Shapes:
        teacher, student: ``[samples, classes]`` logits
    """
    return statistics.fmean(class_agreements(teacher, student).values())


def overlap(teacher: Tensor, student: Tensor) -> float:
    """What the class probabilities of both have in common: 1 minus their total variation distance, mean over samples.

    Shapes:
        teacher, student: ``[samples, classes]`` logits
    """
    first, second = (scores.double().softmax(dim=1) for scores in (teacher, student))
    return float(torch.minimum(first, second).sum(dim=1).mean())


def ranking(teacher: Tensor, student: Tensor) -> float:
    """How alike both order samples: Spearman's correlation of the log-odds of each class, averaged over classes.

    Unlike agreement it sees a student that orders samples rightly about a wrong threshold. A class of which one of both
    says the same of every sample counts 0.

    Shapes:
        teacher, student: ``[samples, classes]`` logits
    """
    first, second = (_centred_ranks(_log_odds(scores.double())) for scores in (teacher, student))
    spread = (first.square().sum(dim=0) * second.square().sum(dim=0)).sqrt()
    return float(((first * second).sum(dim=0) / spread).nan_to_num(0.0).mean())


def _log_odds(scores: Tensor) -> Tensor:
    """Of each class against all others; what differs by rounding alone is made level.

    Shapes:
        scores: ``[samples, classes]`` logits; returns: the same
    """
    own = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
    others = scores.unsqueeze(1).masked_fill(own, -torch.inf).logsumexp(dim=2)
    return (scores - others).round(decimals=9)


def _centred_ranks(values: Tensor) -> Tensor:
    """Ranks in each column, less their mean; what is level shares its mean rank.

    Shapes:
        values: ``[samples, columns]``; returns: the same
    """
    columns = values.T.contiguous()
    ordered = columns.sort(dim=1).values
    below, up_to = (torch.searchsorted(ordered, columns, right=right) for right in (False, True))
    ranks = (below + up_to).double() / 2
    return (ranks - ranks.mean(dim=1, keepdim=True)).T


def divergence(teacher: Tensor, student: Tensor) -> float:
    """Mean ``KL(softmax(teacher) ‖ softmax(student))``, nats.

    Shapes:
        teacher, student: ``[samples, classes]`` logits
    """
    target, output = F.log_softmax(teacher.double(), dim=1), F.log_softmax(student.double(), dim=1)
    return float((target.exp() * (target - output)).sum(dim=1).mean())


def predicted_classes(scores: Tensor) -> int:
    """How many different classes are predicted; 1 means collapsed.

    Shapes:
        scores: ``[samples, classes]``
    """
    return int(torch.unique(scores.argmax(dim=1)).numel())


def majority_accuracy(train_labels: Tensor, test_labels: Tensor) -> float:
    """Accuracy of always saying the training split's most frequent class (the lowest of several).

    Shapes:
        train_labels: ``[train samples]``; test_labels: ``[test samples]``
    """
    return float((test_labels == int(torch.bincount(train_labels).argmax())).double().mean())


def parameters(model: nn.Module) -> int:
    """How many numbers a model learns or has borrowed; buffers such as BatchNorm's memory are not counted."""
    return sum(parameter.numel() for parameter in model.parameters())


def ms_per_1000(
    model: nn.Module,
    modality: Modality[B],
    batches: Iterable[B],
    device: torch.device,
    *,
    repeats: int = 5,
    warm_up: int = 1,
    enough_s: float = 10.0,
) -> float:
    """Milliseconds of one pass over 1,000 samples: the median of several timed passes over `batches`.

    Args:
        model: satisfies the teacher protocol of the modality.
        modality: of the batches.
        batches: on the model's device.
        device: the model's.
        repeats: timed passes.
        warm_up: passes before, not timed.
        enough_s: after so many seconds of timed passes there is no further one.
    """
    kept = list(batches)
    samples = sum(modality.size(batch) for batch in kept)
    seconds: list[float] = []
    with at_rest(model):
        for turn in range(warm_up + repeats):
            if sum(seconds) > enough_s:
                break
            synchronize(device)
            start = time.perf_counter()
            for batch in kept:
                modality.logits(model, batch)
            synchronize(device)
            if turn >= warm_up:
                seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e6 / samples
