"""Where Ray Tune gets its trials from: the driver, which alone knows what is next."""

import math
import time
from collections.abc import Callable

from ray.tune.search import Searcher

from sweeps.engine.driver import Driver, NoJob
from sweeps.executors.ray.jobs import packed
from sweeps.executors.ray.snapshots import Stateless
from sweeps.worker.idle_runner import WARM_UP
from sweeps.worker.messages import Job

SLOTS_EVERY_S = 2.0
PLACES_PER_JOB_AHEAD = 8


class SweepSearcher(Stateless, Searcher):  # type: ignore[misc]  # Ray has no types
    """Hands out the driver's jobs; keeps no state of its own.

    More jobs than fit are handed out, one for every eight places: they wait with Ray, so that the workers that end next
    stay warm for them, and none of them waits for a suggestion.

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
        self._warmed: set[str] = set()
        self.teaching = False

    def suggest(self, trial_id: str) -> dict[str, object] | str | None:
        """The next job, ``FINISHED``, or None for *not now*."""
        driver = self._driver
        if time.monotonic() - self._asked_at > SLOTS_EVERY_S:
            self._asked_at = time.monotonic()
            driver.slots = self._slots()
        self.teaching = False
        if driver.at_work >= driver.slots + max(1, driver.slots // PLACES_PER_JOB_AHEAD):
            return None
        job = driver.next()
        self.teaching = job is NoJob.TEACHER
        if self.teaching and driver.at_work + len(self._warmed) < min(driver.slots, self._jobs):
            self._warmed.add(trial_id)
            job = WARM_UP
        if isinstance(job, Job):
            return dict(packed(job))
        return Searcher.FINISHED if job is NoJob.FINISHED else None

    def on_trial_complete(self, trial_id: str, result: dict[str, object] | None = None, error: bool = False) -> None:
        """The scheduler has reported to the driver already."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the sweep folder holds everything."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Nothing to save."""
