"""One run config with one seed: what it takes to prepare, to distil and to judge it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import nn

from acgkd.config import RunConfig, fingerprint
from acgkd.datasets._split import Split
from acgkd.distillation import Distillation
from acgkd.errors import ConfigError
from acgkd.judge import Judge, Measurement
from acgkd.material import Material
from acgkd.methods import Setting, modality_of, parse_method
from acgkd.modalities import modality
from acgkd.models import build_model
from acgkd.preparation import Preparation
from acgkd.runtime import Streams, derive_seed
from acgkd.specimens import specimens

__all__ = ["Experiment", "Measurement"]

# By modality; counted up when the code of synthesis changes what it makes: old files are then left alone.
SYNTHESIS_VERSIONS = {"graphs": 2, "images": 4}


class Experiment:
    """Making one is cheap and loads nothing.

    Args:
        config: the run.
        seed: varies what `config.vary` names; what it does not name stays at seed 0.
        home: folder for teachers, reference pools and pseudo-samples, each named by what made it.
        trust_code: whether `teacher.preset` may name a Python function of the user's, as ``module:function``.
        code_folder: where that is looked for; None takes the current folder.
        share_synthesis: keep pseudo-samples in `home` for other runs with the same synthesis.
    """

    def __init__(
        self,
        config: RunConfig,
        seed: int,
        *,
        home: Path,
        trust_code: bool = False,
        code_folder: Path | None = None,
        share_synthesis: bool = False,
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
        self.material = Material(config, split_seed, modality(modality_of(self.method, config.student.preset)))
        self.preparation = Preparation(
            self.material,
            teacher_seed=teacher_seed,
            pool_seed=seed,
            home=home,
            trust_code=trust_code,
            code_folder=code_folder,
        )
        self.judgement = Judge(self.material, self.preparation)

    @property
    def split(self) -> Split:
        """Train, validation and test indices."""
        return self.material.split

    @property
    def prior(self) -> Any:
        """What methods are told of the data."""
        return self.material.prior

    @property
    def teacher(self) -> nn.Module:
        """The trained teacher, frozen, in evaluation mode; `prepare` must have made it."""
        return self.preparation.teacher

    def preparation_key(self) -> str:
        """Equal for experiments that share teacher and reference pool."""
        return self.preparation.key()

    @property
    def prepared(self) -> bool:
        """Whether teacher and reference pool are there."""
        return self.preparation.prepared

    def prepare(self) -> None:
        """Trains the teacher and makes the reference pool, each exactly once however many ask at the same time."""
        self.preparation.prepare()

    def start(self) -> Distillation:
        """A fresh distillation, which begins with another run's pseudo-samples where those are kept and fit."""
        streams = Streams(derive_seed("draws", self.draws_seed), self.material.device)
        with streams.fork("student"):
            student = build_model(
                self.config.student.preset,
                self.material.in_features,
                self.material.prior.classes,
                pooling=self.material.pooling,
                device=self.material.device,
            )
        real: Sequence[Any] = ()
        if self.method.needs_data:
            if self.material.data is None:
                raise ConfigError(f"`{self.config.method.name}` learns from real data, but this run has none.")
            real = self.material.data.take(self.material.split.train)
        setting = Setting(self.preparation.teacher, student, self.material.prior, streams, self.material.device, real)
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
        teacher = [self.preparation.teacher_key(), self.material.pooling, self.material.prior.facts()]
        # Random streams go on where they stopped only on a device of the same kind.
        key = [
            SYNTHESIS_VERSIONS[self.material.modality.name],
            self.config.method.name,
            synthesis,
            *teacher,
            self.draws_seed,
            self.material.device.type,
        ]
        return self.home / "synthesis" / f"{fingerprint(key)}.pt"

    def judge(self, run: Distillation, objectives: Sequence[str]) -> dict[str, float]:
        """The named objectives as they stand now, and nothing more.

        Raises:
            ConfigError: an objective needs data that this run does not have, or has another name.
        """
        return self.judgement.judge(run, objectives)

    def specimens(self, run: Distillation, per_class: int) -> dict[str, NDArray[Any]]:
        """Pseudo-samples of each class to look at, as `acgkd.specimens` describes them; changes nothing."""
        return specimens(run, self.material.modality, per_class)

    def teacher_measurement(self) -> Measurement:
        """The teacher's own row."""
        return self.judgement.teacher_measurement()

    def measure(self, run: Distillation) -> Measurement:
        """Everything, once, at the end; looks at the test split."""
        return self.judgement.measure(run)
