"""Where Ray Tune gets its trials from: the driver, which alone knows what is next."""

import math
import time
from collections.abc import Callable
from typing import Any

from ray.tune.experiment import Experiment
from ray.tune.registry import get_trainable_cls
from ray.tune.search.search_algorithm import SearchAlgorithm

from sweeps.engine.driver import Driver, NoJob
from sweeps.executors.ray.snapshots import Stateless
from sweeps.executors.ray.tune.job_trial import JobTrial
from sweeps.worker.idle_runner import WARM_UP
from sweeps.worker.messages import Job

SLOTS_EVERY_S = 2.0
PLACES_PER_JOB_AHEAD = 8


class SweepSearch(Stateless, SearchAlgorithm):  # type: ignore[misc]  # Ray has no types
    """Hands out the driver's jobs; keeps no state of its own.

    More jobs than fit are handed out, one for every eight places: they wait with Ray, so that no worker that ends waits
    for the driver. With fewer places the next job waits here: for one that waits with Ray a worker is requested, and
    called off again.

    While a teacher is made that all else waits for, the other workers start, to be warm when it is there.

    Args:
        driver: the start that runs.
        slots: how many jobs fit into the cluster; asked again from time to time, for clusters grow.
    """

    def __init__(self, driver: Driver, slots: Callable[[], int]) -> None:
        super().__init__()
        self._driver = driver
        self._slots = slots
        controls = len(driver.spec.controls) * len(driver.spec.replicates.seeds)
        self._jobs = math.inf if driver.spec.trials is None else driver.spec.trials + controls
        self._asked_at = -math.inf
        self._ahead: Job | None = None
        self._handed_out_before = False
        self._idle_since: float | None = None
        self._warmed = 0
        self._spec: dict[str, Any] = {}
        self._trainable: type = object
        self.teaching = False

    def add_configurations(self, experiments: list[Experiment]) -> None:
        """What Ray Tune is to run: one experiment, of which each job is a trial."""
        [experiment] = experiments
        self._spec = experiment.spec
        self._trainable = get_trainable_cls(experiment.run_identifier)

    @property
    def idle_s(self) -> float:
        """For how many seconds there have been free places, and no job for them."""
        return 0.0 if self._idle_since is None else time.monotonic() - self._idle_since

    def next_trial(self) -> JobTrial | None:
        """The next job as a trial of Ray's; None for *not now*, or where there is none any more."""
        if self.is_finished():
            return None
        job = self.next_job()
        self._handed_out_before = isinstance(job, Job)
        if not isinstance(job, NoJob):  # a job, or no place for one
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = time.monotonic()
        if isinstance(job, Job):
            return JobTrial(job, self._spec, self._trainable)
        if job is NoJob.FINISHED:
            self.set_finished()
        return None

    def next_job(self) -> Job | NoJob | None:
        """The next job, or why the driver has none; None where no more may be handed out."""
        driver = self._driver
        if time.monotonic() - self._asked_at > SLOTS_EVERY_S:
            self._asked_at = time.monotonic()
            driver.slots = self._slots()
        self.teaching = False
        if driver.at_work - (self._ahead is not None) >= driver.slots + driver.slots // PLACES_PER_JOB_AHEAD:
            # In the turn in which a worker gets its job, it would wait for the sampler.
            if driver.at_work == driver.slots and not self._handed_out_before:
                found = driver.next()
                self._ahead = found if isinstance(found, Job) else None
            return None
        if self._ahead is not None:
            job, self._ahead = self._ahead, None
            return NoJob.FINISHED if driver.stopping else job  # which the driver's end lets wait again
        found = driver.next()
        self.teaching = found is NoJob.TEACHER
        if self.teaching and driver.at_work + self._warmed < min(driver.slots, self._jobs):
            self._warmed += 1
            return WARM_UP
        return found
