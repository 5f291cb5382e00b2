"""What the engine asks of what it runs; `sweeps.worker.experiments` has the real one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from acgkd.agreement.health_facts import QualityValue
from acgkd.config import RunConfig
from analysis.records.parts.run_cost import CostValue
from sweeps.spec.sweep_spec import SweepSpec

if TYPE_CHECKING:
    from analysis.records.pseudo_samples import Array


class Measurement(Protocol):
    """What a run is worth and what it took; keys are the fields of the record's parts."""

    @property
    def quality(self) -> Mapping[str, QualityValue]:
        """Fields of `analysis.records.parts.quality.Quality`."""

    @property
    def cost(self) -> Mapping[str, CostValue]:
        """Fields of `analysis.records.parts.run_cost.Cost`."""

    @property
    def prior(self) -> Mapping[str, object]:
        """What the method knows of the data: the prior."""

    @property
    def environment(self) -> Mapping[str, object]:
        """Fields of `analysis.records.parts.environment.Environment`."""

    @property
    def absent(self) -> Sequence[str]:
        """Terms of losses that did nothing, a sentence each."""

    @property
    def objectives(self) -> Mapping[str, float | None]:
        """Every objective that can be measured, by name."""


class Run(Protocol):
    """A distillation under way: `acgkd.run.distillation.Distillation`."""

    curves: dict[str, dict[str, list[float]]]

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each stage so far."""

    @property
    def progress(self) -> float:
        """Share done, 0 to 1."""

    @property
    def done(self) -> bool:
        """Whether nothing is left."""

    def measure_cost(self) -> Mapping[str, CostValue]:
        """What it took so far, by field of `analysis.records.parts.run_cost.Cost`."""

    def judged_fractions_to_progress(self, fraction: float) -> float:
        """Where in `progress` a share of the stage lies in which the student learns; below 0 in the stage before."""

    def statistics_at(self, share: float) -> float | None:
        """How far pseudo-samples were from what the teacher remembers, by a share of synthesis; None where unknown."""

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        """Continues up to a progress, or for a time."""

    def save(self, path: Path) -> None:
        """Writes all that is needed to resume."""

    def load(self, path: Path) -> None:
        """Resumes from a file."""

    def export(self, path: Path) -> None:
        """Writes the student."""


class Team(Protocol):
    """Several `Run` of one trial at work together: `acgkd.run.together.Together`."""

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        """Continues all of them up to a progress, or for a time."""


class Experiment(Protocol):
    """One run config with one seed: `acgkd.run.experiment.Experiment`."""

    @property
    def prepared(self) -> bool:
        """Whether teacher and reference pool are there, the pool where it is needed."""

    def prepare(self) -> None:
        """Makes what is missing, exactly once, and makes again what turns out to be damaged."""

    def preparation_key(self) -> str:
        """Equal where they are shared."""

    def teacher_measurement(self) -> Measurement:
        """The teacher's own row."""

    def start(self) -> Any:
        """A fresh `Run`."""

    def evaluate(self, run: Any, objectives: Sequence[str]) -> dict[str, float]:
        """Objectives as they stand now."""

    def measure(self, run: Any) -> Measurement:
        """Everything, once, at the end."""

    def pseudo_samples(self, run: Any, per_class: int) -> "Mapping[str, Array]":
        """Pseudo-samples of each class to look at, as arrays by name; changes nothing."""


class Experiments(Protocol):
    """Makes experiments. It is sent to workers, so it holds plain values only."""

    def warm_up(self) -> None:
        """Imports what takes long, while there is something else to wait for."""

    def experiment(self, config: RunConfig, seed: int, home: Path) -> Experiment:
        """One run of a config; cheap."""

    def why_alone(self, run: Any) -> str:
        """Why a run cannot be taught together with others of its settings; nothing where it can."""

    def together(self, runs: Sequence[Any]) -> Team:
        """Runs of one trial, of which each may be."""

    def settings(self, config: RunConfig) -> dict[str, object]:
        """Every setting of a config by slash path, the method's defaults included."""

    def user_files(self, spec: SweepSpec, *, also: Iterable[str] = (), fresh: bool = False) -> Mapping[str, str]:
        """Digests of the user's files that are loaded for what a spec names, by name.

        Args:
            spec: the sweep.
            also: further files to look at, by name; those that are there are added.
            fresh: whether a start asks: files that were edited since this process loaded them are loaded again.
        """

    def require_user_files(self) -> None:
        """Makes sure that this process sees the files that the start saw.

        Raises:
            OtherCodeError: it does not.
        """

    def use_threads(self, count: int) -> None:
        """Lets one experiment use so many threads."""

    def calibrate(self) -> float | None:
        """Seconds of a fixed piece of work, to compare machines by; None where that means nothing."""
