"""Distilling from Python, in one call: a teacher of yours, what is known of its data, and nothing else."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from acgkd.config import MethodChoice, PriorConfig, checked
from acgkd.errors import ConfigError
from acgkd.method import MethodContext
from acgkd.methods import parse_method
from acgkd.modality import modality
from acgkd.models import build_model
from acgkd.run.distillation import Distillation
from acgkd.run.reference_pool import reference_agreement
from acgkd.runtime import Streams, derive_seed, resolve_device
from acgkd.students.saving import save_student
from acgkd.teachers.teacher import as_teacher


@dataclass(frozen=True)
class Distilled:
    """What `distill` hands back.

    Args:
        student: in evaluation mode.
        agreement: class-balanced teacher-student agreement on the reference pool, which no trial ever trains on.
        seconds: of each stage.
        curves: losses by stage.
        prior: what was taken as known.
    """

    student: nn.Module
    agreement: float | None
    seconds: dict[str, float]
    curves: dict[str, dict[str, list[float]]]
    prior: dict[str, Any]

    def __repr__(self) -> str:
        agreement = "not measured" if self.agreement is None else f"{self.agreement:.4f}"
        parameters = sum(parameter.numel() for parameter in self.student.parameters())
        student = f"{type(self.student).__name__} of {parameters:,} parameters"
        return f"<Distilled: {student}, agreement {agreement}, {sum(self.seconds.values()):.1f} s>"

    def save(self, path: str | Path) -> None:
        """Writes the student's weights and description; `acgkd.load_student(path)` reads them."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save_student(self.student, Path(path))


def _pooling_like(teacher: nn.Module) -> str:
    """The teacher's own pooling, where a preset has it."""
    pooling = getattr(teacher, "pooling", None)
    return pooling if pooling in ("sum", "mean") else "sum"


def distill(
    teacher: nn.Module,
    student: nn.Module | str,
    *,
    prior: PriorConfig | Mapping[str, Any],
    method: str | MethodChoice | Mapping[str, Any] = "acgkd",
    seed: int = 0,
    device: str = "auto",
) -> Distilled:
    """Turns a trained teacher into a small student, without any data.

    Args:
        teacher: any module that satisfies the teacher protocol; `acgkd.adapt` helps a plain one to.
        student: a module, of which a copy is taught, or a preset such as ``gin-3-32``.
        prior: what is known of the data, e.g. ``{"nodes": [10, 28], "mean_degree": 2.2, "features": "categorical",
            "feature_count": 7, "classes": 2}``.
        method: a name, or a name with settings: ``{"name": "acgkd", "transfer": {"steps": 200}}``.
        seed: of every draw.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        TeacherError: the teacher does not satisfy the protocol.
        ConfigError: a setting breaks a law.
        DivergedError: a loss left the finite numbers.

    Example:
        >>> distilled = acgkd.distill(my_gnn, "gin-3-32", prior=prior)  # doctest: +SKIP
        >>> distilled.student, distilled.agreement  # doctest: +SKIP
    """
    choice = method if isinstance(method, MethodChoice) else checked(MethodChoice, method, "`method`")
    entry, config = parse_method(choice)
    if entry.needs_data:
        raise ConfigError(f"`{choice.name}` learns from real data; `distill` has none. Use a sweep's `controls`.")
    assert entry.modality is not None, "only methods that are handed data work on either kind"
    kind = modality(entry.modality)
    known = prior if isinstance(prior, PriorConfig) else checked(PriorConfig, prior, "`prior`")
    facts = kind.prior(known, PriorConfig())
    where = resolve_device(device)
    frozen = as_teacher(teacher, where)
    kind.check_teacher(frozen, facts)
    streams = Streams(derive_seed("draws", seed), where)
    with streams.fork("student"):
        made = (
            build_model(student, facts.feature_count, facts.classes, _pooling_like(teacher), device=where)
            if isinstance(student, str)
            else copy.deepcopy(student).to(where)
        )
    run = Distillation(entry, config, MethodContext(frozen, made, facts, streams, where))
    run.advance()
    finished = run.student.eval()
    return Distilled(
        student=finished,
        agreement=reference_agreement(frozen, finished, kind, facts, seed, where),
        seconds=run.seconds,
        curves=run.curves,
        prior=facts.facts(),
    )
