"""How good a run is and what it took: the objectives while it runs, everything once it has ended."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from acgkd import __version__, cache, checkpoint
from acgkd.agreement.health_facts import QualityValue
from acgkd.agreement.worth import MEASURED_ON_POOL, Worth
from acgkd.errors import CheckpointError, ConfigError
from acgkd.method import Batch
from acgkd.run import metrics
from acgkd.run.bookkeeping.clocks import Clocks
from acgkd.run.distillation import Distillation
from acgkd.run.objectives import OBJECTIVES, ObjectiveKind, objective_kind
from acgkd.run.preparation import Preparation
from acgkd.run.reference_pool import PoolJudge
from acgkd.run.run_data import RunData

# Of 256 samples each: timing goes over them several times, and ten thousand images would tell no more.
TIMED_BATCHES = 4


@dataclass(frozen=True)
class Measurement:
    """What a run is worth, what it took and what it did without; keys are the fields of the record's parts."""

    quality: dict[str, QualityValue] = field(default_factory=dict)
    cost: dict[str, float | int | bool | None] = field(default_factory=dict)
    prior: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    objectives: dict[str, float | None] = field(default_factory=dict)


class Evaluator:
    """The only place that looks at a test split.

    Args:
        run_data: data, split, prior.
        preparation: teacher and reference pool.
    """

    def __init__(self, run_data: RunData, preparation: Preparation) -> None:
        self.run_data = run_data
        self.preparation = preparation
        self.modality = run_data.modality

    @property
    def teacher(self) -> nn.Module:
        """The trained teacher."""
        return self.preparation.teacher

    @torch.no_grad()
    def _logits(self, model: nn.Module, batches: Iterable[Batch]) -> Tensor:
        return metrics.logits(model, self.modality, batches)

    @cached_property
    def _teacher_validation(self) -> Tensor:
        return self._logits(self.teacher, self.run_data.validation)

    def evaluate(self, run: Distillation, objectives: Sequence[str]) -> dict[str, float]:
        """The named objectives as they stand now, and nothing more.

        Raises:
            ConfigError: an objective has another name, or cannot be measured, as it needs data that this run lacks.
        """
        found = {}
        for name in objectives:
            value = self._measured(run, name, objective_kind(name))
            if value is None:
                real = OBJECTIVES[name].uses_real_data
                lacks = "uses real data, but this run has none" if real else "cannot be measured on this run"
                raise ConfigError(f"The objective `{name}` {lacks}. Choose another one, such as `agreement`.")
            found[name] = value
        return found

    def _measured(self, run: Distillation, name: str, kind: ObjectiveKind) -> float | None:
        """An objective's value now; None where it cannot be measured."""
        return None if kind.uses_real_data and not self.run_data.validation else kind.measure(self, run)

    def validation_accuracy(self, student: nn.Module) -> float:
        """Share of the validation part that a student classifies rightly."""
        return metrics.accuracy(self._logits(student, self.run_data.validation), self.run_data.labels("validation"))

    def validation_divergence(self, student: nn.Module) -> float:
        """How far a student's distributions are from the teacher's on the validation part."""
        return metrics.divergence(self._teacher_validation, self._logits(student, self.run_data.validation))

    def agreement(self, student: nn.Module) -> float | None:
        """Agreement of student and teacher on the reference pool; None where there is no pool."""
        return self.worth(student).agreement

    def worth(self, student: nn.Module) -> Worth:
        """The same, with what qualifies it."""
        return self._judge.worth(student)

    @cached_property
    def _judge(self) -> PoolJudge:
        return PoolJudge(self.teacher, self.modality, self.preparation.pool)

    @property
    def said_on_pool(self) -> Worth:
        """What the teacher says on the reference pool; nothing is known where no pool is needed, or there is none."""
        return self._judge.said if self.preparation.needs_pool else Worth(None)

    def multiply_adds(self, model: nn.Module) -> float | None:
        """Multiply-adds of one sample, forward: of a validation sample, or of a pseudo-sample where there are none."""
        batches = self.run_data.validation or self.preparation.pool
        if not batches:
            return None
        total = sum(self.modality.counter(model, batches[0])(batch) for batch in batches)
        return total / sum(self.modality.size(batch) for batch in batches)

    def _ms_per_1000(self, model: nn.Module, batches: list[Batch]) -> float:
        return metrics.ms_per_1000(model, self.modality, batches[:TIMED_BATCHES], self.run_data.device)

    def _evaluate_teacher(self, path: Path) -> None:
        quality: dict[str, float | int] = {}
        for part in ("train", "validation", "test"):
            answers = self._logits(self.teacher, self.run_data.batches(part))
            quality[f"teacher_{part}_accuracy"] = metrics.accuracy(answers, self.run_data.labels(part))
            quality[f"{part}_size"] = int(getattr(self.run_data.split, part).numel())
        quality["majority_accuracy"] = metrics.majority_accuracy(
            self.run_data.labels("train"), self.run_data.labels("test")
        )
        checkpoint.save(quality, path)

    def _judging_parts(self) -> dict[str, int]:
        """How many classes the parts have that judge, and how few samples of one."""
        found = {}
        for part in ("validation", "test"):
            counts = self.run_data.class_counts(part)
            found[f"{part}_classes"] = sum(count > 0 for count in counts)
            found[f"{part}_smallest_class"] = min(counts)
        return found

    def teacher_measurement(self) -> Measurement:
        """The teacher's own row; its answers to tens of thousands of samples are asked for once, not by every run."""
        teacher, seconds = self.teacher, self.preparation.teacher_seconds
        quality: dict[str, QualityValue] = {**self.said_on_pool.columns()}
        if self.run_data.data is not None:
            quality.update(cache.kept(self.preparation.verdict_file, self._evaluate_teacher, _read_verdict))
            quality |= self._judging_parts()
        batches = self.run_data.test or self.preparation.pool
        cost: dict[str, float | int | bool | None] = {
            "teacher_s": seconds,
            "cpu_s": self.preparation.teacher_cpu_seconds,
            "teacher_parameters": metrics.parameters(teacher),
            "teacher_cached": self.preparation.teacher_cached,
        }
        if batches:
            cost["teacher_multiply_adds"] = self.multiply_adds(teacher)
            cost["teacher_ms_per_1000"] = self._ms_per_1000(teacher, batches)
        return Measurement(quality, cost, self.run_data.prior.facts(), self.environment())

    def measure(self, run: Distillation) -> Measurement:
        """Everything, once, at the end; the only place that looks at the test split.

        `agreement` is left out where no pool is needed for anything else. Which run trained the teacher is said in the
        teacher's own row.
        """
        own = self.teacher_measurement()
        quality, cost = dict(own.quality), {**own.cost, **run.measure_cost()}
        del cost["teacher_cached"]
        clocks, student = Clocks(self.run_data.device), run.student
        with clocks.time("evaluation"):
            worth = self.worth(student) if self.preparation.needs_pool else Worth(None)
            objectives = {
                name: getattr(worth, name) if name in MEASURED_ON_POOL else self._measured(run, name, kind)
                for name, kind in OBJECTIVES.items()
            }
            for name in ("validation_accuracy", "validation_divergence", "agreement"):
                quality[name] = objectives[name]
            quality |= worth.columns()
            quality |= run.health().columns()
            if self.run_data.data is not None:
                answers, verdicts = (
                    self._logits(student, self.run_data.test),
                    self._logits(self.teacher, self.run_data.test),
                )
                quality["test_accuracy"] = metrics.accuracy(answers, self.run_data.labels("test"))
                quality["test_agreement"] = metrics.agreement(verdicts, answers)
                quality["predicted_classes"] = metrics.predicted_classes(answers)
        cost["evaluation_s"] = clocks.seconds["evaluation"]
        cost["student_parameters"] = metrics.parameters(student)
        batches = self.run_data.test or self.preparation.pool
        if batches:
            cost["student_multiply_adds"] = objectives["student_multiply_adds"]
            cost["student_ms_per_1000"] = self._ms_per_1000(student, batches)
        return Measurement(quality, cost, own.prior, own.environment, run.absent, objectives)

    def environment(self) -> Mapping[str, object]:
        """What explains the seconds, as far as this package knows."""
        import torch_geometric

        device = self.run_data.device
        return {
            "device": device.type,
            "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor(),
            "threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torch_geometric": torch_geometric.__version__,
            "acgkd": __version__,
        }


def _read_verdict(path: Path) -> dict[str, float | int]:
    quality = checkpoint.load(path, checked=True)
    if not isinstance(quality, dict) or "teacher_test_accuracy" not in quality:
        raise CheckpointError(f"{path} does not say how good a teacher is.")
    return quality
