"""One run config with one seed: what it takes to prepare, to distil and to judge it."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from acgkd import cache
from acgkd.config import RunConfig, fingerprint
from acgkd.datasets import DATASETS
from acgkd.errors import CheckpointError, ConfigError
from acgkd.method import AnyMethod, Items, MethodContext
from acgkd.methods import modality_of, parse_method
from acgkd.modality import Arrays, modality
from acgkd.priors import ModalityName, Prior
from acgkd.run.distillation import Distillation
from acgkd.run.evaluator import Evaluator, Measurement
from acgkd.run.preparation import Preparation
from acgkd.run.pseudo_samples import pseudo_samples
from acgkd.run.run_data import RunData
from acgkd.run.splits import Split
from acgkd.runtime import Streams, derive_seed
from acgkd.teachers.teacher import as_teacher
from acgkd.teachers.user_lines import pointing_to_own_lines
from acgkd.transfer.own_student import as_student
from acgkd.transfer.teaching import pooling_like, untrained
from acgkd.transfer.teaching_draws import start_of_student

__all__ = ["Experiment", "Measurement"]

# By modality; counted up when the code of synthesis changes what it makes: old files are then left alone.
SYNTHESIS_VERSIONS = {"graphs": 2, "images": 4}
RESTARTS_VERSION = 2


class Experiment:
    """Making one is cheap and loads nothing.

    Args:
        config: the run.
        seed: varies what `config.vary` names; what it does not name stays at seed 0.
        home: folder for teachers, reference pools and pseudo-samples, each named by what made it.
        trust_code: whether `teacher.preset` may name a Python function of the user's, as ``module:function``.
        code_folders: where that is looked for, in this order; the current folder if left out.
        share_synthesis: keep pseudo-samples in `home` for other runs with the same synthesis.
        agreement: measure `agreement` at the end, for which a reference pool is made. Without it a pool is made only
            where there are no data, or where `evaluate` is asked for it.
    """

    def __init__(
        self,
        config: RunConfig,
        seed: int,
        *,
        home: Path,
        trust_code: bool = False,
        code_folders: Sequence[Path] = (),
        share_synthesis: bool = False,
        agreement: bool = True,
    ) -> None:
        self.config = config
        self.seed = seed
        self.home = home
        self.trust_code = trust_code
        self.share_synthesis = share_synthesis
        self.method, self.method_config = parse_method(config.method)
        split_seed, teacher_seed, self.draws_seed = (
            seed if part in config.vary else 0 for part in ("split", "teacher", "draws")
        )
        self.run_data = RunData(config, split_seed, modality(_modality_of(config, self.method)))
        self.preparation = Preparation(
            self.run_data,
            teacher_seed=teacher_seed,
            pool_seed=seed,
            home=home,
            trust_code=trust_code,
            agreement=agreement,
            code_folders=code_folders,
        )
        self.judgement = Evaluator(self.run_data, self.preparation)

    @property
    def split(self) -> Split:
        """Train, validation and test indices."""
        return self.run_data.split

    @property
    def prior(self) -> Prior:
        """What methods know of the data."""
        return self.run_data.prior

    @property
    def teacher(self) -> nn.Module:
        """The trained teacher, frozen, in evaluation mode; trained now if `prepare` did not."""
        return self.preparation.teacher

    def preparation_key(self) -> str:
        """Equal for experiments that share teacher and reference pool, as far as they need one."""
        return self.preparation.key()

    @property
    def prepared(self) -> bool:
        """Whether teacher and reference pool are there, the pool where it is needed."""
        return self.preparation.prepared

    def prepare(self) -> None:
        """Trains the teacher and makes the reference pool, each exactly once however many ask at the same time.

        What is there is read; what turns out to be damaged is made again.
        """
        self.preparation.prepare()

    def start(self) -> Distillation:
        """A fresh distillation, which begins with another run's pseudo-samples where those are kept and fit.

        Where those are damaged they are removed, and this run makes them again.
        """
        kept = self._synthesis_file
        run = self._begin(kept)
        if kept is None or not kept.exists():
            return run
        seen = cache.version(kept)
        try:
            run.load_synthesis(kept)
        except CheckpointError as error:
            cache.discard(kept, seen, error)
            return self._begin(kept)
        cache.mark_used(kept)
        return run

    def _begin(self, keep_synthesis: Path | None) -> Distillation:
        streams = Streams(derive_seed("draws", self.draws_seed), self.run_data.device)
        with start_of_student(self.method_config.transfer, streams):
            student = self.blank_student(streams, self.preparation.teacher)
        real: Items = ()
        if self.method.needs_data:
            if self.run_data.data is None:
                raise ConfigError(f"`{self.config.method.name}` learns from real data, but this run has none.")
            real = self.run_data.data.take(self.run_data.split.train)
        context = MethodContext(
            self.preparation.teacher, student, self.run_data.prior, streams, self.run_data.device, real
        )
        return Distillation(self.method, self.method_config, context, keep_synthesis=keep_synthesis)

    def blank_student(self, streams: Streams, teacher: nn.Module) -> nn.Module:
        """The student before it is taught: freshly initialised, on the device, pooling as the teacher does.

        Args:
            streams: its parameters come from ``student``.
            teacher: frozen.

        Raises:
            ConfigError: nothing of the name can be called, or code is not trusted.
            TeacherError: code of the user's builds no module, or one that cannot be a student.
        """
        preset = self.config.student.preset
        with streams.fork("student"):
            made = self.preparation.blank(preset, pooling_like(teacher, self.run_data.pooling))
        if ":" not in preset:
            return made
        with pointing_to_own_lines():
            return as_student(made, self.run_data.modality, self.run_data.prior, self.run_data.device, f"`{preset}`")

    def untaught_student(self) -> nn.Module:
        """The student as a run deploys it, with weights of no use: nothing is trained or read, only built."""
        device = self.run_data.device
        teacher = as_teacher(self.preparation.blank_teacher(Streams(0, device)), device)
        return untrained(self.method_config, teacher, self.blank_student(Streams(0, device), teacher), device)

    @property
    def _synthesis_file(self) -> Path | None:
        if not self.share_synthesis or self.method.needs_student(self.method_config) or self.method.needs_data:
            return None
        synthesis = self.method_config.synthesis.model_dump(mode="json")
        teacher = [self.preparation.teacher_key(), self.run_data.pooling, self.run_data.prior.facts()]
        # Random streams resume where they stopped only on a device of the same kind.
        key = [
            SYNTHESIS_VERSIONS[self.run_data.modality.name],
            self.config.method.name,
            synthesis,
            *teacher,
            self.draws_seed,
            self.run_data.device.type,
            # Which draws are stuck, and what a further draw is, is code as well.
            *([RESTARTS_VERSION] if synthesis.get("restarts") else []),
        ]
        return self.home / "synthesis" / f"{fingerprint(key)}.pt"

    def evaluate(self, run: Distillation, objectives: Sequence[str]) -> dict[str, float]:
        """The named objectives as they stand now, and nothing more.

        Raises:
            ConfigError: an objective needs data that this run does not have, or has another name.
        """
        return self.judgement.evaluate(run, objectives)

    def pseudo_samples(self, run: Distillation, per_class: int) -> Arrays:
        """Pseudo-samples of each class to look at, as `acgkd.run.pseudo_samples` describes them; changes nothing."""
        return pseudo_samples(run, self.run_data.modality, per_class)

    def teacher_measurement(self) -> Measurement:
        """The teacher's own row."""
        return self.judgement.teacher_measurement()

    def measure(self, run: Distillation) -> Measurement:
        """Everything, once, at the end; looks at the test split."""
        return self.judgement.measure(run)


def _modality_of(config: RunConfig, method: AnyMethod) -> ModalityName:
    """That of the method, of the data that it is handed, or of the student's model."""
    own_student = ":" in config.student.preset
    if method.modality is None and own_student and config.dataset is not None:
        return DATASETS[config.dataset.name].modality
    return modality_of(method, config.student.preset)
