"""One trial of a sweep as a sweep of its own: its parameters become fixed settings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from acgkd.errors import ConfigError, FolderError
from sweeps.code import plugin_copies
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import differences
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial

_LONGEST_NAME = 88


@dataclass(frozen=True)
class Original:
    """A sweep whose trials are run again.

    Args:
        files: its folder, only read.
        spec: as `sweep.json` says it.
    """

    files: SweepFolder
    spec: SweepSpec

    @classmethod
    def open(cls, folder: Path) -> "Original":
        """Reads the folder of a sweep; it may be at work.

        Raises:
            FolderError: it is none, its spec is one that this version would read differently, or a file that it names
                has changed.
        """
        files = SweepFolder(folder)
        known = files.require_sweep()
        try:
            spec = SweepSpec.model_validate(known.spec)
        except ValidationError as error:
            raise FolderError(
                f"The spec in {files.sweep} is one of another version of acgkd: {error.errors()[0]['msg']} Use the "
                "version that ran the sweep."
            ) from error
        changed = differences(known.files, spec.files())
        if changed:
            name = changed[0].split(":")[0]
            raise FolderError(
                f"A trial is run again on the files that the sweep had, but `{name}` names another one. Put it back."
            )
        places = [Path(place) for place in known.code_folders]
        vars(spec)["code_folders"] = tuple(dict.fromkeys([*places, Path.cwd()]))  # where `run` found the user's code
        copies = plugin_copies.copies(files, known)
        if copies:  # what ran, whatever has become of the originals
            spec = spec.model_copy(update={"plugins": tuple(map(str, copies.values()))})
        return cls(files, spec)

    def trial(self, number: int) -> Trial:
        """One of its trials.

        Raises:
            FolderError: there is none of that number.
        """
        trials = {trial.number: trial for trial in self.files.trials()}
        if number not in trials:
            raise FolderError(
                f"{self.files.path} has {len(trials)} trials, numbered from 0, but not number {number}. "
                "`acgkd status` says how many there are."
            )
        return trials[number]

    def require_trust(self, trust_code: bool) -> None:
        """Refuses a sweep that runs the user's code, before anything is made.

        Raises:
            ConfigError: its spec names code, which is not trusted.
        """
        spec = self.spec
        if trust_code or not (spec.own_models or spec.plugins):
            return
        named = ", ".join(f"`{name}`" for name in (*spec.own_models, *spec.plugins))
        raise ConfigError(
            f"The spec of {self.files.shown} names Python code, {named}, which is never run by itself. Add "
            "`--trust-code` to allow it."
        )

    def alone(self, trial: Trial, seeds: Sequence[int], controls: Collection[str] = ()) -> SweepSpec:
        """The spec that runs one trial, and nothing else but controls.

        Args:
            trial: whose parameters become fixed settings.
            seeds: of its replicates.
            controls: labels of those that run beside it, with the settings that they had in the sweep.
        """
        spec = self.spec
        config = spec.run_config(trial.parameters)
        tree = spec.model_dump(mode="json", include={"dataset", "teacher", "prior", "objectives", "resources"})
        kept = spec.model_dump(mode="json", include={"device", "timeout_s", "artefacts", "failures", "plugins"})
        found = SweepSpec.model_validate(
            {
                **tree,
                **kept,
                "name": f"{spec.name[:_LONGEST_NAME]}-{self.files.trial_name(trial.number)}",
                "student": config.student.model_dump(mode="json"),
                "method": config.method.model_dump(mode="json"),
                "replicates": {"seeds": list(seeds), "vary": list(spec.replicates.vary)},
                "controls": [self._control(label) for label in controls],
            }
        )
        vars(found)["code_folders"] = spec.code_folders
        return found

    def _control(self, label: str) -> Mapping[str, object]:
        """A control with all settings spelled out, since it would take over what it leaves out from the trial."""
        control = self.spec.control(label)
        choice = control.choice(self.spec.method)
        said = {"name": control.name, "label": label, "synthesis": choice.synthesis, "transfer": choice.transfer}
        return said if control.prior is None else said | {"prior": control.prior.model_dump(mode="json")}
