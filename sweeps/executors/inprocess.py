"""Runs a sweep in this process, one job after the other, without Ray: the twin of `sweeps.executors.ray`."""

from pathlib import Path

from acgkd.errors import StaleGenerationError
from sweeps.engine.driver import Driver, NoJob
from sweeps.engine.snapshot import Summary, Watch
from sweeps.executors.signals import stop_signals
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import AcgkdExperiments, Experiments
from sweeps.worker.job_runner import JobRunner
from sweeps.worker.messages import Job


def run(
    spec: SweepSpec,
    folder: Path,
    *,
    command: str = "",
    address: str | None = None,
    watch: Watch | None = None,
    spec_text: str = "",
    trust_code: bool = False,
    experiments: Experiments | None = None,
) -> Summary:
    """Starts a sweep, goes on with it, extends it, or finds that nothing is left to do.

    Args:
        spec: the sweep.
        folder: where it lives; made if need be.
        command: that started it, for the record.
        address: must be None: there is no cluster here.
        watch: called with a snapshot at every change and at least every two seconds, also from another thread.
        spec_text: the spec as the user wrote it.
        trust_code: whether the spec may name Python functions of the user's.
        experiments: where experiments come from; the real one if left out.

    Raises:
        SweepError: the folder is another sweep's, another driver works on it, or it cannot be written.
        KeyboardInterrupt: at the second Ctrl-C or SIGTERM; the first one ends cleanly.
    """
    if address is not None:
        raise ValueError(f"`address` is for Ray; in this process there is none, but got {address!r}.")
    source = experiments or AcgkdExperiments.of(spec, trust_code)
    with Driver(spec, folder, source, command=command, spec_text=spec_text, watch=watch) as driver:
        at_work: list[Job] = []

        def stop() -> bool:
            driver.stop()
            # Of a teacher nothing can be kept, so there is no point in waiting for it.
            return any(job.kind == "teacher" for job in at_work)

        with stop_signals(stop):
            try:
                if not driver.nothing_to_do:
                    driver.prepare()
                while not driver.nothing_to_do:
                    job = driver.next()
                    if isinstance(job, NoJob):
                        break
                    at_work[:] = [job]
                    _work(driver, job)
                    at_work.clear()
            except KeyboardInterrupt:
                if not at_work or at_work[0].kind != "teacher":
                    raise
        return driver.summary()


def _work(driver: Driver, job: Job) -> None:
    driver.started(job)
    runner = JobRunner(driver.spec, driver.folder, job, driver.experiments)
    going = True
    while going and not driver.stopping:
        try:
            going = driver.report(job, runner.step())
        except StaleGenerationError as error:
            driver.died(job, error)
            return
    if going:
        runner.checkpoint()
        driver.interrupted(job)
