"""Distilling from Python, in one call: a teacher of yours, what is known of its data, and nothing else."""

import copy
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path

import torch
from torch import nn

from acgkd.agreement.health_facts import Health
from acgkd.agreement.worth import Worth
from acgkd.config import MethodChoice, PriorConfig, TeacherConfig, checked
from acgkd.errors import ConfigError, DivergedError
from acgkd.method import Batch, MethodContext
from acgkd.methods import lower_controls_of, parse_method, shared_settings
from acgkd.modality import Modality, modality
from acgkd.models import build_model
from acgkd.priors import Prior
from acgkd.run.distillation import Distillation
from acgkd.run.reference_pool import PoolJudge, reference_pool
from acgkd.runtime import Streams, derive_seed, resolve_device
from acgkd.students.proof import why_not_read_back
from acgkd.students.saving import remember, save_student
from acgkd.teachers.teacher import as_teacher, load_weights
from acgkd.transfer.own_student import as_student
from acgkd.transfer.teaching import pooling_like, untrained
from acgkd.transfer.teaching_draws import start_of_student

logger = logging.getLogger(__name__)
# Seconds after which a line is written on stderr.
EVERY = 10.0


class _Seen:
    """What is seen of a distillation: a line now and then, where it is asked for or somebody is likely to look."""

    def __init__(self, shown: bool | None) -> None:
        looked_at = sys.stderr.isatty() or "ipykernel" in sys.modules
        self._shown, self._last = looked_at if shown is None else shown, time.monotonic()

    def note(self, what: str, share: float) -> None:
        if self._shown and time.monotonic() - self._last >= EVERY:
            self._last = time.monotonic()
            print(f"{what}: {share:.0%}", file=sys.stderr, flush=True)

    def follow(self, run: Distillation, what: str) -> None:
        if not self._shown:
            run.advance()
        while not run.done:
            run.advance(seconds=EVERY / 4)
            self.note(what, run.progress)


