"""What Ray Tune asks after every step: continue or stop. The driver answers."""

import re
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Protocol

from ray import cloudpickle
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError
from ray.tune import Callback, Stopper
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from acgkd.errors import NodeError, SweepError, WorkerSpentError
from sweeps.engine.driver import Driver
from sweeps.executors.ray.jobs import unpacked
from sweeps.executors.ray.placement import Placement
from sweeps.executors.ray.snapshots import Stateless
from sweeps.executors.ray.tune.search import SweepSearch
from sweeps.executors.ray.tune.warm_workers import WarmWorkers
from sweeps.faults.failure import NODE_DIED, Failure, JobFailedError
from sweeps.worker.messages import Report

GIVE_WAY_S = 30.0
# After that what idle workers hold is free again, for other users of the cluster, or for its nodes to leave.
KEPT_IDLE_S = 30.0


class RayTrial(Protocol):
    """What is used of a Ray trial: it carries one job."""

    trial_id: str
    config: dict[str, bytes]
    status: str
    placement_group_factory: Hashable
    local_path: str | None

    def update_resources(self, resources: object) -> None:
        """What it asks for; not while it runs."""


class Controller(Protocol):
    """What is used of Ray Tune's controller."""

    def get_live_trials(self) -> list[RayTrial]:
        """Trials that have not ended."""


class SweepScheduler(Stateless, FIFOScheduler):  # type: ignore[misc]  # Ray has no types
    """Takes every report to the driver, and every death of a worker.

    Args:
        driver: the start that runs.
        placement: which nodes a job may have.
        search: which jobs are handed out.
    """

    def __init__(self, driver: Driver, placement: Placement, search: SweepSearch) -> None:
        super().__init__()
        self._driver, self._placement, self._search = driver, placement, search
        self._arrival: dict[str, float] = {}
        self._awaiting: set[str] = set()
        self._warm_workers = WarmWorkers()
        self._latest: Hashable = None
        self._warming: set[str] = set()  # those that have no job and only make their workers warm

    def on_trial_result(self, tune_controller: "Controller", trial: RayTrial, result: dict[str, Any]) -> str:
        """Whether the worker shall continue with its job."""
        if trial.trial_id in self._warming:
            idle = self._search.teaching and not self._needed(tune_controller)
            return str(TrialScheduler.CONTINUE if idle else TrialScheduler.STOP)
        report: Report = result["report"]
        if report.record is not None:
            self._placement.memory.learn(report.record)
        going = self._driver.report(unpacked(trial.config), report)
        return str(TrialScheduler.CONTINUE if going else TrialScheduler.STOP)

    def _needed(self, tune_controller: "Controller") -> bool:
        """Whether a job waits for a place for so long that its own worker cannot be about to start."""
        late = time.monotonic() - GIVE_WAY_S
        waiting = {trial.trial_id for trial in _pending(tune_controller)} - self._warming
        return any(self._arrival[trial] < late for trial in waiting)

    def on_trial_add(self, tune_controller: object, trial: RayTrial) -> None:
        """Trials wait in the order in which they came, each for a node that it may have."""
        job = unpacked(trial.config)
        trial.update_resources(self._placement.of(job))
        self._latest = trial.placement_group_factory
        self._warming |= set() if job.replicates else {trial.trial_id}
        self._arrival[trial.trial_id] = time.monotonic()

    def choose_trial_to_run(self, tune_controller: Controller) -> "RayTrial | None":
        """The trial for the next worker that is free.

        Ray gives a warm worker to the oldest trial that waits, and calls off the new worker that is starting for it.
        With short trials a second worker would then never get to start. So as many of the oldest trials as workers
        are missing keep waiting for their own. One that only makes its worker warm has no use for a warm one.
        """
        pending = sorted(_pending(tune_controller), key=lambda trial: self._arrival[trial.trial_id])
        kept = self._driver.slots if self._search.idle_s < KEPT_IDLE_S else 0
        self._warm_workers.keep(tune_controller, pending, self._latest, kept)
        running = sum(trial.status == "RUNNING" for trial in tune_controller.get_live_trials())
        missing = max(0, self._driver.slots - running - 1)
        left_alone = [trial for trial in pending if trial.trial_id in self._awaiting][:missing]
        self._awaiting = {trial.trial_id for trial in pending}
        free = [trial for trial in pending if trial not in left_alone]
        working = [trial for trial in free if trial.trial_id not in self._warming]
        return next(iter(working or free or pending), None)

    def on_trial_error(self, tune_controller: object, trial: RayTrial) -> None:
        """A worker died, or raised what no trial can be blamed for."""
        if trial.trial_id in self._warming:
            return  # whatever is wrong there, the first job that comes there says it
        job = unpacked(trial.config)
        error = _error(trial)
        if isinstance(error, RayTaskError):
            cause = self._driver.failures.whose(error.cause if isinstance(error.cause, Exception) else error)
            if job.kind == "teacher" and not isinstance(cause, WorkerSpentError | JobFailedError | NodeError):
                self._driver.refused(cause)
            self._driver.died(job, cause)
            return
        if getattr(error, "actor_init_failed", False):
            self._driver.refused(SweepError(f"Ray's workers must be able to start, but: {_last_line(error)}"))
        if isinstance(error, OutOfMemoryError) or "low on memory" in str(error):
            self._driver.died(job, MemoryError("Ray ended its worker because the node ran low on memory"))
            return
        self._driver.died(job, JobFailedError(Failure("platform", "lost", _how_it_died(error), node=_node(error))))


class TellStarts(Stateless, Callback):  # type: ignore[misc]  # Ray has no types
    """Tells the driver when a worker begins with a job.

    Args:
        driver: the start that runs.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def on_trial_start(self, iteration: int, trials: "list[RayTrial]", trial: RayTrial, **info: object) -> None:
        """A worker has begun with a job."""
        job = unpacked(trial.config)
        if job.replicates:
            self._driver.started(job)


class SweepStopper(Stateless, Stopper):  # type: ignore[misc]  # Ray has no types
    """Ends the experiment when the driver was asked to stop.

    Args:
        driver: the start that runs.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """Single trials are the scheduler's business."""
        return False

    def stop_all(self) -> bool:
        """Whether everything shall end now."""
        return self._driver.stopping


def _pending(tune_controller: Controller) -> list[RayTrial]:
    return [trial for trial in tune_controller.get_live_trials() if trial.status == "PENDING"]


def _error(trial: RayTrial) -> BaseException | None:
    path = Path(trial.local_path or "", "error.pkl")
    try:
        error = cloudpickle.loads(path.read_bytes())
    except Exception:  # not there, or an exception that cannot be unpickled here
        return None
    return error if isinstance(error, BaseException) else None


def _how_it_died(error: BaseException | None) -> str:
    """In a line: Ray's account of a dead worker is a page."""
    text = str(error or "")
    if getattr(error, "preempted", False):
        return "its node was preempted"
    if re.search(r"node (?:has )?died|node was terminated|NODE_DIED|node failure", text, re.IGNORECASE):
        return NODE_DIED
    return "its worker died"


def _node(error: BaseException | None) -> str:
    """The node of a dead worker, where Ray's account names it."""
    found = re.search(r"node id: ?([0-9a-f]{40,})", str(error or ""), re.IGNORECASE)
    return found.group(1) if found else ""


def _last_line(error: BaseException | None) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    kind = type(error).__name__ if isinstance(error, RayError) else ""
    return f"{kind}: {lines[-1].strip()}" if lines else kind
