"""How good a run is and what it took: the objectives while it goes on, everything once it has ended."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from acgkd import __version__, checkpoint
from acgkd.cache import once
from acgkd.errors import ConfigError
from acgkd.method import Batch
from acgkd.run import metrics
from acgkd.run.distillation import Distillation
from acgkd.run.preparation import Preparation
from acgkd.run.reference_pool import pool_agreement
from acgkd.run.run_data import RunData
from acgkd.runtime import Clocks

# Of 256 samples each: timing goes over them several times, and ten thousand images would tell no more.
TIMED_BATCHES = 4


@dataclass(frozen=True)
class Measurement:
    """What a run is worth, what it took and what it did without; keys are the fields of the record's parts."""

    quality: dict[str, float | int | None] = field(default_factory=dict)
    cost: dict[str, float | int | bool | None] = field(default_factory=dict)
    prior: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


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
            ConfigError: an objective needs data that this run does not have, or has another name.
        """
        return {name: self._evaluate_one(run, name) for name in objectives}

    def _evaluate_one(self, run: Distillation, name: str) -> float:
        if name in ("validation_accuracy", "validation_divergence"):
            if not self.run_data.validation:
                raise ConfigError(f"The objective `{name}` uses real data, but this run has none. Use `agreement`.")
            answers = self._logits(run.student, self.run_data.validation)
            if name == "validation_accuracy":
                return metrics.accuracy(answers, self.run_data.labels("validation"))
            return metrics.divergence(self._teacher_validation, answers)
        if name == "agreement":
            agreement = self._agreement(run.student)
            if agreement is None:
                raise ConfigError(f"There is no reference pool for {self.modality.name} yet; choose another objective.")
            return agreement
        if name == "multiply_adds":
            return run.method_run.multiply_adds()
        if name == "seconds":
            return sum(run.seconds.values())
        if name == "student_multiply_adds":
            return self._per_sample(run.student)
        raise ConfigError(
            f"No objective is called `{name}`. Known: validation_accuracy, validation_divergence, agreement, "
            "multiply_adds, seconds, student_multiply_adds."
        )

    def _agreement(self, student: nn.Module) -> float | None:
        return pool_agreement(self.teacher, student, self.modality, self.preparation.pool)

    def _per_sample(self, model: nn.Module) -> float:
        """Multiply-adds of one sample, forward: of a validation graph, or of a pseudo-graph where there are none."""
        batches = self.run_data.validation or self.preparation.pool
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

    def teacher_measurement(self) -> Measurement:
        """The teacher's own row; its answers to tens of thousands of samples are asked for once, not by every run."""
        teacher, seconds = self.teacher, self.preparation.teacher_seconds
        quality: dict[str, float | int | None] = {}
        if self.run_data.data is not None:
            once(self.preparation.verdict_file, self._evaluate_teacher)
            quality.update(checkpoint.load(self.preparation.verdict_file))
        batches = self.run_data.test or self.preparation.pool
        cost: dict[str, float | int | bool | None] = {
            "teacher_s": seconds,
            "teacher_parameters": metrics.parameters(teacher),
        }
        if batches:
            cost["teacher_multiply_adds"] = self._per_sample(teacher)
            cost["teacher_ms_per_1000"] = self._ms_per_1000(teacher, batches)
        return Measurement(quality, cost, self.run_data.prior.facts(), self.environment())

    def measure(self, run: Distillation) -> Measurement:
        """Everything, once, at the end; the only place that looks at the test split."""
        own = self.teacher_measurement()
        quality, cost = dict(own.quality), {**own.cost, **run.measure_cost()}
        clocks, student = Clocks(self.run_data.device), run.student
        with clocks.time("evaluation"):
            if self.run_data.data is not None:
                quality["validation_accuracy"] = self._evaluate_one(run, "validation_accuracy")
                quality["validation_divergence"] = self._evaluate_one(run, "validation_divergence")
                answers, verdicts = (
                    self._logits(student, self.run_data.test),
                    self._logits(self.teacher, self.run_data.test),
                )
                quality["test_accuracy"] = metrics.accuracy(answers, self.run_data.labels("test"))
                quality["test_agreement"] = metrics.agreement(verdicts, answers)
                quality["predicted_classes"] = metrics.predicted_classes(answers)
            quality["agreement"] = self._agreement(student)
        cost["evaluation_s"] = clocks.seconds["evaluation"]
        cost["student_parameters"] = metrics.parameters(student)
        batches = self.run_data.test or self.preparation.pool
        if batches:
            cost["student_multiply_adds"] = self._per_sample(student)
            cost["student_ms_per_1000"] = self._ms_per_1000(student, batches)
        return Measurement(quality, cost, own.prior, own.environment, run.absent)

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