@dataclass(frozen=True)
class Distilled:
    """What `distill` hands back.

    Args:
        student: in evaluation mode.
        agreement: class-balanced teacher-student agreement on the reference pool, which no trial ever trains on. It may
            be near 1 for a student that is worthless on real data: the pool is made up, as is what it was taught with.
        seconds: of each stage.
        curves: losses by stage.
        prior: what was taken as known.
        known: the same, as `save` keeps it beside the weights.
        worth: what agreement is worth: what the lower control reaches on the same pool, what the teacher says there
            and how surely, how far parts of the pool are apart. `worth.informative` and `worth.reasons` say whether it
            says anything, `worth.verdict` all of it in words.
        health: of the pseudo-samples: how often the teacher gives them the class that they were made for, how far its
            BatchNorm statistics are, ...; `health.stuck` and `health.reason` say whether the synthesis got stuck, and
            `health.verdict` all of it in words.
    """

    student: nn.Module
    agreement: float | None
    seconds: dict[str, float]
    curves: dict[str, dict[str, list[float]]]
    prior: dict[str, object]
    known: Prior | None = None
    worth: Worth = field(default_factory=lambda: Worth(None))
    health: Health = field(default_factory=Health)

    def __repr__(self) -> str:
        agreement = "not measured" if self.agreement is None else f"{self.agreement:.4f} on made-up samples"
        parameters = sum(parameter.numel() for parameter in self.student.parameters())
        student = f"{type(self.student).__name__} of {parameters:,} parameters"
        worth = "" if self.agreement is None else f". {self.worth.verdict}"
        stuck = f". {self.health.verdict}" if self.health.stuck else ""
        return f"<Distilled: {student}, agreement {agreement}, {sum(self.seconds.values()):.1f} s{worth}{stuck}>"

    def save(self, path: str | Path) -> None:
        """Writes the student's weights and description; `acgkd.load_student(path)` reads them."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save_student(self.student, Path(path), self.known)


def distill(
    teacher: nn.Module | TeacherConfig | Mapping[str, object],
    student: nn.Module | str,
    *,
    prior: PriorConfig | Mapping[str, object],
    method: str | MethodChoice | Mapping[str, object] = "acgkd",
    seed: int = 0,
    device: str = "auto",
    agreement: bool = True,
    lower_control: bool = True,
    progress: bool | None = None,
) -> Distilled:
    """Turns a trained teacher into a small student, without any data.

    Args:
        teacher: any module that satisfies the teacher protocol; `acgkd.adapt` helps a plain one to. Or a preset with
            its weights, as a spec names them: ``{"preset": "gin-5-64", "checkpoint": "teacher.pt"}``.
        student: a module, of which a copy is taught, or a preset such as ``gin-3-32``. A plain module is adapted as
            `acgkd.adapt` does it.
        prior: what is known of the data, e.g. ``{"nodes": [10, 28], "mean_degree": 2.2, "features": "categorical",
            "feature_count": 7, "classes": 2}``.
        method: a name, or a name with settings: ``{"name": "acgkd", "transfer": {"steps": 200}}``.
        seed: of every draw.
        device: `auto`, `cpu` or `cuda`.
        agreement: make the reference pool, and measure agreement there. Making it takes some 400 passes of the teacher,
            forth and back: a large one may be spared that.
        lower_control: teach a second student with noise, by the same settings, and say what it reaches on the reference
            pool. It takes about as long as the transfer, and is in no `seconds`; without it, it is not known whether
            agreement says anything.
        progress: write a line on stderr every 10 seconds; left out, it is written to terminals and notebooks.

    A student that ends in something which cannot be read back by `load_student` alone is reported by a warning before
    anything is trained.

    Raises:
        TeacherError: the teacher does not satisfy the protocol, or the student cannot be made to.
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
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**31:
        raise ConfigError(f"`seed` is a whole number from 0 to {2**31 - 1}, but got {seed!r}.")
    if isinstance(student, str) and ":" in student:
        raise ConfigError(f"From Python call `{student}` yourself, and pass the module that it returns.")
    given = teacher if isinstance(teacher, nn.Module) else _from_checkpoint(teacher, facts)
    frozen = as_teacher(given, where)
    kind.check_teacher(frozen, facts)
    streams = Streams(derive_seed("draws", seed), where)
    with start_of_student(config.transfer, streams), streams.fork("student"):
        made = (
            build_model(
                student,
                facts.feature_count,
                facts.classes,
                pooling_like(given),
                edge_features=facts.edge_features,
                device=where,
            )
            if isinstance(student, str)
            else as_student(copy.deepcopy(student), kind, facts, where, type(student).__name__)
        )
    plain = copy.deepcopy(made)
    run = Distillation(entry, config, MethodContext(frozen, made, facts, streams, where))
    why = why_not_read_back(untrained(config, frozen, made, where), facts)
    if why:
        logger.warning(why)
    seen = _Seen(progress)
    seen.follow(run, choice.name)
    finished = remember(run.student.eval(), facts)
    pool = reference_pool(frozen, kind, facts, seed, where, seen.note) if agreement else []
    judge = PoolJudge(frozen, kind, pool)
    worth = judge.worth(finished)
    if lower_control and pool:
        context = MethodContext(frozen, plain, facts, Streams(derive_seed("draws", seed), where), where)
        worth = replace(worth, control_agreement=_lower_control(choice, kind, context, judge, seen))
    if not worth.informative:
        logger.warning(worth.verdict)
    health = run.health()
    if health.stuck:
        logger.warning(health.verdict)
    return Distilled(
        student=finished,
        agreement=worth.agreement,
        seconds=run.seconds,
        curves=run.curves,
        prior=facts.facts(),
        known=facts,
        worth=worth,
        health=health,
    )


def _from_checkpoint(teacher: TeacherConfig | Mapping[str, object], facts: Prior) -> nn.Module:
    """A preset with the weights of a file, which is all that can be known of a teacher without data."""
    chosen = teacher if isinstance(teacher, TeacherConfig) else checked(TeacherConfig, teacher, "`teacher`")
    if chosen.checkpoint is None:
        raise ConfigError("`distill` has no data to train a teacher on, so `teacher` needs a `checkpoint`.")
    if ":" in chosen.preset:
        raise ConfigError(f"From Python call `{chosen.preset}` yourself, and pass the module that it returns.")
    with Streams(0, torch.device("cpu")).fork("teacher"):
        model = build_model(chosen.preset, facts.feature_count, facts.classes, edge_features=facts.edge_features)
    load_weights(model, chosen.checkpoint, key=chosen.checkpoint_key)
    return model


def _lower_control(
    choice: MethodChoice, kind: Modality[Batch], context: MethodContext[Prior], judge: PoolJudge, seen: _Seen
) -> float | None:
    """What a student reaches on a pool that was taught with noise, by the settings of a method; None where it broke."""
    name = next((other for other in lower_controls_of(kind.name) if other != choice.name), None)
    if name is None:
        return None
    entry, config = parse_method(shared_settings(name, choice))
    control = Distillation(entry, config, context)
    try:
        seen.follow(control, f"lower control, {name}")
    except DivergedError:
        return None
    return judge.worth(control.student).agreement
