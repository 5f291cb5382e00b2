"""What an executor is: it runs the jobs of a driver. Everything that a sweep decides and keeps is the driver's."""

import warnings
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from sweeps.code import plugin_copies
from sweeps.code.same_code import Say
from sweeps.engine.driver import Driver
from sweeps.engine.launch import open_driver
from sweeps.engine.snapshot import Summary, Watch
from sweeps.executors import on_end
from sweeps.journal.opening import opens, tracked
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store import shared_cache
from sweeps.store.storage_errors import folder_error
from sweeps.store.writable import place_for_run
from sweeps.worker.experiments import AcgkdExperiments, Experiments


class Executor(Protocol):
    """Where jobs run. `sweeps.InProcess` and `sweeps.Ray` are executors; so is any object with this method.

    One whose workers are all on this machine says so by an attribute `on_this_machine` that is True: its sweeps then
    share the user's cache (see `sweeps.store.shared_cache`).
    """

    def execute(self, driver: Driver) -> None:
        """Runs jobs of `driver` until it has none, or is stopped.

        `driver.prepare()` comes first, once. Then, for each job of `driver.next()`: `driver.started(job)` when a worker
        begins with it, `driver.report(job, report)` for each report of a `sweeps.worker.job_runner.JobRunner`, as long
        as that returns True, and `driver.died(job, error)` or `driver.interrupted(job)` where the worker is gone.

        Raises:
            KeyboardInterrupt: at the second Ctrl-C, SIGTERM or SIGHUP; the first one ends cleanly.
        """


def run_sweep(
    spec: SweepSpec,
    folder: Path | str,
    executor: Executor,
    *,
    command: str = "",
    watch: Watch | None = None,
    spec_text: str = "",
    trust_code: bool = False,
    experiments: Experiments | None = None,
    accept_code_change: bool = False,
    say: Say = warnings.warn,
) -> Summary:
    """Starts a sweep, resumes it, extends it, or finds that nothing is left to do.

    Args:
        spec: the sweep.
        folder: where it lives; made if need be. On a cluster, every node must see it under the same path, or reach
            the same object store (``s3://bucket/name``).
        executor: where its jobs run.
        command: that started it, for the record.
        watch: called with a snapshot at every change and at least every two seconds, also from another thread.
        spec_text: the spec as the user wrote it.
        trust_code: whether the spec may name Python functions of the user's, and a command under `on_end`.
        experiments: where experiments come from; the real ones if left out. Others keep what they make in the sweep
            folder, since nothing is known of how they name it.
        accept_code_change: continue though the folder's rows were made with other settings (a default has moved) or
            with other code of the user's than today's; the report then says which rows are whose.
        say: called with a text for each thing that the user should know before the start, and if the command under
            `on_end` fails; a warning if left out.

    Raises:
        ConfigError: the spec names a command that is not trusted.
        FolderError: the folder is another sweep's, or another driver works on it.
        StorageError: it is full, cannot be read or written, or was removed.
        RayLostError: Ray was lost; the same call resumes.
        SweepError: the executor cannot run the sweep.
        KeyboardInterrupt: at the second Ctrl-C, SIGTERM or SIGHUP; the first one ends cleanly.
    """
    on_end.require_trust(spec, trust_code)
    folder = place_for_run(folder)
    trackers = opens(spec, trust_code)
    source = experiments or AcgkdExperiments.of(spec, trust_code)
    for line in plugin_copies.said_of_gone():
        say(line)
    begun: Driver | None = None
    try:
        with (
            _cache(spec, folder, executor) if experiments is None else nullcontext() as cache,
            open_driver(
                spec,
                folder,
                source,
                command=command,
                spec_text=spec_text,
                watch=watch,
                accept_code_change=accept_code_change,
                say=say,
                cache=cache,
            ) as driver,
            tracked(spec, trackers, driver.folder, driver.journal, lambda: driver.stopping, say),
        ):
            if not driver.nothing_to_do:
                begun = driver
                executor.execute(driver)
            summary = driver.summary()
    except Exception as error:
        stop = folder_error(error, folder.resolve()) if isinstance(error, OSError) else None
        if begun is not None:
            on_end.stopped(spec, begun.folder, stop or error, begun.snapshot().counts, say)
        if stop is None:
            raise
        raise stop from error
    if begun is not None:
        on_end.ended(spec, begun.folder, summary, say)
    return summary


def _cache(spec: SweepSpec, folder: Path, executor: Executor) -> AbstractContextManager[Path]:
    return shared_cache.opened(
        folder.resolve(),
        own_code=bool(spec.own_models),
        one_machine=bool(getattr(executor, "on_this_machine", False)),
    )
