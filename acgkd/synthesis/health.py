"""Measuring how healthy a synthesis is, from its pseudo-samples and the teacher alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgkd.agreement.health_facts import Health, at_most
from acgkd.graphs.batch import GraphBatch
from acgkd.method import Batch
from acgkd.modality import B, Modality
from acgkd.modules.batch_norm import BatchNormStatistics
from acgkd.modules.cost import at_rest
from acgkd.priors import GraphPrior, Prior
from acgkd.runtime import Streams

SAMPLES = 256
"""Pseudo-samples that are looked at: a hit rate of 0.5 among 128 has a standard error of 0.04."""
LEAST_OF_A_CLASS = 8
"""Of fewer samples of a class there is no hit rate."""


def health_of(
    draw: Callable[[int], B],
    teacher: nn.Module,
    modality: Modality[B],
    prior: Prior,
    streams: Streams,
    *,
    asked: bool = True,
    different: float | None = None,
) -> tuple[Health, B]:
    """Draws pseudo-samples and looks at them; every generator is left as it was.

    Args:
        draw: makes so many pseudo-samples, as one batch.
        teacher: frozen.
        modality: of the samples.
        prior: what is known of the data.
        streams: those that `draw` draws from.
        asked: whether samples were learned for the class that they carry; of untrained ones a hit rate says nothing.
        different: how many pseudo-samples there are, which `draw` makes in turn; None where every one is a new one.

    Returns:
        the facts, and the batch that they are of.
    """
    with streams.aside("health"):
        batch = draw(SAMPLES)
    statistics = BatchNormStatistics(teacher, "gaussian_kl")
    with at_rest(teacher), statistics.listening():
        embedded = modality.embed(teacher, batch)
        scores: Tensor = cast(nn.Module, teacher.classifier)(embedded)
    labels = batch.labels if asked else None
    own = None if different is None else int(different)
    found = replace(_verdicts(scores, labels, own), likeness=_likeness(embedded, scores, labels))
    distances = statistics.by_layer()
    if distances:
        found = replace(found, statistics_distances=tuple(distances), statistics_distance=sum(distances))
    return _structure(found, batch, prior), batch


def _verdicts(scores: Tensor, labels: Tensor | None, different: int | None) -> Health:
    """What the teacher says, of samples of which the first `different` are so, and the rest are draws of these.

    Shapes:
        scores: ``[samples, classes]``; labels: ``[samples]``, the classes asked for
    """
    classes = scores.shape[1]
    said = scores.argmax(dim=1)
    found = Health(
        synthesis_confidence=float(scores.double().softmax(dim=1).amax(dim=1).mean()),
        classes=classes,
        synthesis_classes=int(torch.bincount(said, minlength=classes).count_nonzero()),
    )
    if labels is None:
        return found
    asked = torch.bincount(labels, minlength=classes)
    hits = torch.bincount(labels[said == labels], minlength=classes)
    shares = (hits / asked.clamp(min=1)).tolist()
    rates = tuple(
        share if count >= LEAST_OF_A_CLASS else None for share, count in zip(shares, asked.tolist(), strict=True)
    )
    known = [rate for rate in rates if rate is not None]
    # Another draw of one graph is no further evidence: what was learned once hits or misses again.
    own = torch.bincount(labels[:different], minlength=classes).tolist()
    if known:
        ends = [at_most(rate, count) for rate, count in zip(rates, own, strict=True) if rate is not None]
        mean = sum(known) / len(known)
        return replace(found, hit_rates=rates, hit_rate=mean, hit_rate_lowest=min(known), hit_rate_at_most=min(ends))
    # Of many classes each has too few samples to be judged; all together they have enough.
    mean = float((said == labels).double().mean())
    return replace(found, hit_rate=mean, hit_rate_at_most=at_most(mean, sum(own)))


def _likeness(embedded: Tensor, scores: Tensor, labels: Tensor | None) -> float | None:
    """Mean cosine of two different samples of one class, over classes that have two.

    Shapes:
        embedded: ``[samples, width]``; scores: ``[samples, classes]``; labels: ``[samples]``
    """
    groups = scores.argmax(dim=1) if labels is None else labels
    units = F.normalize(embedded.flatten(1).double(), dim=1)
    shape = (scores.shape[1], units.shape[1])
    sums = units.new_zeros(shape).index_add(0, groups, units)
    # A row of zeros has no direction: it is like nothing, itself included.
    own = units.new_zeros(shape[0]).index_add(0, groups, units.square().sum(dim=1))
    count = torch.bincount(groups, minlength=shape[0]).double()
    several = count > 1
    if not bool(several.any()):
        return None
    pairs = count * (count - 1)
    return float(((sums.square().sum(dim=1) - own)[several] / pairs[several]).mean())


def _structure(found: Health, batch: Batch, prior: Prior) -> Health:
    """The same, with mean degree and size against the prior's; of images there is nothing to add."""
    if not isinstance(batch, GraphBatch) or not isinstance(prior, GraphPrior):
        return found
    nodes = int(batch.x.shape[0])
    found = replace(found, size_ratio=2 * nodes / batch.graphs / (prior.min_nodes + prior.max_nodes))
    if prior.mean_degree is None:
        return found
    ends = float(batch.edge_index.shape[1] if batch.edge_weight is None else batch.edge_weight.sum())
    return replace(found, degree_ratio=ends / nodes / prior.mean_degree)
