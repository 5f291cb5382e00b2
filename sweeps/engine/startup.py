"""Taking a sweep folder up: is it one, is it free, does the spec still match, and is anything left to do."""

import json
import platform
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from acgkd.errors import FolderError
from analysis.records.file_names import as_text
from analysis.records.sweep_file import Budget, Objective, SweepFile
from sweeps.engine.teachers_and_controls import missing_controls
from sweeps.spec.sweep_spec import SweepSpec, differences
from sweeps.store.atomic import write
from sweeps.store.budgets import idle_trials, met, passed
from sweeps.store.folder import SweepFolder
from sweeps.store.point_queue import PointQueue
from sweeps.store.trial import Trial, now
from sweeps.store.writable import require_writable

PACKAGES = ("acgkd", "torch", "torch_geometric", "ray", "optuna", "pydantic", "numpy")
# What a folder may hold before its `sweep.json` is there: a start was killed in its first instants.
EARLY = frozenset(
    {"spec.yaml", "driver.lock", "epoch", "trials", "records", "curves", "students", "starts", "cache", "work", "logs"}
)


def reserve(path: Path) -> SweepFolder:
    """The folder, made if need be.

    Raises:
        FolderError: there is something else at that place, or it cannot be written.
    """
    folder = SweepFolder(path.resolve())
    if path.exists() and not path.is_dir():
        raise FolderError(f"A sweep needs a folder, but {path} is a file. Choose another one with `--out`.")
    if path.is_dir() and not folder.sweep.exists():
        foreign = [item.name for item in path.iterdir() if item.name not in EARLY and not item.name.startswith(".")]
        if foreign:
            raise FolderError(
                f"A sweep needs a folder of its own, but {path} holds other things ({', '.join(sorted(foreign)[:3])}) "
                "and no `sweep.json`. Choose another one with `--out`."
            )
    require_writable(folder.path)
    return folder


def match(folder: SweepFolder, spec: SweepSpec, *, command: str, spec_text: str) -> None:
    """Makes sure that the folder is of this sweep, and notes the command; a fresh folder becomes one.

    Raises:
        FolderError: it is of another sweep; the message lists the differences. Or a newer version wrote it.
        SweepError: its `sweep.json` is damaged.
        ConfigError: a file that the spec names cannot be read.
    """
    known, files = folder.read_sweep(), spec.files()
    if known is not None and known.fingerprint != spec.fingerprint():
        raise FolderError(
            f"{folder.path} belongs to a sweep with other settings; only `budget`, `resources` and "
            "`artefacts` may change:\n"
            + "\n".join(f"  {line}" for line in _difference(known, spec, files))
            + "\nPut the settings back, or choose another folder with `--out`."
        )
    folder.make()
    content = SweepFile(
        name=spec.name,
        fingerprint=spec.fingerprint(),
        created_at=known.created_at if known is not None else now(),
        command=as_text(command) or (known.command if known is not None else ""),
        objectives=tuple(
            Objective(name=objective.name, direction=objective.direction, uses_real_data=objective.uses_real_data)
            for objective in spec.objectives
        ),
        versions=versions(),
        files=files,
        spec=spec.model_dump(mode="json"),
    )
    if spec_text or not folder.spec.exists():
        write(folder.spec, spec_text or json.dumps(content.spec, indent=2) + "\n")
    if content != known:
        folder.write_sweep(content)


def _difference(known: SweepFile, spec: SweepSpec, files: Mapping[str, str]) -> list[str]:
    try:
        settings = SweepSpec.model_validate(known.spec).difference(spec)
    except ValidationError:
        return ["(the folder was made by a version with other settings)"]
    changed = [*settings, *differences(known.files, files)]
    return changed or ["(a setting that this version reads differently)"]


def versions() -> dict[str, str]:
    """Versions of what a sweep runs on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def complete(spec: SweepSpec, folder: SweepFolder, trials: Collection[Trial]) -> bool:
    """Whether nothing may be done any more: all has ended and the budget is met, or its deadline has come."""
    if passed(limits(spec)):
        return True
    if not all(trial.final for trial in trials) or missing_controls(spec, folder):
        return False
    if PointQueue(folder).waiting({trial.enqueued for trial in trials}):
        return False
    return bool(spent(spec, trials, folder.seconds_used()))


def spent(
    spec: SweepSpec, trials: Collection[Trial], seconds: float, known_idle: Callable[[], int] | None = None
) -> str:
    """Which limit of the budget is met, so that no new trial is suggested; empty where none is.

    Args:
        spec: the sweep.
        trials: all so far.
        seconds: that all starts together took.
        known_idle: how many trials ended without an improvement; counted if left out.
    """
    return met(limits(spec), len(trials), seconds, known_idle or (lambda: idle(spec, trials)))


def idle(spec: SweepSpec, trials: Collection[Trial]) -> int:
    """How many trials ended without an improvement since the last that brought one."""
    return idle_trials(trials, [1 if objective.direction == "maximize" else -1 for objective in spec.objectives])


def limits(spec: SweepSpec) -> Budget:
    """The budget of a sweep; without a space there is one trial."""
    return Budget(**{**spec.budget.model_dump(), "trials": spec.trials})
