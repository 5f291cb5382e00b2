"""A driver: hands out jobs, takes reports in, keeps the files. Knows nothing of how jobs are executed."""

import contextlib
import threading
from collections.abc import Callable

from acgkd.errors import NodeError, RepeatedFailureError, StorageError, WorkerSpentError
from analysis.records.record import Record
from sweeps.engine import startup
from sweeps.engine.dispatch import Dispatch, NoJob
from sweeps.engine.failures import Failures
from sweeps.engine.heartbeat import DEADLINE, Heartbeat
from sweeps.engine.limits import limits
from sweeps.engine.node_table import NodeTable
from sweeps.engine.prerequisites import Prerequisites
from sweeps.engine.progress import Progress
from sweeps.engine.snapshot import Snapshot, Summary, Watch
from sweeps.engine.stopwatch import Stopwatch
from sweeps.engine.trials.trial_table import TrialTable
from sweeps.faults.classification import failure_of
from sweeps.faults.failure import Failure
from sweeps.faults.streaks import SetAside
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.storage_errors import sweep_error
from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job, Report

__all__ = ["Driver", "NoJob"]


class Driver:
    """What happens in one start of a sweep. `sweeps.engine.launch.open_driver` makes it.

    Args:
        trials: those of the sweep, recovered.
        experiments: where experiments come from.
        stopwatch: of this start.
        command: that started it, for the record.
        watch: called with snapshots.
        nothing_to_do: whether everything was done before this start.
    """

    def __init__(
        self,
        trials: TrialTable,
        experiments: Experiments,
        stopwatch: Stopwatch,
        *,
        command: str = "",
        watch: Watch | None = None,
        nothing_to_do: bool = False,
    ) -> None:
        self.spec: SweepSpec = trials.spec
        self.folder: SweepFolder = trials.folder
        self.experiments = experiments
        self.nothing_to_do = nothing_to_do
        self.stopping = False
        self.break_off: Callable[[bool], None] = lambda asked: None  # ends a step from another thread, if it can
        self.fatal: BaseException | None = None
        self.slots = 1
        self.in_process = False
        self.journal = trials.journal
        self._trials, self._stopwatch = trials, stopwatch
        self._prerequisites = Prerequisites(trials, experiments)
        self._dispatch = Dispatch(trials, self._prerequisites)
        self._heartbeat = Heartbeat(self.folder, trials.generation, stopwatch, command, limits(self.spec))
        self._closed, self._mutex = False, threading.RLock()
        self._out: dict[str, Job] = {}
        self.progress = Progress(trials, self._prerequisites, stopwatch, watch, self._mutex, self._beat)
        self.nodes = NodeTable(self.progress.notice, self.journal.node)
        self.failures = Failures(self.folder, self.spec.failures.stop_after, self.nodes)

    def prepare(self) -> None:
        """Finds out which teachers are missing; comes before the first job, for it may take seconds of imports.

        Raises:
            Exception: the spec names something that is not there.
        """
        self._prerequisites.find_teachers(self._stopwatch.before_s)
        if self.in_process:
            self._prerequisites.died_with_driver(self.folder.deaths_in_process(self._trials.generation))
        self._prerequisites.crashed_before()

    def close(self) -> None:
        """Releases the jobs that are still out, and notes how long the start took."""
        self._closed = True
        for job in list(self._out.values()):
            with contextlib.suppress(OSError, StorageError):  # the error that is on its way says it already
                self.interrupted(job)
        self._heartbeat.soon()
        with contextlib.suppress(*(() if self.fatal is None else (OSError, StorageError))):
            self._beat()

    def summary(self) -> Summary:
        """What this start came to.

        Raises:
            SweepError: something stopped the sweep as a whole.
        """
        if self.fatal is not None:
            raise self.fatal
        left = self.stopping and not startup.complete(self.spec, self.folder, self._trials.trials.values())
        return Summary(
            folder=self.folder.path,
            trials_started=self._trials.suggestions.asked,
            counts=self._trials.tally.counts(),
            interrupted=left,
            set_back={**self._prerequisites.set_back, **self._trials.set_back},
            set_aside=tuple(map(str, self.failures.nodes.values())),
            ended_by="" if left else self._trials.suggestions.ended_by(self.folder.seconds_used()),
            nothing_to_do=self.nothing_to_do,
        )

    def snapshot(self) -> Snapshot:
        """How far the sweep is."""
        return self.progress.snapshot()

    def stop(self) -> None:
        """Hands out no more jobs; what runs shall keep its work and leave."""
        self.stopping = True

    # ---- handing out

    @property
    def at_work(self) -> int:
        """How many jobs are out."""
        return len(self._out)

    def next(self) -> Job | NoJob:
        """The next job, or why there is none."""
        with self._mutex:
            if self.stopping or self.fatal is not None:
                return NoJob.FINISHED
            job = self._dispatch.next(self._out, self.slots, self._stopwatch.used_s)
            if isinstance(job, Job):
                self._out[job.key] = job
        return job

    # ---- taking in

    def started(self, job: Job) -> None:
        """A worker has begun with a job; until then the job only waits for one."""
        with self._mutex:
            self.progress.started(job)
            self.nodes.began(job.key)
            if job.trial is not None:
                self._trials.open(job.trial, job.replicates[0])
            elif self.in_process:  # whose attempts are in no file: if it takes the driver along, the next start knows
                self._heartbeat.soon()
        self.progress.publish()

    def report(self, job: Job, report: Report) -> bool:
        """A worker has got further.

        Returns:
            Whether the worker shall continue with the job.
        """
        with self._mutex:
            self.progress.reported(job, report)
            self.nodes.reported(job.key, report)
            if job.trial is not None:
                going = self._trials.take_in(job.trial, report)
            else:
                going = report.row is None
                if report.row is not None:
                    self._prepared(job, report.row)
            if report.row is not None:
                self._act(self.failures.recorded(job, report.row, report.node or report.host))
            if not going:
                self._remove(job)
                self._heartbeat.unsynced = True
        if report.record is not None or report.rung is not None:
            self.progress.publish()
        return going and self.fatal is None

    def _prepared(self, job: Job, record: Record) -> None:
        self._prerequisites.done(job)
        if job.kind == "control" and record.outcome != "completed":
            self.progress.message = f"{job.label} with seed {record.identity.seed}: {record.outcome}"

    def died(self, job: Job, error: BaseException | None) -> None:
        """A job's worker ended without a report: it died, or raised what is not its job's fault.

        Args:
            job: that it had.
            error: what is known: what it raised, or how it died.
        """
        with self._mutex:
            progress, error = self._remove(job), error and self.failures.whose(error)
            fatal = None if isinstance(error, NodeError) else sweep_error(error, self.folder.path) if error else None
            if fatal is not None:
                self.refused(fatal)
            if fatal is not None or isinstance(error, WorkerSpentError):
                self._interrupt(job, str(error), progress)
            else:
                failure = failure_of(error) if error else Failure("platform", "lost", "its worker died")
                self._failed(job, failure, progress)
        self.progress.publish()

    def _failed(self, job: Job, failure: Failure, progress: float) -> None:
        failure = failure.at(*self.nodes.place(job.key))
        others = self.failures.others(job, failure)
        self.nodes.failed(job.key, failure, self._trials.records.unsaved_s(job))
        self.progress.failed(job, failure)
        if job.trial is not None:
            self._trials.release(job.trial, failure, progress=progress, others=others)
        else:
            hopeless = self._prerequisites.died(job, failure, progress, others)
            if hopeless is not None:
                self.refused(hopeless)
        self.journal.failed(job, failure)
        self._act(self.failures.failed(job, failure))

    def _act(self, found: SetAside | RepeatedFailureError | None) -> None:
        """Does what equal failures in a row call for."""
        if isinstance(found, RepeatedFailureError):
            self.refused(found)
        elif found is not None:
            self.nodes.set_aside(found)
            self._trials.take_back(found.trials, found.node)

    def refused(self, error: BaseException) -> None:
        """Something makes the sweep as a whole impossible; it stops."""
        self.fatal = self.fatal or error
        self.stopping = True

    def interrupted(self, job: Job) -> None:
        """A job was stopped in an orderly way; it waits again."""
        with self._mutex:
            self._interrupt(job, "stopped", self._remove(job))

    def _interrupt(self, job: Job, message: str, progress: float) -> None:
        if job.trial is not None:
            self._trials.release(job.trial, message=message, progress=progress)
            return
        self.journal.interrupted(job, message)
        self._prerequisites.interrupted(job, self.stopping, self.fatal)

    def _remove(self, job: Job) -> float:
        self._out.pop(job.key, None)
        self.nodes.ended(job.key)
        return self.progress.ended(job)

    def _beat(self) -> None:
        jobs = {"in_process": self.in_process, "job": next(iter(self._out), ""), "closed": self._closed}
        why = self._heartbeat.beat({**jobs, **self._prerequisites.to_json(), **self.nodes.to_json(self.failures.nodes)})
        if why and not self.stopping and not self._closed:
            self.folder.note(why)
            self.progress.message, self.stopping = why, True
            self.break_off(why != DEADLINE)
