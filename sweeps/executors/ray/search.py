"""Where Ray Tune gets its trials from: the driver, which alone knows what is next."""

import math
import time
from collections.abc import Callable

from ray.tune.search import Searcher

from sweeps.engine.driver import Driver, NoJob
from sweeps.executors.ray.jobs import packed
from sweeps.executors.ray.stateless import Stateless
from sweeps.worker.messages import Job

RESOURCES_EVERY_S = 5.0


class SweepSearcher(Stateless, Searcher):  # type: ignore[misc]  # Ray has no types
    """Hands out the driver's jobs; keeps no state of its own.

    One job more than fits is handed out: it waits with Ray, so that the worker that ends next stays warm for it.

    Args:
        driver: the start that runs.
        resources: what the cluster has; asked again from time to time, for clusters grow.
    """

    def __init__(self, driver: Driver, resources: Callable[[], dict[str, float]]) -> None:
        super().__init__()
        self._driver = driver
        self._resources = resources
        self._asked_at = -math.inf

    def suggest(self, trial_id: str) -> dict[str, object] | str | None:
        """The next job, ``FINISHED``, or None for *not now*."""
        driver = self._driver
        if time.monotonic() - self._asked_at > RESOURCES_EVERY_S:
            self._asked_at = time.monotonic()
            driver.slots = slots(self._resources(), driver.spec.resources.cpu, driver.spec.resources.gpu)
        if driver.at_work > driver.slots:
            return None
        job = driver.next()
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


def slots(resources: dict[str, float], cpu: float, gpu: float) -> int:
    """How many jobs fit into a cluster at the same time; at least one, for nodes may still come."""
    fits = resources.get("CPU", 0.0) / cpu
    if gpu > 0:
        fits = min(fits, resources.get("GPU", 0.0) / gpu)
    return max(1, int(fits + 1e-9))
