"""What an executor is: it runs the jobs of a driver. Everything that a sweep decides and keeps is the driver's."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sweeps.engine.driver import Driver
from sweeps.engine.launch import open_driver
from sweeps.engine.snapshot import Summary, Watch
from sweeps.executors import on_end
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import AcgkdExperiments, Experiments


class Executor(Protocol):
    """Where jobs run. `sweeps.InProcess` and `sweeps.Ray` are executors; so is any object with this method."""

    def execute(self, driver: Driver) -> None:
        """Runs jobs of `driver` until it has none, or is stopped.

        `driver.prepare()` comes first, once. Then, for each job of `driver.next()`: `driver.started(job)` when a worker
        begins with it, `driver.report(job, report)` for each report of a `sweeps.worker.job_runner.JobRunner`, as long
        as that returns True, and `driver.died(job, error)` or `driver.interrupted(job)` where the worker is gone.

        Raises:
            KeyboardInterrupt: at the second Ctrl-C or SIGTERM; the first one ends cleanly.
        """


def run_sweep(
    spec: SweepSpec,
    folder: Path,
    executor: Executor,
    *,
    command: str = "",
    watch: Watch | None = None,
    spec_text: str = "",
    trust_code: bool = False,
    experiments: Experiments | None = None,
    say: Callable[[str], None] = warnings.warn,
) -> Summary:
    """Starts a sweep, resumes it, extends it, or finds that nothing is left to do.

    Args:
        spec: the sweep.
        folder: where it lives; made if need be. On a cluster, every node must see it under the same path.
        executor: where its jobs run.
        command: that started it, for the record.
        watch: called with a snapshot at every change and at least every two seconds, also from another thread.
        spec_text: the spec as the user wrote it.
        trust_code: whether the spec may name Python functions of the user's, and a command under `on_end`.
        experiments: where experiments come from; the real ones if left out.
        say: called with a line for each thing that the user should know before the start, and of a failure of the
            command under `on_end`.

    Raises:
        ConfigError: the spec names a command that is not trusted.
        SweepError: the folder is another sweep's, another driver works on it, it cannot be written, or the executor
            cannot run the sweep.
        KeyboardInterrupt: at the second Ctrl-C or SIGTERM; the first one ends cleanly.
    """
    on_end.require_trust(spec, trust_code)
    source = experiments or AcgkdExperiments.of(spec, trust_code)
    begun: Driver | None = None
    try:
        with open_driver(spec, folder, source, command=command, spec_text=spec_text, watch=watch, say=say) as driver:
            if not driver.nothing_to_do:
                begun = driver
                executor.execute(driver)
            summary = driver.summary()
    except Exception as error:
        if begun is not None:
            on_end.stopped(spec, begun.folder, error, begun.snapshot().counts, say)
        raise
    if begun is not None:
        on_end.ended(spec, begun.folder, summary, say)
    return summary
