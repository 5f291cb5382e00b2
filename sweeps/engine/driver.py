"""One start of a sweep: gives out jobs, takes reports in, keeps the files. Knows nothing of how jobs are executed."""

import contextlib
import threading
from enum import Enum
from pathlib import Path
from types import TracebackType

from acgkd.errors import StorageError
from analysis.records.record import Outcome, Record
from sweeps.engine import startup, teachers_and_controls
from sweeps.engine.prerequisites import Prerequisites
from sweeps.engine.progress import BestTrial, Ticker
from sweeps.engine.snapshot import RunningTrial, Snapshot, Summary, Watch
from sweeps.engine.stopwatch import Pace
from sweeps.engine.trial_table import TrialTable
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.storage_errors import sweep_error
from sweeps.store.trial import Trial
from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job, Report

NOTE_EVERY_S = 1.0


class NoJob(Enum):
    """Why no job is given out."""

    WAIT = "others have to end first"
    FINISHED = "everything is done or under way for good"


class Driver:
    """A start, from taking the folder up to letting it go. Use as a context manager.

    Args:
        spec: the sweep.
        path: its folder.
        experiments: where experiments come from.
        command: that started it, for the record.
        spec_text: the spec as the user wrote it.
        watch: called with a snapshot at every change and at least every two seconds, also from another thread.

    Raises:
        SweepError: the folder is not this sweep's, or another driver works on it.
    """

    def __init__(
        self,
        spec: SweepSpec,
        path: Path,
        experiments: Experiments,
        *,
        command: str = "",
        spec_text: str = "",
        watch: Watch | None = None,
    ) -> None:
        self.spec = spec
        self.experiments = experiments
        self.folder: SweepFolder = startup.reserve(path)
        self.stopping = False
        self.fatal: BaseException | None = None
        self.nothing_to_do = False
        self.slots = 1
        self.message = ""
        self._command, self._spec_text, self._watch = command, spec_text, watch
        self._lock = self.folder.lock()
        self._mutex = threading.RLock()
        self._pace = Pace(None if spec.budget.hours is None else 3600 * spec.budget.hours)
        self._noted_at = -NOTE_EVERY_S
        self._trials = TrialTable(spec, self.folder, experiments, ())
        self._prerequisites = Prerequisites(self._trials, experiments)
        self._best_trial = BestTrial(self._trials)
        self._out: dict[str, Job] = {}
        self._running: dict[str, RunningTrial] = {}
        self._ticker = Ticker(self._tell)

    # ---- beginning and end

    def __enter__(self) -> "Driver":
        self._lock.__enter__()
        try:
            startup.match(self.folder, self.spec, command=self._command, spec_text=self._spec_text)
            trials = self.folder.read_trials()
            self._trials = TrialTable(self.spec, self.folder, self.experiments, trials)
            self._best_trial = BestTrial(self._trials)
            self.nothing_to_do = startup.complete(self.spec, self.folder, trials)
            if not self.nothing_to_do:
                generation = self.folder.begin_generation()
                self._pace.before_s = self.folder.seconds_used(before=generation)
                self.folder.remove_temporaries()
                self._trials.take_up(generation)
                self._prerequisites = Prerequisites(self._trials, self.experiments)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        self._ticker.start()
        return self

    def prepare(self) -> None:
        """Finds out which teachers are missing; comes before the first job, for it may take seconds of imports.

        Raises:
            Exception: the spec names something that is not there.
        """
        self._prerequisites.find_teachers(self._pace.before_s)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ticker.stop()
        try:
            for job in list(self._out.values()):
                with contextlib.suppress(StorageError):  # the error that is on its way says it already
                    self.interrupted(job)
            self._noted_at = -NOTE_EVERY_S
            self._note_start()
        finally:
            self._lock.__exit__(kind, error, trace)

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

    def stop(self) -> None:
        """Gives out no more jobs; what runs shall keep its work and leave."""
        self.stopping = True

    # ---- giving out

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
        spent = startup.spent(self.spec, len(self._trials.trials), self._pace.used_s)
        if self._trials.exhausted or spent:
            # What is under way may be lost with its worker and has to be given out again.
            return NoJob.WAIT if self._out else NoJob.FINISHED
        if not self._trials.ready:
            return NoJob.WAIT
        return self._trials.ask() or self._next_trial()

    def _any_out(self, kind: str) -> bool:
        return any(job.kind == kind for job in self._out.values())

    # ---- taking in

    def started(self, job: Job) -> None:
        """Takes in that a worker has begun with a job; until then it only waits for one."""
        with self._mutex:
            number = job.control or (job.kind if job.number is None else job.number)
            self._running[job.key] = RunningTrial(number, job.replicates[0], 0.0, 0.0)
            if job.number is not None:
                self._trials.open(job.number, job.replicates[0])
                self._pace.trial_begun()
        self._tell()

    def report(self, job: Job, report: Report) -> bool:
        """Takes a report in.

        Returns:
            Whether the worker shall go on with the job.
        """
        with self._mutex:
            number = self._running[job.key].number
            self._running[job.key] = RunningTrial(number, report.replicate, report.progress, report.seconds)
            if job.number is not None:
                going = self._trials.take_in(job.number, report)
            else:
                going = report.record is None
                if report.record is not None:
                    self._prepared(job, Record.model_validate_json(report.record))
            if not going:
                del self._running[job.key], self._out[job.key]
        if report.record is not None or report.rung is not None:
            self._tell()
        return going and self.fatal is None

    def _prepared(self, job: Job, record: Record) -> None:
        self._prerequisites.done(job)
        if job.kind == "control" and record.outcome != "completed":
            self.message = f"{job.label} with seed {record.identity.seed}: {record.outcome}"

    def died(self, job: Job, error: BaseException | None) -> None:
        """Takes in that a job's worker ended without a report: it died, or raised what no trial can be blamed for."""
        with self._mutex:
            self._out.pop(job.key, None)
            self._running.pop(job.key, None)
            grave = None if error is None else sweep_error(error, self.folder.path)
            if grave is not None:
                self.refused(grave)
            message = "its worker died" if error is None else str(grave or error)
            outcome: Outcome = "out_of_memory" if isinstance(error, MemoryError) else "lost"
            if job.number is not None:
                self._trials.put_back(job.number, outcome if grave is None else "interrupted", message)
            elif grave is None:
                hopeless = self._prerequisites.died(job, outcome, message)
                if hopeless is not None:
                    self.refused(hopeless)
        self._tell()

    def refused(self, error: BaseException) -> None:
        """Takes in what makes the sweep as a whole impossible; it stops."""
        self.fatal = self.fatal or error
        self.stopping = True

    def interrupted(self, job: Job) -> None:
        """Takes in that a job was stopped in an orderly way; it waits again."""
        with self._mutex:
            self._out.pop(job.key, None)
            known = self._running.pop(job.key, None)
            if job.number is not None:
                self._trials.put_back(job.number, "interrupted", "stopped", 0.0 if known is None else known.progress)

    # ---- watching

    def snapshot(self) -> Snapshot:
        """How far the sweep is."""
        with self._mutex:
            return Snapshot(
                prepared=self._prerequisites.there,
                to_prepare=self._prerequisites.needed,
                counts=self._trials.counts(),
                budget_trials=self.spec.trials,
                running=list(self._running.values()),
                best=self._best_trial.best(),
                elapsed_s=self._pace.elapsed_s,
                remaining_s=self._pace.remaining_s(self._trials.ended, self._to_come()),
                message=self.message,
            )

    def _to_come(self) -> int | None:
        if self.spec.space is None or self.spec.trials is None:
            return None
        return max(0, self.spec.trials - sum(trial.final for trial in self._trials.trials.values()))

    def _tell(self) -> None:
        self._ticker.told()
        self._note_start()
        if self._watch is not None:
            self._watch(self.snapshot())

    def _note_start(self) -> None:
        elapsed = self._pace.elapsed_s
        if not self.nothing_to_do and elapsed - self._noted_at > NOTE_EVERY_S:
            self._noted_at = elapsed
            with contextlib.suppress(OSError, StorageError):  # the budget of hours loses a second or two by it
                self.folder.note_start(self._trials.generation, {"seconds": elapsed, "command": self._command})
