"""What a user asks of a sweep from outside, by files in its folder alone: a point to be tried next, and an end."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from acgkd.errors import FolderError, SpecError, SweepError
from analysis.records.sweep_file import SweepFile
from sweeps.code import plugin_copies
from sweeps.spec.checks.point_check import check_point
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import plain, same
from sweeps.store.folder import SweepFolder
from sweeps.store.point_queue import PointQueue
from sweeps.store.stop_request import StopRequest

LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Enqueued:
    """A point that waits to become a trial.

    Args:
        file: its name in the folder's `queue/`.
        parameters: its values as the space writes them, by slash path.
        like: numbers of trials that have these values already.
    """

    file: str
    parameters: dict[str, object]
    like: list[int]


def enqueue(
    folder: SweepFolder, parameters: Mapping[str, object], trust_code: bool = False, plugins: Sequence[str] = ()
) -> Enqueued:
    """Puts a point into the queue of a sweep: it becomes the next new trial, also while a driver works on the folder.

    Args:
        folder: of the sweep.
        parameters: values by slash path; the sampler suggests the rest.
        trust_code: whether plug-ins of the sweep may run, which its space or method may be.
        plugins: paths of plug-ins to be used in place of the copies that the sweep folder has.

    Raises:
        SpecError: it is no point of the sweep's space; the error holds all faults.
        ConfigError: there are plug-ins that are not trusted, or cannot be used.
        FolderError: there is no sweep, or an earlier version made it.
        StorageError: the disk or the quota is full.
    """
    known = folder.require_sweep()
    plugin_copies.use(folder, known, plugins, trust_code)
    spec = _spec_of(folder, known)
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


def _spec_of(folder: SweepFolder, known: SweepFile) -> SweepSpec:
    """The spec of a sweep, as its folder holds it.

    Raises:
        FolderError: an earlier version made it, with settings that this one does not know.
    """
    try:
        return SweepSpec.model_validate(known.spec)
    except ValidationError as error:
        raise FolderError(
            f"{folder.shown} must be of a spec that this version reads, but it is not: {error.errors()[0]['msg']}. "
            "`acgkd check` of its `spec.yaml` says more."
        ) from error


def stop(folder: SweepFolder, wait_s: float, say: Callable[[str], None] | None = None) -> bool:
    """Asks the driver that works on a folder to stop as at the first Ctrl-C: it keeps its work and leaves.

    The driver may run on any machine that sees the folder. No request is left behind for a later start.

    Args:
        folder: of the sweep.
        wait_s: how long to wait until the driver has left.
        say: called once the driver is asked, with who it is.

    Returns:
        Whether the driver has left; it obeys even if it has not yet.

    Raises:
        SweepError: no driver works on the folder.
        StorageError: the disk or the quota is full.
    """
    folder.require_sweep()
    lock, request = folder.lock(), StopRequest(folder)
    if not lock.held():
        raise SweepError(
            f"Only a sweep that runs can be stopped, but no driver works on {folder.shown}. The next `acgkd run` "
            "resumes it."
        )
    holder = lock.holder()
    request.make(asked := folder.generation)
    if say is not None:
        say(holder)
    end = time.monotonic() + wait_s
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(LOOK_EVERY_S, left))
        if not lock.held() or lock.holder() != holder:
            if request.generation == asked:  # its driver died before it could obey
                request.remove()
            return True
        if folder.generation != asked:  # it had only just begun, and counts its start now
            request.make(asked := folder.generation)
    return False
