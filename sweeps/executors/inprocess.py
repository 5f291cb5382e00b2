"""Runs a sweep in this process, one job after the other, without Ray."""

import time
from dataclasses import dataclass

from acgkd.errors import StaleGenerationError
from sweeps.engine.driver import Driver, NoJob
from sweeps.executors.signals import stop_signals
from sweeps.faults.failure import JobFailedError
from sweeps.worker.device_share import free_memory
from sweeps.worker.guarded_runner import runner_for
from sweeps.worker.messages import Job

PAUSE_S = 0.1


@dataclass(frozen=True)
class InProcess:
    """The executor without Ray: the same trials as on a cluster, one after the other, in this process."""

    on_this_machine = True

    def execute(self, driver: Driver) -> None:
        """Runs jobs until there are none, or a signal asks to stop.

        Raises:
            KeyboardInterrupt: at the second Ctrl-C, SIGTERM or SIGHUP; the first one ends cleanly.
        """
        at_work: list[Job] = []
        driver.in_process = True

        def teaching() -> bool:  # of a teacher nothing can be kept, so there is no point in waiting for it
            return any(job.kind == "teacher" for job in at_work)

        def stop() -> bool:
            driver.stop()
            return teaching()

        with stop_signals(stop) as stopping:
            driver.break_off = lambda asked: stopping.send(asked) if asked or teaching() else None
            try:
                driver.prepare()
                while (job := driver.next()) not in (NoJob.FINISHED, NoJob.WAIT):
                    if not isinstance(job, Job):
                        time.sleep(PAUSE_S)
                        continue
                    at_work[:] = [job]
                    _work(driver, job)
                    at_work.clear()
            except KeyboardInterrupt:
                if not at_work or at_work[0].kind != "teacher":
                    raise


def _work(driver: Driver, job: Job) -> None:
    driver.started(job)
    runner = runner_for(driver.spec, driver.folder, job, driver.experiments)
    going = True
    while going and not driver.stopping:
        try:
            going = driver.report(job, runner.step())
        except StaleGenerationError as error:
            driver.died(job, error)
            return
        except JobFailedError as error:
            driver.died(job, error)
            free_memory()
            return
    if going:
        runner.checkpoint()
        driver.interrupted(job)
