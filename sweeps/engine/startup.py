"""Taking a sweep folder up: is it one, is it free, does the spec still match, and is anything left to do."""

import json
import os
import platform
from collections.abc import Callable, Collection
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from analysis.records.file_names import as_text
from analysis.records.sweep_file import Objective, SweepFile
from sweeps.code import plugin_copies
from sweeps.engine.limits import limits, spent
from sweeps.engine.resuming.spec_changes import extended_further, taken
from sweeps.engine.teachers_and_controls import missing_controls, missing_extensions
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.atomic import write
from sweeps.store.budgets import passed
from sweeps.store.folder import SweepFolder
from sweeps.store.point_queue import PointQueue
from sweeps.store.trial import Trial, now
from sweeps.store.writable import require_own

SameCode = Callable[[tuple[str, ...]], tuple[str, ...]]
PACKAGES = ("acgkd", "torch", "torch_geometric", "ray", "optuna", "pydantic", "numpy")
_version = cache(version)  # each is read from a file, and a process may start a thousand sweeps
# What a folder may hold before its `sweep.json` is there: a start was killed in its first instants.
EARLY = frozenset(
    {"spec.yaml", "driver.lock", "epoch", "trials", "records", "curves", "students", "starts", "cache", "work", "logs"}
    | {"code"}  # copies of plug-ins
    | {"launch", "leases"}  # what batch scripts and job servers keep there before the driver starts; its own lease
)


def reserve(path: Path) -> SweepFolder:
    """The folder, made if need be.

    Raises:
        FolderError: there is something else at that place, or it cannot be written.
    """
    folder = SweepFolder(Path(os.path.realpath(path)))
    names = folder.top_names() if os.path.isdir(path) else ()
    require_own(folder.path, "sweep", folder.sweep.name, EARLY, names)
    return folder


def match(
    folder: SweepFolder,
    spec: SweepSpec,
    *,
    command: str,
    spec_text: str,
    same_code: SameCode = lambda known: known,
) -> None:
    """Makes sure that the folder is of this sweep, and notes the command; a fresh folder becomes one.

    Args:
        folder: of the sweep.
        spec: the sweep.
        command: that started it.
        spec_text: the spec as the user wrote it.
        same_code: given the changes that earlier starts accepted, refuses others or returns all that are accepted now.

    Raises:
        FolderError: it is of another sweep, or changes of the spec cannot be taken; the message lists them. Or a newer
            version wrote it.
        SweepError: its `sweep.json` is damaged.
        ConfigError: a file that the spec names cannot be read.
    """
    known = folder.read_sweep()
    if known is not None and known.fingerprint != spec.fingerprint():
        known = taken(known, spec, folder)
    if known is not None:
        known = extended_further(known, spec, folder)
    accepted = same_code(known.accepted if known is not None else ())
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
        files=spec.files(),
        spec=spec.model_dump(mode="json"),
        changes=() if known is None else known.changes,
        extensions=() if known is None else known.extensions,
        accepted=accepted,
        code_folders=tuple(as_text(str(folder)) for folder in spec.code_folders) if spec.own_models else (),
        plugins=plugin_copies.keep(folder),
    )
    if spec_text or not folder.spec.exists():
        write(folder.spec, spec_text or json.dumps(content.spec, indent=2) + "\n")
    if content != known:
        folder.write_sweep(content)


def versions() -> dict[str, str]:
    """Versions of what a sweep runs on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = _version(name)
        except PackageNotFoundError:
            continue
    return found


def complete(spec: SweepSpec, folder: SweepFolder, trials: Collection[Trial]) -> bool:
    """Whether nothing may be done any more: all has ended and the budget is met, or its deadline has come.

    Controls, seeds that were added and enqueued points are part of all.
    """
    if passed(limits(spec)):
        return True
    if not all(trial.final for trial in trials) or missing_controls(spec, folder) or missing_extensions(folder):
        return False
    if PointQueue(folder).waiting({trial.enqueued for trial in trials}):
        return False
    return bool(spent(spec, trials, folder.seconds_used()))
