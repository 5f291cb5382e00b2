"""Many workers of one driver in simulated time: the driver is the real one, and what it takes passes for all."""

import os
import tempfile
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from sweeps.engine.driver import Driver
from sweeps.engine.launch import open_driver
from sweeps.store.trial import Trial
from sweeps.worker.job_runner import JobRunner
from sweeps.worker.messages import Job, Report
from sweeps.worker.record_builder import build_record
from tests.known_functions import spec, values
from tests.sweeps_tests.fake_experiments import FakeExperiments

SYNC_S = 0.003  # what a wait for the disk is said to take
Result = TypeVar("Result")


class Clock:
    """Simulated seconds: the processor's of this thread, and a fixed time for each wait for the disk."""

    def __init__(self) -> None:
        self.now, self.driver_s, self._syncs = 0.0, 0.0, 0

    def synced(self, handle: int) -> None:
        """In the place of `os.fsync`."""
        self._syncs += 1

    def charged(self, do: Callable[[], Result]) -> Result:
        """Does something of the driver's; its time passes."""
        begun, syncs = time.thread_time(), self._syncs
        result = do()
        seconds = time.thread_time() - begun + SYNC_S * (self._syncs - syncs)
        self.now, self.driver_s = self.now + seconds, self.driver_s + seconds
        return result


def busy_share(space: str, workers: int, seconds: float, trials: int, ahead: int) -> dict[str, Any]:
    """Share of their time that workers are busy between the first time that all are and the last trial's beginning.

    Args:
        space: of the sweep; two objectives.
        workers: at work side by side.
        seconds: of each trial.
        trials: of the sweep.
        ahead: jobs that are handed out beyond the workers.
    """
    own = spec(space, 0, 300)
    budget = own.budget.model_copy(update={"trials": trials})
    once = own.replicates.model_copy(update={"seeds": (0,)})
    own = own.model_copy(update={"budget": budget, "replicates": once, "controls": ()})
    clock = Clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(os, "fsync", clock.synced),
        open_driver(own, Path(folder) / "sweep", FakeExperiments(), say=lambda text: None) as driver,
    ):
        driver.slots = workers
        driver.prepare()
        _teach(driver)
        spans = _simulated(driver, clock, workers, seconds, trials, ahead)
    begins = sorted(begin for begin, _ in spans)
    first, last = begins[workers - 1], begins[-1]
    work = sum(max(0.0, min(end, last) - max(begin, first)) for begin, end in spans)
    facts = {"what": "busy", "space": space, "workers": workers, "seconds": seconds, "trials": trials, "ahead": ahead}
    return {**facts, "share": work / (workers * (last - first)), "driver_ms": 1000 * clock.driver_s / trials}


def _teach(driver: Driver) -> None:
    """Makes the teacher, which takes no time here."""
    while isinstance(job := driver.next(), Job):
        if job.kind == "trial":
            driver.interrupted(job)  # it waits for its worker again
            return
        driver.started(job)
        driver.report(job, JobRunner(driver.spec, driver.folder, job, driver.experiments).step())


def _simulated(
    driver: Driver, clock: Clock, workers: int, seconds: float, trials: int, ahead: int
) -> list[tuple[float, float]]:
    """When each trial began and ended. In each turn the driver takes a report in, or fills a place, or asks."""
    working, pending = list[tuple[float, int, Job]](), deque[Job]()
    spans = list[tuple[float, float]]()
    while len(spans) < trials or working:
        if working and working[0][0] <= clock.now:
            _, _, job = heappop(working)
            report = Report(0, 1.0, record=_record(driver, job))
            clock.charged(lambda job=job, report=report: driver.report(job, report))  # type: ignore[misc]
        elif pending and len(working) < workers:
            job = pending.popleft()
            clock.charged(lambda job=job: driver.started(job))  # type: ignore[misc]
            spans.append((clock.now, clock.now + seconds))
            heappush(working, (clock.now + seconds, len(spans), job))
        elif driver.at_work < workers + ahead and len(spans) + len(pending) < trials:
            found = clock.charged(driver.next)
            if isinstance(found, Job):
                pending.append(found)
        else:
            clock.now = max(clock.now, working[0][0])
    return spans


def _record(driver: Driver, job: Job) -> str:
    """What a worker writes; its time is the worker's."""
    own, number = driver.spec, job.number or 0
    trial = Trial.model_validate_json(driver.folder.trial_file(number).read_text())
    found = dict(zip((item.name for item in own.objectives), values(trial), strict=True))
    config = own.run_config(trial.parameters)
    made = build_record(own, config, own.replicates.seeds[0], None, objectives=found, trial=number, settings={})
    return made.model_dump_json()
