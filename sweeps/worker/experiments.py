"""Where experiments come from: the one door between the engine and what it runs."""

import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acgkd import plugins
from acgkd.agreement.worth import MEASURED_ON_POOL
from acgkd.config import RunConfig, flatten
from acgkd.errors import ConfigError, OtherCodeError
from sweeps.spec.raw import UNTRUSTED_PLUGINS
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.protocols import Experiment, Experiments, Measurement, Run, Team
from sweeps.worker.validation_curves import JudgedExperiment

if TYPE_CHECKING:
    from acgkd.run.distillation import Distillation

_TRAVELLED = "plugins that travel"

__all__ = ["AcgkdExperiments", "Experiment", "Experiments", "Measurement", "Run", "Team", "user_files"]


def user_files(experiments: Experiments, spec: SweepSpec) -> Mapping[str, str]:
    """The user's files that a run was made with; none where what the spec names cannot be imported."""
    try:
        return experiments.user_files(spec)
    except ConfigError:  # that is the failure that the record is about
        return {}


def _named(spec: SweepSpec) -> set[str]:
    """What a spec names of the catalogues, as far as plug-ins may have it."""
    found = {spec.method.name, *(control.name for control in spec.controls), *spec.trackers}
    found |= {preset.split("-")[0] for preset in (spec.teacher.preset, spec.student.preset)}
    found |= {spec.space} if isinstance(spec.space, str) else set()
    found |= set() if spec.dataset is None else {spec.dataset.name}
    survey = spec.inspection.survey(spec.space)
    for asked in () if survey is None else survey.parameters.values():
        found.update(end for end in asked.ends if isinstance(end, str))
    return found


class AcgkdExperiments:
    """The real one. Torch is imported when it is first asked for something.

    Args:
        trust_code: whether a spec may name Python functions of the user's.
        share_synthesis: whether trials may take over each other's pseudo-samples.
        agreement: whether every run measures `agreement`, for which each teacher needs a reference pool.
        folders: where such functions are looked for, in this order; the current one if left out.
        validation_curves: whether runs look at the validation split on their way.
    """

    def __init__(
        self,
        trust_code: bool = False,
        share_synthesis: bool = False,
        agreement: bool = True,
        folders: Sequence[Path] = (),
        validation_curves: bool = False,
    ) -> None:
        self.trust_code = trust_code
        # Workers stand in the sweep folder, but the user's code lies beside the spec or where the driver was started.
        self.code_folders = (tuple(folders) or (Path.cwd(),)) if trust_code else ()
        self.share_synthesis = share_synthesis
        self.agreement = agreement
        self.validation_curves = validation_curves
        self._files: dict[str, str] = {}

    def __getstate__(self) -> dict[str, object]:
        """Plug-ins that are in use travel along: the process that takes this in uses them too."""
        return {**vars(self), _TRAVELLED: plugins.travelling()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        plugins.arrive(state.pop(_TRAVELLED))
        vars(self).update(state)

    @classmethod
    def of(cls, spec: SweepSpec, trust_code: bool = False) -> "AcgkdExperiments":
        """The experiments of a sweep.

        Pseudo-samples are worth keeping where no trial makes its own kind; agreement is measured where it is asked for.
        Plug-ins that the spec names are in use from here on.

        Raises:
            ConfigError: it names plug-ins that are not trusted, or cannot be used.
        """
        if spec.plugins and not trust_code:
            raise ConfigError(UNTRUSTED_PLUGINS)
        plugins.activate(spec.plugins)
        found = spec.inspection.survey(spec.space)
        searched = () if found is None else found.parameters
        shared = not any(name.startswith("method/synthesis/") for name in searched)
        asked = any(objective.name in MEASURED_ON_POOL for objective in spec.objectives)
        kept = spec.artefacts
        return cls(trust_code, shared, asked or kept.agreement, spec.code_folders, kept.validation_curves)

    def warm_up(self) -> None:
        """Imports torch and what is built on it."""
        import acgkd.run.experiment  # noqa: F401

    def experiment(self, config: RunConfig, seed: int, home: Path) -> Experiment:
        """One run of a config; cheap."""
        import torch

        from acgkd.run.experiment import Experiment

        # An attempt that a timer or a signal broke off, at the very end of a block without gradients, leaves them off.
        torch.set_grad_enabled(True)
        made = Experiment(
            config,
            seed,
            home=home,
            trust_code=self.trust_code,
            code_folders=self.code_folders,
            share_synthesis=self.share_synthesis,
            agreement=self.agreement,
        )
        return JudgedExperiment(made) if self.validation_curves else made

    def why_alone(self, run: "Distillation") -> str:
        """Why a run cannot be taught together with others of its settings; nothing where it can."""
        from acgkd.run.together import why_alone

        return why_alone(run)

    def together(self, runs: "Sequence[Distillation]") -> Team:
        """Runs of one trial, of which each may be."""
        from acgkd.run.together import Together

        return Together(runs)

    def settings(self, config: RunConfig) -> dict[str, object]:
        """Every setting of a config by slash path, the method's defaults included."""
        from acgkd.methods import parse_method

        _, method = parse_method(config.method)
        tree = config.model_dump(mode="json")
        tree["method"] = {"name": config.method.name, **method.model_dump(mode="json")}
        return flatten(tree)

    def user_files(self, spec: SweepSpec, *, also: Iterable[str] = (), fresh: bool = False) -> Mapping[str, str]:
        """Digests of the user's files that are loaded for what a spec names, by path below the spec's folder.

        Raises:
            ConfigError: what the spec names cannot be imported.
        """
        found = plugins.digests(_named(spec))
        if self.trust_code and spec.own_models:
            from acgkd.teachers.user_code import loaded_files

            others = [name for name in also if not plugins.is_plugin(name)]
            found |= loaded_files(spec.own_models, self.code_folders, also=others, fresh=fresh)
        if fresh:
            self._files = found
        return found

    def require_user_files(self) -> None:
        """Makes sure that this process sees the files that the start saw, with what was in them then.

        Raises:
            OtherCodeError: it does not; the first such file is named.
        """
        if not self._files:
            return
        from acgkd.teachers.user_code import file_digest

        installed = plugins.digests(None)
        for name, then in self._files.items():
            now = installed.get(name) if plugins.is_plugin(name) else file_digest(name, self.code_folders)
            if now != then:
                theirs = f"no {name}" if now is None else f"{name} with the digest {now}"
                raise OtherCodeError(socket.gethostname(), theirs, f"{name} with the digest {then}")

    def use_threads(self, count: int) -> None:
        """Lets torch use so many threads, and keep the memory that it frees."""
        import torch

        from acgkd.runtime import keep_freed_memory

        torch.set_num_threads(count)
        keep_freed_memory()

    @contextmanager
    def as_worker(self, threads: int) -> Iterator[None]:
        """Uses threads and memory as a worker does, and puts back what was."""
        import torch

        from acgkd.runtime import keep_freed_memory

        before = torch.get_num_threads()
        self.use_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
            keep_freed_memory(False)

    def calibrate(self) -> float | None:
        """The best of three timings of a fixed product of matrices on the CPU."""
        import torch

        matrix = torch.linspace(-1, 1, 256 * 256, device="cpu").reshape(256, 256)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            torch.mm(matrix, matrix)
            times.append(time.perf_counter() - start)
        return min(times)
