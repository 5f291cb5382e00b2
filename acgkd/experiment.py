"""One run config with one seed: its data, split, teacher and student; what it takes to distil and to judge."""

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from acgkd import __version__, checkpoint, evaluation
from acgkd.cache import once
from acgkd.config import PriorConfig, RunConfig, fingerprint
from acgkd.datasets import DATASETS, Dataset, Samples
from acgkd.datasets._split import Split, read_split_file, split
from acgkd.distillation import Distillation, parse_method
from acgkd.errors import ConfigError
from acgkd.methods import Setting
from acgkd.modalities import modality
from acgkd.models import build_model
from acgkd.reference import VERSION as POOL_VERSION
from acgkd.reference import pool_agreement, reference_pool
from acgkd.runtime import Clocks, Streams, derive_seed, resolve_device
from acgkd.teacher import as_teacher, build_trusted, load_weights, train_teacher

# Counted up when the code of a stage changes what it makes; old cache entries are then left alone.
TEACHER_VERSION = 1
SYNTHESIS_VERSION = 1
EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Measurement:
    """What a run is worth and what it took; keys are the fields of the record's parts."""

    quality: dict[str, float | int | None] = field(default_factory=dict)
    cost: dict[str, float | int | bool | None] = field(default_factory=dict)
    prior: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)


