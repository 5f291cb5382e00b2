"""A few pseudo-samples of each class as plain arrays, for people to look at. Nobody is taught with them."""

import numpy as np
import torch
from torch import Tensor

from acgkd.method import Batch
from acgkd.modality import Arrays, Modality
from acgkd.run import metrics
from acgkd.run.distillation import Distillation

FORMAT = 1
# Of more classes the first are shown: a picture has only so much room.
MOST_CLASSES = 20
MOST_DRAWN = 512
# A generator answers with whatever class it likes; a class that is rare is looked for among this many times as many.
PATIENCE = 4


@torch.no_grad()
def pseudo_samples(run: Distillation, kind: Modality[Batch], per_class: int) -> Arrays:
    """The first pseudo-samples of each class, as the run would draw them now; the run continues as if nobody had asked.

    A sample's class is the one that it was made for or, where a method asks for none, the one that the teacher says.
    A class that is not met among `PATIENCE` times as many draws as are wanted keeps fewer samples, or none.

    Args:
        run: the distillation, at any step.
        kind: the modality of its samples.
        per_class: how many of each class are wanted, at least 1.

    Returns:
        Arrays by name: `format`, `modality`, `drawn` (how many samples were looked at) and `found` (how many of these
        are of each class); `label` and `confidence` (the teacher's probability of that class), one for each sample;
        and what `Modality.picture` says. Of a method that is taught with real data there is `absent` alone, the reason
        in words: real data are never kept.

    Shapes:
        found: ``[classes]``; label, confidence: ``[samples]``, in order of class
    """
    if run.method.needs_data:
        return {"absent": np.array("It is taught with real data, which are never kept.")}
    context, classes = run.context, run.context.prior.classes
    with context.streams.aside("specimens"):
        for times in (1, PATIENCE):
            count = min(times * per_class * classes, MOST_DRAWN)
            batch = run.method_run.samples(count)
            scores = metrics.logits(context.teacher, kind, [batch]).softmax(dim=1).to("cpu")
            labels = scores.argmax(dim=1) if batch.labels is None else batch.labels.to("cpu")
            found = torch.bincount(labels, minlength=classes)
            if bool((found >= per_class).all()):
                break
    chosen = torch.cat([_first(labels, number, per_class) for number in range(min(classes, MOST_CLASSES))])
    return {
        "format": np.array(FORMAT),
        "modality": np.array(kind.name),
        "drawn": np.array(count),
        "found": found.numpy(),
        "label": labels[chosen].numpy(),
        "confidence": scores[chosen, labels[chosen]].numpy(),
        **kind.picture(kind.selector(batch)(chosen), context.prior),
    }


def _first(labels: Tensor, number: int, count: int) -> Tensor:
    """Where the first samples of a class stand, in order."""
    return (labels == number).nonzero().squeeze(1)[:count]
