"""What a run needs before it starts: the trained teacher and the reference pool, each made exactly once."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from torch import Tensor, nn

from acgkd import cache, checkpoint
from acgkd.config import DatasetConfig, fingerprint
from acgkd.datasets import DATASETS
from acgkd.datasets._given.entries import digest_at
from acgkd.errors import CheckpointError, ConfigError
from acgkd.method import Batch, State
from acgkd.models import MODELS, build_model
from acgkd.run.bookkeeping.clocks import Clocks
from acgkd.run.reference_pool import VERSIONS as POOL_VERSIONS
from acgkd.run.reference_pool import reference_pool
from acgkd.run.run_data import RunData
from acgkd.runtime import Streams, derive_seed
from acgkd.teachers.teacher import as_teacher, build_trusted, load_weights, train_teacher
from acgkd.teachers.user_code import files_at_import
from acgkd.teachers.user_lines import pointing_to_own_lines

# Counted up when the code that trains a teacher changes what it makes; old files are then left alone.
TEACHER_VERSION = 1


class Preparation:
    """Teacher and pool live in `home`, named by what made them.

    Args:
        run_data: data, split, prior.
        teacher_seed: of the teacher's parameters and minibatches.
        pool_seed: of the reference pool.
        home: folder for both.
        trust_code: whether `teacher.preset` may name a Python function of the user's.
        agreement: whether the run is judged by `agreement`, for which a pool is made.
        code_folders: where that is looked for, in this order; the current folder if left out.
    """

    def __init__(
        self,
        run_data: RunData,
        *,
        teacher_seed: int,
        pool_seed: int,
        home: Path,
        trust_code: bool = False,
        agreement: bool = True,
        code_folders: Sequence[Path] = (),
    ) -> None:
        self.run_data = run_data
        self.teacher_seed = teacher_seed
        self.pool_seed = pool_seed
        self.home = home
        self.trust_code = trust_code
        self.agreement = agreement
        self._trained_here = False
        self.code_folders = code_folders

    def teacher_key(self) -> str:
        """Names the teacher by all that makes it."""
        teacher, chosen = self.run_data.config.teacher, self.run_data.config.dataset
        if teacher.checkpoint is not None:
            where = [] if teacher.checkpoint_key is None else [teacher.checkpoint_key]
            file = _digest(teacher.checkpoint)
            return fingerprint([TEACHER_VERSION, teacher.preset, file, *where, *self._own_code])
        dataset = None if chosen is None else _described(chosen)
        seeds, prior = (self.run_data.split_seed, self.teacher_seed), self.run_data.config.prior
        # Columns came later: what was made before keeps its name.
        columns = [side for side in (prior.node_columns, prior.edge_columns) if side is not None]
        known = (*seeds, prior.feature_count, prior.classes, *columns, *self._own_code)
        return fingerprint([TEACHER_VERSION, teacher.model_dump(mode="json"), dataset, *known])

    @property
    def _own_code(self) -> list[dict[str, str]]:
        """What the code of others is that builds the teacher, or reads its data; empty where it is all our own."""
        preset, chosen = self.run_data.config.teacher.preset, self.run_data.config.dataset
        added = [MODELS.added().get(preset.split("-")[0]), chosen and DATASETS.added().get(chosen.name)]
        found = [{entry.name: entry.digest()} for entry in added if entry]
        if ":" in preset and self.trust_code:
            found.append(files_at_import(preset, self.code_folders or (Path.cwd(),)))
        return found

    @property
    def _teacher_file(self) -> Path:
        return self.home / "teachers" / f"{self.teacher_key()}.pt"

    @property
    def verdict_file(self) -> Path:
        """Where it is kept how good the teacher is on each part of the data."""
        chosen = self.run_data.config.dataset
        key = [self.teacher_key(), None if chosen is None else _described(chosen), self.run_data.split_seed]
        return self.home / "verdicts" / f"{fingerprint(key)}.pt"

    @property
    def _pool_file(self) -> Path:
        version, facts = POOL_VERSIONS[self.run_data.modality.name], self.run_data.prior.facts()
        key = [version, self.teacher_key(), self.run_data.pooling, facts, self.pool_seed]
        return self.home / "pools" / f"{fingerprint(key)}.pt"

    def key(self) -> str:
        """Equal for experiments that share teacher and reference pool, as far as they need one."""
        return "-".join(path.stem for path in self._files)

    @property
    def needs_pool(self) -> bool:
        """Whether there is to be a reference pool: for `agreement`, or where nothing but it shows what models cost."""
        return self.agreement or not self.run_data.judged_by_data

    @property
    def _files(self) -> list[Path]:
        return [self._teacher_file, *([self._pool_file] if self.needs_pool else [])]

    @property
    def prepared(self) -> bool:
        """Whether teacher and reference pool are there, the pool where it is needed; counts as a use of them."""
        there = all(path.exists() for path in self._files)
        if there:
            for path in self._files:
                cache.mark_used(path)
        return there

    def prepare(self) -> None:
        """Trains the teacher and makes the reference pool, each exactly once however many ask at the same time.

        What is there is read; what turns out to be damaged is made again.
        """
        _ = self.teacher
        if self.needs_pool:
            _ = self.pool

    def blank_teacher(self, streams: Streams) -> nn.Module:
        """The teacher before it has weights: freshly initialised, on the device."""
        with streams.fork("teacher"):
            return self.blank(self.run_data.config.teacher.preset, self.run_data.pooling)

    def blank(self, preset: str, pooling: str) -> nn.Module:
        """A model that a spec names, freshly initialised, on the device.

        Args:
            preset: its name, or ``module:function`` of the user's.
            pooling: of graphs, where it is a preset.

        Raises:
            ConfigError: nothing of the name can be called, or code is not trusted.
            TeacherError: code of the user's builds no module.
        """
        prior, device = self.run_data.prior, self.run_data.device
        if ":" in preset:
            return build_trusted(preset, prior, trust_code=self.trust_code, folders=self.code_folders).to(device)
        return build_model(
            preset,
            self.run_data.in_features,
            prior.classes,
            pooling=pooling,
            edge_features=prior.edge_features,
            device=device,
        )

    def _make_teacher(self, path: Path) -> None:
        streams = Streams(derive_seed("teacher", self.teacher_seed), self.run_data.device)
        model, config = self.blank_teacher(streams), self.run_data.config.teacher
        clocks = Clocks(self.run_data.device)
        if config.checkpoint is not None:
            load_weights(model, Path(config.checkpoint), key=config.checkpoint_key)
            self._check(model)
        elif self.run_data.data is None:
            raise ConfigError(
                "`teacher` needs either a `checkpoint` or a `dataset` to be trained on; this run names neither."
            )
        else:
            if ":" in config.preset:
                self._check(model)
            self._trained_here = True
            with clocks.time("teacher"):
                train_teacher(
                    model,
                    self.run_data.modality,
                    self.run_data.data.take(self.run_data.split.train),
                    epochs=config.epochs,
                    batch_size=config.batch_size,
                    learning_rate=config.learning_rate,
                    weight_decay=config.weight_decay,
                    augment=config.augment,
                    streams=streams,
                    device=self.run_data.device,
                )
        state = {name: value.detach().to("cpu") for name, value in model.state_dict().items()}
        took = {"seconds": clocks.seconds.get("teacher"), "cpu_seconds": clocks.cpu_seconds if clocks.seconds else None}
        checkpoint.save({"state": state, **took}, path)

    def _check(self, model: nn.Module) -> None:
        """Refuses a model that cannot teach before anything is trained or kept; one that `adapt` made is compared."""
        with pointing_to_own_lines():
            self.run_data.modality.check_teacher(as_teacher(model, self.run_data.device), self.run_data.prior)

    def _make_pool(self, path: Path) -> None:
        pool = reference_pool(
            self.teacher, self.run_data.modality, self.run_data.prior, self.pool_seed, self.run_data.device
        )
        checkpoint.save([self.run_data.modality.pack(batch) for batch in pool], path)

    @cached_property
    def _loaded(self) -> tuple[nn.Module, float | None, float | None]:
        made = cache.kept(self._teacher_file, self._make_teacher, _read_teacher)
        model = self.blank_teacher(Streams(0, self.run_data.device))
        model.load_state_dict(made["state"])
        teacher = as_teacher(model, self.run_data.device)
        self.run_data.modality.check_teacher(teacher, self.run_data.prior)
        return teacher, made["seconds"], made["cpu_seconds"]

    @property
    def teacher(self) -> nn.Module:
        """The trained teacher, frozen, in evaluation mode; trained now if `prepare` did not."""
        return self._loaded[0]

    @cached_property
    def pool(self) -> list[Batch]:
        """The reference pool; made now if `prepare` did not."""
        packed = cache.kept(self._pool_file, self._make_pool, _read_pool)
        return [self.run_data.modality.unpack(batch, self.run_data.device) for batch in packed]

    @property
    def teacher_seconds(self) -> float | None:
        """How long the teacher was trained; None where it came from elsewhere."""
        return self._loaded[1]

    @property
    def teacher_cpu_seconds(self) -> float | None:
        """CPU seconds of its training; None, too, where an earlier version trained it."""
        return self._loaded[2]

    @property
    def teacher_cached(self) -> bool:
        """Whether the teacher was trained by an earlier run; then its seconds are that run's."""
        return self.teacher_seconds is not None and not self._trained_here


class _Teacher(TypedDict):
    state: dict[str, Tensor]
    seconds: float | None
    cpu_seconds: float | None


def _read_teacher(path: Path) -> _Teacher:
    made = checkpoint.load(path, checked=True)
    if not isinstance(made, dict) or not {"state", "seconds"} <= made.keys():
        raise CheckpointError(f"{path} does not hold a teacher.")
    return {"state": made["state"], "seconds": made["seconds"], "cpu_seconds": made.get("cpu_seconds")}


def _read_pool(path: Path) -> list[State]:
    packed = checkpoint.load(path, checked=True)
    if not isinstance(packed, list):
        raise CheckpointError(f"{path} does not hold a reference pool.")
    return packed


def _described(dataset: DatasetConfig) -> dict[str, object]:
    """What makes the data: where they lie does not matter, what a split file says does."""
    described = dataset.model_dump(mode="json", exclude={"root", "mirror", "path"})
    described["split_file"] = None if dataset.split_file is None else _digest(dataset.split_file)
    if dataset.path is not None:
        described["files"] = digest_at(dataset.path)
    return described


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
