"""What a user asks of a sweep from outside: a point to be tried next. By files in the sweep folder alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from acgkd.errors import FolderError, SpecError
from sweeps.spec.checks.point_check import check_point
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import plain, same
from sweeps.store.folder import SweepFolder
from sweeps.store.point_queue import PointQueue


@dataclass(frozen=True)
class Enqueued:
    """A point that waits to become a trial.

    Args:
        file: its name in the folder's `queue/`.
        parameters: its values as the space writes them, by slash path.
        like: numbers of trials that have these values already.
    """

    file: str
    parameters: dict[str, Any]
    like: list[int]


def enqueue(folder: SweepFolder, parameters: Mapping[str, Any]) -> Enqueued:
    """Puts a point into the queue of a sweep: it becomes the next new trial, also while a driver works on the folder.

    Args:
        folder: of the sweep.
        parameters: values by slash path; the sampler suggests the rest.

    Raises:
        SpecError: it is no point of the sweep's space; the error holds all faults.
        FolderError: there is no sweep, or an earlier version made it.
        StorageError: the disk or the quota is full.
    """
    spec = spec_of(folder)
    given, faults = plain(parameters)
    if not faults:
        values, faults = check_point(spec, given)
    if faults:
        raise SpecError("the point", faults)
    like = [
        trial.number
        for trial in folder.trials()
        if all(name in trial.parameters and same(trial.parameters[name], value) for name, value in values.items())
    ]
    return Enqueued(PointQueue(folder).add(values), values, sorted(like))


def spec_of(folder: SweepFolder) -> SweepSpec:
    """The spec of a sweep, as its folder holds it.

    Raises:
        FolderError: there is no sweep, or an earlier version made it, with settings that this one does not know.
    """
    try:
        return SweepSpec.model_validate(folder.require_sweep().spec)
    except ValidationError as error:
        raise FolderError(
            f"{folder.path} must be of a spec that this version reads, but it is not: {error.errors()[0]['msg']}. "
            "`acgkd check` of its `spec.yaml` says more."
        ) from error
