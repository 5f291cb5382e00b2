"""Where experiments come from: the one door between the engine and what it runs."""

import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from acgkd.config import RunConfig, flatten
from acgkd.errors import ConfigError, OtherCodeError
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.protocols import Experiment, Experiments, Measurement, Run

__all__ = ["AcgkdExperiments", "Experiment", "Experiments", "Measurement", "Run", "user_files"]


def user_files(experiments: Experiments, spec: SweepSpec) -> Mapping[str, str]:
    """The user's files that a run was made with; none where what the spec names cannot be imported."""
    try:
        return experiments.user_files(spec)
    except ConfigError:  # that is the failure that the record is about
        return {}


class AcgkdExperiments:
    """The real one. Torch is imported when it is first asked for something.

    Args:
        trust_code: whether a spec may name Python functions of the user's.
        share_synthesis: whether trials may take over each other's pseudo-samples.
        agreement: whether every run measures `agreement`, for which each teacher needs a reference pool.
        folder: where such functions are looked for first: that of the spec. Then comes the current one.
    """

    def __init__(
        self,
        trust_code: bool = False,
        share_synthesis: bool = False,
        agreement: bool = True,
        folder: Path | None = None,
    ) -> None:
        self.trust_code = trust_code
        # Workers stand in the sweep folder, but the user's code lies beside the spec or where the driver was started.
        self.code_folders = tuple(dict.fromkeys([folder or Path.cwd(), Path.cwd()])) if trust_code else ()
        self.share_synthesis = share_synthesis
        self.agreement = agreement
        self._files: dict[str, str] = {}

    @classmethod
    def of(cls, spec: SweepSpec, trust_code: bool = False) -> "AcgkdExperiments":
        """The experiments of a sweep.

        Pseudo-samples are worth keeping where no trial makes its own kind; agreement is measured where it is asked for.
        """
        found = spec.inspection.survey(spec.space)
        searched = () if found is None else found.parameters
        shared = not any(name.startswith("method/synthesis/") for name in searched)
        asked = any(objective.name == "agreement" for objective in spec.objectives)
        return cls(trust_code, shared, asked or spec.artefacts.agreement, spec.folder)

    def warm_up(self) -> None:
        """Imports torch and what is built on it."""
        import acgkd.run.experiment  # noqa: F401

    def experiment(self, config: RunConfig, seed: int, home: Path) -> Experiment:
        """One run of a config; cheap."""
        from acgkd.run.experiment import Experiment

        return Experiment(
            config,
            seed,
            home=home,
            trust_code=self.trust_code,
            code_folders=self.code_folders,
            share_synthesis=self.share_synthesis,
            agreement=self.agreement,
        )

    def settings(self, config: RunConfig) -> dict[str, Any]:
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
        if not self.trust_code or ":" not in spec.teacher.preset:
            return {}
        from acgkd.teachers.user_code import loaded_files

        found = loaded_files(spec.teacher.preset, self.code_folders, also=also, fresh=fresh)
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

        for name, then in self._files.items():
            now = file_digest(name, self.code_folders)
            if now != then:
                theirs = f"no {name}" if now is None else f"{name} with the digest {now}"
                raise OtherCodeError(socket.gethostname(), theirs, f"{name} with the digest {then}")

    def use_threads(self, count: int) -> None:
        """Lets torch use so many threads, and keep the memory that it frees."""
        import torch

        from acgkd.runtime import keep_freed_memory

        torch.set_num_threads(count)
        keep_freed_memory()

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