class Experiment:
    """Making one is cheap and loads nothing.

    Args:
        config: the run.
        seed: varies what `config.vary` names; what it does not name stays at seed 0.
        home: folder for teachers, reference pools and pseudo-samples, each named by what made it.
        trust_code: whether `teacher.preset` may name a Python function of the user's, as ``module:function``.
        share_synthesis: keep pseudo-samples in `home` for other runs with the same synthesis.
    """

    def __init__(
        self, config: RunConfig, seed: int, *, home: Path, trust_code: bool = False, share_synthesis: bool = False
    ) -> None:
        self.config = config
        self.seed = seed
        self.home = home
        self.trust_code = trust_code
        self.share_synthesis = share_synthesis
        self.split_seed, self.teacher_seed, self.draws_seed = (
            seed if part in config.vary else 0 for part in ("split", "teacher", "draws")
        )
        self.method, self.method_config = parse_method(config.method)
        self.modality = modality(self.method.modality)

    # ---- data

    @cached_property
    def device(self) -> torch.device:
        """Where everything happens."""
        return resolve_device(self.config.device)

    @cached_property
    def dataset(self) -> Dataset | None:
        """The data set's entry, unloaded."""
        return None if self.config.dataset is None else DATASETS[self.config.dataset.name]

    @cached_property
    def data(self) -> Samples | None:
        """The data set, or None where accuracy cannot honestly be measured.

        That is: there is none, or the teacher came from elsewhere and nobody said which samples trained it.
        """
        chosen = self.config.dataset
        if chosen is None or self.dataset is None:
            return None
        if self.config.teacher.checkpoint is not None and chosen.split_file is None:
            return None
        return self.dataset.load(chosen)

    @cached_property
    def split(self) -> Split:
        """Train, validation and test indices."""
        chosen = self.config.dataset
        if self.data is None or chosen is None:
            raise ConfigError("This run has no data set to split.")
        if chosen.split_file is not None:
            return read_split_file(Path(chosen.split_file), len(self.data.items))
        return split(self.data.labels, chosen.fractions, self.split_seed)

    @cached_property
    def prior(self) -> Any:
        """What methods are told of the data."""
        chosen = self.config.dataset
        known = PriorConfig() if chosen is None or self.dataset is None else self.dataset.known_for(chosen)
        return self.modality.prior(self.config.prior, known)

    def _batches(self, part: str) -> list[Any]:
        """One part of the split as batches on the device."""
        if self.data is None:
            return []
        items = self.data.take(getattr(self.split, part))
        chunks = [items[i : i + EVALUATION_BATCH] for i in range(0, len(items), EVALUATION_BATCH)]
        return [self.modality.collate(chunk, self.device) for chunk in chunks]

    @cached_property
    def validation(self) -> list[Any]:
        """Batches that neither teacher nor student learns from."""
        return self._batches("validation")

    @cached_property
    def test(self) -> list[Any]:
        """Batches that are looked at once, at the end."""
        return self._batches("test")

    # ---- teacher and reference pool

    def _teacher_key(self) -> str:
        teacher, chosen = self.config.teacher, self.config.dataset
        if teacher.checkpoint is not None:
            return fingerprint([TEACHER_VERSION, teacher.preset, _digest(teacher.checkpoint)])
        dataset = None
        if chosen is not None:
            # Where the data lie does not matter, what a split file says does.
            dataset = chosen.model_dump(mode="json", exclude={"root", "mirror"})
            dataset["split_file"] = None if chosen.split_file is None else _digest(chosen.split_file)
        seeds, told = (self.split_seed, self.teacher_seed), self.config.prior
        return fingerprint(
            [TEACHER_VERSION, teacher.model_dump(mode="json"), dataset, *seeds, told.feature_count, told.classes]
        )

    @property
    def _teacher_file(self) -> Path:
        return self.home / "teachers" / f"{self._teacher_key()}.pt"

    @property
    def _pool_file(self) -> Path:
        key = [POOL_VERSION, self._teacher_key(), self._pooling, self.prior.facts(), self.seed]
        return self.home / "pools" / f"{fingerprint(key)}.pt"

    def preparation_key(self) -> str:
        """Equal for experiments that share teacher and reference pool."""
        return f"{self._teacher_file.stem}-{self._pool_file.stem}"

    @property
    def prepared(self) -> bool:
        """Whether teacher and reference pool are there."""
        return self._teacher_file.exists() and self._pool_file.exists()

    def prepare(self) -> None:
        """Trains the teacher and makes the reference pool, each exactly once however many ask at the same time."""
        once(self._teacher_file, self._make_teacher)
        once(self._pool_file, self._make_pool)

    def _blank_teacher(self, streams: Streams) -> nn.Module:
        preset, prior = self.config.teacher.preset, self.prior
        with streams.fork("teacher"):
            if ":" in preset:
                return build_trusted(preset, prior, trust_code=self.trust_code).to(self.device)
            return build_model(preset, self._in_features, prior.classes, pooling=self._pooling, device=self.device)

    @property
    def _in_features(self) -> int:
        return int(self.prior.feature_count)

    @property
    def _pooling(self) -> str:
        return "sum" if self.dataset is None else self.dataset.pooling

    def _make_teacher(self, path: Path) -> None:
        streams = Streams(derive_seed("teacher", self.teacher_seed), self.device)
        model, config = self._blank_teacher(streams), self.config.teacher
        clocks = Clocks(self.device)
        if config.checkpoint is not None:
            load_weights(model, Path(config.checkpoint))
        elif self.data is None:
            raise ConfigError(
                "`teacher` needs either a `checkpoint` or a `dataset` to be trained on; this run names neither."
            )
        else:
            with clocks.time("teacher"):
                train_teacher(
                    model,
                    self.modality,
                    self.data.take(self.split.train),
                    epochs=config.epochs,
                    batch_size=config.batch_size,
                    learning_rate=config.learning_rate,
                    weight_decay=config.weight_decay,
                    streams=streams,
                    device=self.device,
                )
        state = {name: value.detach().to("cpu") for name, value in model.state_dict().items()}
        checkpoint.save({"state": state, "seconds": clocks.seconds.get("teacher")}, path)

    def _make_pool(self, path: Path) -> None:
        pool = reference_pool(self.teacher, self.modality, self.prior, self.seed, self.device)
        checkpoint.save([self.modality.pack(batch) for batch in pool], path)

    @cached_property
    def _teacher_loaded(self) -> tuple[nn.Module, float | None]:
        made = checkpoint.load(self._teacher_file)
        model = self._blank_teacher(Streams(0, self.device))
        model.load_state_dict(made["state"])
        teacher = as_teacher(model, self.device)
        self.modality.check_teacher(teacher, self.prior)
        return teacher, made["seconds"]

    @property
    def teacher(self) -> nn.Module:
        """The trained teacher, frozen, in evaluation mode; `prepare` must have made it."""
        return self._teacher_loaded[0]

    @cached_property
    def pool(self) -> list[Any]:
        """The reference pool; `prepare` must have made it."""
        return [self.modality.unpack(packed, self.device) for packed in checkpoint.load(self._pool_file)]

    # ---- distilling

    def start(self) -> Distillation:
        """A fresh distillation, which begins with another run's pseudo-samples where those are kept and fit."""
        streams = Streams(derive_seed("draws", self.draws_seed), self.device)
        with streams.fork("student"):
            student = build_model(
                self.config.student.preset,
                self._in_features,
                self.prior.classes,
                pooling=self._pooling,
                device=self.device,
            )
        real: Sequence[Any] = ()
        if self.method.needs_data:
            if self.data is None:
                raise ConfigError(f"`{self.config.method.name}` learns from real data, but this run has none.")
            real = self.data.take(self.split.train)
        setting = Setting(self.teacher, student, self.prior, streams, self.device, real)
        shared = self._synthesis_file
        run = Distillation(self.method, self.method_config, setting, keep_synthesis=shared)
        if shared is not None and shared.exists():
            run.load_synthesis(shared)
        return run

    @property
    def _synthesis_file(self) -> Path | None:
        if not self.share_synthesis or self.method.needs_student(self.method_config) or self.method.needs_data:
            return None
        synthesis = self.method_config.synthesis.model_dump(mode="json")
        teacher = [self._teacher_key(), self._pooling, self.prior.facts()]
        # Random streams go on where they stopped only on a device of the same kind.
        key = [SYNTHESIS_VERSION, self.config.method.name, synthesis, *teacher, self.draws_seed, self.device.type]
        return self.home / "synthesis" / f"{fingerprint(key)}.pt"

    # ---- judging

    @torch.no_grad()
    def _logits(self, model: nn.Module, batches: list[Any]) -> Tensor:
        return evaluation.logits(model, self.modality, batches)

    @cached_property
    def _teacher_validation(self) -> Tensor:
        return self._logits(self.teacher, self.validation)

    def _labels(self, part: str) -> Tensor:
        assert self.data is not None, "callers look first"
        return self.data.labels[getattr(self.split, part)].to(self.device)

    def judge(self, run: Distillation, objectives: Sequence[str]) -> dict[str, float]:
        """The named objectives as they stand now, and nothing more.

        Raises:
            ConfigError: an objective needs data that this run does not have, or has another name.
        """
        return {name: self._judge_one(run, name) for name in objectives}

    def _judge_one(self, run: Distillation, name: str) -> float:
        if name in ("validation_accuracy", "validation_divergence"):
            if not self.validation:
                raise ConfigError(f"The objective `{name}` uses real data, but this run has none. Use `agreement`.")
            answers = self._logits(run.student, self.validation)
            if name == "validation_accuracy":
                return evaluation.accuracy(answers, self._labels("validation"))
            return evaluation.divergence(self._teacher_validation, answers)
        if name == "agreement":
            agreement = pool_agreement(self.teacher, run.student, self.modality, self.pool)
            if agreement is None:
                raise ConfigError(f"There is no reference pool for {self.modality.name} yet; choose another objective.")
            return agreement
        if name == "multiply_adds":
            return run.run.multiply_adds()
        if name == "seconds":
            return sum(run.seconds.values())
        if name == "student_multiply_adds":
            return self._per_sample(run.student)
        raise ConfigError(
            f"No objective is called `{name}`. Known: validation_accuracy, validation_divergence, agreement, "
            "multiply_adds, seconds, student_multiply_adds."
        )

    def _per_sample(self, model: nn.Module) -> float:
        """Multiply-adds of one sample, forward: of a validation graph, or of a pseudo-graph where there are none."""
        batches = self.validation or self.pool
        total = sum(self.modality.counter(model, batches[0])(batch) for batch in batches)
        return total / sum(self.modality.size(batch) for batch in batches)

    def teacher_measurement(self) -> Measurement:
        """The teacher's own row."""
        teacher, seconds = self._teacher_loaded
        quality: dict[str, float | int | None] = {}
        if self.data is not None:
            for part in ("train", "validation", "test"):
                answers = self._logits(teacher, self._batches(part))
                quality[f"teacher_{part}_accuracy"] = evaluation.accuracy(answers, self._labels(part))
                quality[f"{part}_size"] = int(getattr(self.split, part).numel())
            quality["majority_accuracy"] = evaluation.majority_accuracy(self._labels("train"), self._labels("test"))
        batches = self.test or self.pool
        cost: dict[str, float | int | bool | None] = {
            "teacher_s": seconds,
            "teacher_parameters": evaluation.parameters(teacher),
        }
        if batches:
            cost["teacher_multiply_adds"] = self._per_sample(teacher)
            cost["teacher_ms_per_1000"] = evaluation.ms_per_1000(teacher, self.modality, batches, self.device)
        return Measurement(quality, cost, self.prior.facts(), self.environment())

    def measure(self, run: Distillation) -> Measurement:
        """Everything, once, at the end; the only place that looks at the test split."""
        own = self.teacher_measurement()
        quality, cost = dict(own.quality), {**own.cost, **run.measure_cost()}
        clocks, student = Clocks(self.device), run.student
        with clocks.time("evaluation"):
            if self.data is not None:
                quality["validation_accuracy"] = self._judge_one(run, "validation_accuracy")
                quality["validation_divergence"] = self._judge_one(run, "validation_divergence")
                answers, verdicts = self._logits(student, self.test), self._logits(self.teacher, self.test)
                quality["test_accuracy"] = evaluation.accuracy(answers, self._labels("test"))
                quality["test_agreement"] = evaluation.agreement(verdicts, answers)
                quality["predicted_classes"] = evaluation.predicted_classes(answers)
            quality["agreement"] = pool_agreement(self.teacher, student, self.modality, self.pool)
        cost["evaluation_s"] = clocks.seconds["evaluation"]
        cost["student_parameters"] = evaluation.parameters(student)
        batches = self.test or self.pool
        if batches:
            cost["student_multiply_adds"] = self._per_sample(student)
            cost["student_ms_per_1000"] = evaluation.ms_per_1000(student, self.modality, batches, self.device)
        return Measurement(quality, cost, own.prior, own.environment)

    def environment(self) -> dict[str, Any]:
        """What explains the seconds, as far as this package knows."""
        import torch_geometric

        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else platform.processor()
        return {
            "device": self.device.type,
            "device_name": name,
            "threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torch_geometric": torch_geometric.__version__,
            "acgkd": __version__,
        }


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
