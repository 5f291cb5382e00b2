"""A driver: hands out jobs, takes reports in, keeps the files. Knows nothing of how jobs are executed."""

import contextlib
import threading
from enum import Enum

from acgkd.errors import StorageError
from analysis.records.record import Outcome, Record
from sweeps.engine import startup, teachers_and_controls
from sweeps.engine.prerequisites import Prerequisites
from sweeps.engine.progress import Progress
from sweeps.engine.snapshot import Snapshot, Summary, Watch
from sweeps.engine.stopwatch import Stopwatch
from sweeps.engine.trial_table import TrialTable
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.storage_errors import sweep_error
from sweeps.store.trial import Trial
from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job, Report

NOTE_EVERY_S = 1.0


class NoJob(Enum):
    """Why there is no job now."""

    WAIT = "others have to end first"
    FINISHED = "everything has ended or is at work"


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
        self.fatal: BaseException | None = None
        self.slots = 1
        self._trials, self._stopwatch, self._command = trials, stopwatch, command
        self._prerequisites = Prerequisites(trials, experiments)
        self._noted_at = -NOTE_EVERY_S
        self._mutex = threading.RLock()
        self._out: dict[str, Job] = {}
        self.progress = Progress(trials, self._prerequisites, stopwatch, watch, self._mutex, self._note_start)

    def prepare(self) -> None:
        """Finds out which teachers are missing; comes before the first job, for it may take seconds of imports.

        Raises:
            Exception: the spec names something that is not there.
        """
        self._prerequisites.find_teachers(self._stopwatch.before_s)

    def close(self) -> None:
        """Releases the jobs that are still out, and notes how long the start took."""
        for job in list(self._out.values()):
            with contextlib.suppress(OSError, StorageError):  # the error that is on its way says it already
                self.interrupted(job)
        self._noted_at = -NOTE_EVERY_S
        self._note_start()

    def summary(self) -> Summary:
        """What this start came to.

        Raises:
            SweepError: something stopped the sweep as a whole.
        """
        if self.fatal is not None:
            raise self.fatal
        left = self.stopping and not startup.complete(self.spec, self.folder, list(self._trials.trials.values()))
        return Summary(
            folder=self.folder.path,
            trials_started=self._trials.asked,
            counts=self._trials.counts(),
            interrupted=left,
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
            job = self._next()
            if isinstance(job, Job):
                self._out[job.key] = job
        return job

    def _next(self) -> Job | NoJob:
        if self.stopping or self.fatal is not None:
            return NoJob.FINISHED
        work = self._prerequisites
        teacher = work.teacher()
        if teacher is not None:
            return teacher
        if self.spec.space is None and not work.teaching:
            # One trial and its replicates one after the other: begun last, it would be waited for by all workers.
            alone = self._next_trial_job()
            if isinstance(alone, Job):
                return alone
        control = work.control()
        if control is not None:
            return control
        if work.teaching or (self._any_out("control") and teachers_and_controls.needs_control(self.spec)):
            return NoJob.WAIT
        return self._next_trial_job()

    def _next_trial_job(self) -> Job | NoJob:
        while True:
            trial = self._next_trial()
            if isinstance(trial, NoJob):
                return trial
            job = self._trials.issue(trial, min(self.at_work + 1, self.slots))
            if job is not None:
                return job

    def _next_trial(self) -> Trial | NoJob:
        waiting = self._trials.next_waiting()
        if waiting is not None:
            return waiting
        spent = startup.spent(self.spec, len(self._trials.trials), self._stopwatch.used_s)
        if self._trials.exhausted or spent:
            # What is at work may be lost with its worker and has to be retried.
            return NoJob.WAIT if self._out else NoJob.FINISHED
        if not self._trials.ready:
            return NoJob.WAIT
        return self._trials.ask() or self._next_trial()

    def _any_out(self, kind: str) -> bool:
        return any(job.kind == kind for job in self._out.values())

    # ---- taking in

    def started(self, job: Job) -> None:
        """A worker has begun with a job; until then the job only waits for one."""
        with self._mutex:
            self.progress.started(job)
            if job.number is not None:
                self._trials.open(job.number, job.replicates[0])
        self.progress.publish()

    def report(self, job: Job, report: Report) -> bool:
        """A worker has got further.

        Returns:
            Whether the worker shall continue with the job.
        """
        with self._mutex:
            self.progress.reported(job, report)
            if job.number is not None:
                going = self._trials.take_in(job.number, report)
            else:
                going = report.record is None
                if report.record is not None:
                    self._prepared(job, Record.model_validate_json(report.record))
            if not going:
                self._remove(job)
        if report.record is not None or report.rung is not None:
            self.progress.publish()
        return going and self.fatal is None

    def _prepared(self, job: Job, record: Record) -> None:
        self._prerequisites.done(job)
        if job.kind == "control" and record.outcome != "completed":
            self.progress.message = f"{job.label} with seed {record.identity.seed}: {record.outcome}"

    def died(self, job: Job, error: BaseException | None) -> None:
        """A job's worker ended without a report: it died, or raised what no trial can be blamed for."""
        with self._mutex:
            self._remove(job)
            fatal = None if error is None else sweep_error(error, self.folder.path)
            if fatal is not None:
                self.refused(fatal)
            message = "its worker died" if error is None else str(fatal or error)
            outcome: Outcome = "out_of_memory" if isinstance(error, MemoryError) else "lost"
            if job.number is not None:
                self._trials.release(job.number, outcome if fatal is None else "interrupted", message)
            elif fatal is None:
                hopeless = self._prerequisites.died(job, outcome, message)
                if hopeless is not None:
                    self.refused(hopeless)
        self.progress.publish()

    def refused(self, error: BaseException) -> None:
        """Something makes the sweep as a whole impossible; it stops."""
        self.fatal = self.fatal or error
        self.stopping = True

    def interrupted(self, job: Job) -> None:
        """A job was stopped in an orderly way; it waits again."""
        with self._mutex:
            progress = self._remove(job)
            if job.number is not None:
                self._trials.release(job.number, "interrupted", "stopped", progress)

    def _remove(self, job: Job) -> float:
        self._out.pop(job.key, None)
        return self.progress.ended(job)

    def _note_start(self) -> None:
        elapsed = self._stopwatch.elapsed_s
        if elapsed - self._noted_at > NOTE_EVERY_S:
            self._noted_at = elapsed
            with contextlib.suppress(OSError, StorageError):  # the budget of hours loses a second or two by it
                self.folder.note_start(self._trials.generation, {"seconds": elapsed, "command": self._command})
