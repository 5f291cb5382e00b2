"""The reference pool: pseudo-samples that every student of one teacher is judged by, and none is taught with.

It is fixed by (teacher, seed) alone. A trial's own samples would flatter the trial that makes trivial ones; the pool
is a mixture of preset syntheses, so that no single setting is favoured.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor, nn

from acgkd.agreement.worth import Worth
from acgkd.method import Batch, MethodContext
from acgkd.methods import METHODS
from acgkd.modality import Modality
from acgkd.modules.inspected_model import remembering
from acgkd.priors import ImagePrior, Prior
from acgkd.run.metrics import balanced_agreement, class_agreements, overlap, ranking
from acgkd.runtime import Streams, derive_seed
from acgkd.settings.generators import out_of_reach

# By modality. Changing a preset, or what its method makes, changes every pool: count the version up.
VERSIONS = {"graphs": 4, "images": 4}
PRESETS: Mapping[str, tuple[tuple[str, Mapping[str, object]], ...]] = {
    # How well students are ranked by these and by others: docs/results/agreement.md.
    "graphs": (
        # What the teacher remembers of its data, whatever it says of it.
        (
            "acgkd",
            {
                "graphs": 64,
                "steps": 300,
                "rate": 0.2,
                "class_weight": 0.0,
                "statistics_weight": 1000.0,
                "degree_weight": 100.0,
            },
        ),
        # From near ties to what it is sure of.
        (
            "acgkd",
            {
                "graphs": 64,
                "steps": 100,
                "rate": 0.5,
                "confidence": 0.5,
                "statistics_weight": 10.0,
                "degree_weight": 0.0,
            },
        ),
    ),
    # Some 17 s of one core for a LeNet-5 at 32 by 32, 2 s at 8 by 8.
    "images": (
        ("rdskd", {"recipe": "compact", "steps": 100, "batch_size": 64}),
        ("dafl", {"recipe": "compact", "joint": False, "steps": 100, "batch_size": 64, "rate": 0.01}),
    ),
}
DRAWS = 2
# Of one draw, where a synthesis does not say how many samples it makes.
IMAGES_PER_DRAW = 256


def reference_pool(
    teacher: nn.Module,
    modality: Modality[Batch],
    prior: Prior,
    seed: int,
    device: torch.device,
    note: Callable[[str, float], None] | None = None,
    seconds: float = math.inf,
) -> list[Batch]:
    """Makes the pool: batches of the modality on `device`.

    It is empty where the modality has no presets, and for images of a size that no generator makes.

    Args:
        teacher: frozen, on `device`.
        modality: of the teacher.
        prior: what is known of the data.
        seed: of every draw.
        device: where it is made.
        note: is called after each step with what is done and the share that is.
        seconds: limit on all syntheses together, shared by them alike; each takes one step at least. What is judged
            by a pool that was cut short cannot be compared with what is judged by a whole one.
    """
    if isinstance(prior, ImagePrior) and out_of_reach(prior.shape):
        return []
    batches: list[Batch] = []
    for number, (name, synthesis) in enumerate(PRESETS.get(modality.name, ())):
        method = METHODS[name]
        config = method.config.model_validate({"synthesis": synthesis})
        streams = Streams(derive_seed("reference pool", VERSIONS[modality.name], number, seed), device)
        # The student of a pool is never taught; any module with parameters will do.
        with streams.fork("student"):
            untaught = nn.Linear(1, 1, device=device)
        run = method.start(config, MethodContext(teacher, untaught, prior, streams, device))
        until = time.monotonic() + seconds / len(PRESETS[modality.name])
        for step in range(run.stages[0].steps):
            if step and time.monotonic() >= until:
                break
            run.step()
            if note is not None:
                done = number + (step + 1) / run.stages[0].steps
                note("reference pool", done / len(PRESETS[modality.name]))
        count = getattr(config.synthesis, "graphs", IMAGES_PER_DRAW)
        batches += [run.samples(count) for _ in range(DRAWS)]
    return batches


def steps_of_a_pool(modality: str) -> int:
    """Of all syntheses of a whole pool."""
    return sum(int(str(synthesis["steps"])) for _, synthesis in PRESETS.get(modality, ()))


class PoolJudge:
    """A pool, and what the teacher says on it, which it is asked once.

    Args:
        teacher: frozen, in evaluation mode.
        modality: of teacher and students.
        pool: of `reference_pool`; where it is empty nothing is known.
    """

    def __init__(self, teacher: nn.Module, modality: Modality[Batch], pool: list[Batch]) -> None:
        self._teacher, self._modality, self._pool = teacher, modality, pool

    @cached_property
    def _verdicts(self) -> list[Tensor]:
        return self._logits(self._teacher)

    @torch.no_grad()
    def _logits(self, model: nn.Module) -> list[Tensor]:
        return [self._modality.logits(model, batch) for batch in self._pool]

    @cached_property
    def said(self) -> Worth:
        """What the teacher says on the pool: its classes, and how surely."""
        if not self._pool:
            return Worth(None)
        layers = len(remembering(self._teacher)) if self._modality.name == "graphs" else None
        return replace(_said(torch.cat(self._verdicts)), pool_memory=layers)

    def worth(self, student: nn.Module) -> Worth:
        """Agreement of a student with what qualifies it; what a lower control reaches is not known here.

        It is class-balanced: classes are the teacher's verdicts, and each weighs the same, so that always saying one
        class scores 1 / classes. Parts of the pool weigh the same, too; one on which the teacher says one class only
        tells nothing and is left out, unless they all are so.

        Args:
            student: put into evaluation mode.
        """
        if not self._pool:
            return Worth(None)
        student.eval()
        answers, verdicts = self._logits(student), self._verdicts
        parts = [
            (torch.cat(verdicts[start : start + DRAWS]), torch.cat(answers[start : start + DRAWS]))
            for start in range(0, len(answers), DRAWS)
        ]
        telling = [part for part in parts if torch.unique(part[0].argmax(dim=1)).numel() > 1]
        telling = telling or parts
        several = len(telling) > 1
        of_parts = [balanced_agreement(*part) for part in telling]
        of_classes = class_agreements(torch.cat(verdicts), torch.cat(answers))
        return replace(
            self.said,
            agreement=statistics.fmean(of_parts),
            agreement_lowest=min(of_parts) if several else None,
            agreement_highest=max(of_parts) if several else None,
            agreement_overlap=statistics.fmean(overlap(*part) for part in telling),
            agreement_worst_class=min(of_classes.values()),
            # Parts apart: which of them a sample is of is no matter of its class.
            agreement_ranking=statistics.fmean(ranking(*part) for part in parts),
        )


def _said(verdicts: Tensor) -> Worth:
    counts = torch.bincount(verdicts.argmax(dim=1), minlength=verdicts.shape[1])
    said = counts[counts > 0]
    return Worth(
        None,
        classes=verdicts.shape[1],
        pool_classes=int(said.numel()),
        pool_smallest_class=int(said.min()),
        pool_confidence=float(verdicts.double().softmax(dim=1).amax(dim=1).mean()),
    )
