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


def balanced_agreement(teacher: Tensor, student: Tensor) -> float:
    """Agreement within each class that the teacher predicts, averaged over those classes.

    A student that always says one class gets one share of the classes and no more, however often the teacher says it.

    Shapes:
        teacher, student: ``[samples, classes]`` logits
    """
    says, follows = teacher.argmax(dim=1), student.argmax(dim=1)
    shares = [float((follows[says == number] == number).double().mean()) for number in torch.unique(says).tolist()]
    return statistics.fmean(shares)


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
