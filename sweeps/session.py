"""One start of a sweep: gives out jobs, takes reports in, keeps the files. Knows nothing of how jobs are executed."""

import contextlib
import threading
from enum import Enum
from pathlib import Path
from types import TracebackType

from analysis.record import Outcome, Record
from sweeps import opening, preparation
from sweeps.book import Book
from sweeps.errors import StorageError, sweep_error
from sweeps.folder import SweepFolder
from sweeps.groundwork import Groundwork
from sweeps.job import Job, Report
from sweeps.laboratory import Laboratory
from sweeps.monitor import Champion, Ticker
from sweeps.pace import Pace
from sweeps.snapshot import RunningTrial, Snapshot, Summary, Watch
from sweeps.spec import SweepSpec
from sweeps.trial import Trial

NOTE_EVERY_S = 1.0


class Nothing(Enum):
    """Why no job is given out."""

    NOW = "others have to end first"
    EVER = "everything is done or under way for good"


class Session:
    """A start, from taking the folder up to letting it go. Use as a context manager.

    Args:
        spec: the sweep.
        path: its folder.
        laboratory: where experiments come from.
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
        laboratory: Laboratory,
        *,
        command: str = "",
        spec_text: str = "",
        watch: Watch | None = None,
    ) -> None:
        self.spec = spec
        self.laboratory = laboratory
        self.folder: SweepFolder = opening.reserve(path)
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
        self._book = Book(spec, self.folder, laboratory, ())
        self._groundwork = Groundwork(self._book, laboratory)
        self._champion = Champion(self._book)
        self._out: dict[str, Job] = {}
        self._running: dict[str, RunningTrial] = {}
        self._ticker = Ticker(self._tell)

    # ---- beginning and end

    def __enter__(self) -> "Session":
        self._lock.__enter__()
        try:
            opening.match(self.folder, self.spec, command=self._command, spec_text=self._spec_text)
            trials = self.folder.read_trials()
            self._book = Book(self.spec, self.folder, self.laboratory, trials)
            self._champion = Champion(self._book)
            self.nothing_to_do = opening.complete(self.spec, self.folder, trials)
            if not self.nothing_to_do:
                epoch = self.folder.begin_epoch()
                self._pace.before_s = self.folder.seconds_used(before=epoch)
                self.folder.remove_temporaries()
                self._book.take_up(epoch)
                self._groundwork = Groundwork(self._book, self.laboratory)
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
        self._groundwork.find_teachers(self._pace.before_s)

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
        left = self.stopping and not opening.complete(self.spec, self.folder, list(self._book.trials.values()))
        return Summary(
            folder=self.folder.path,
            trials_started=self._book.asked,
            counts=self._book.counts(),
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

    def next(self) -> Job | Nothing:
        """The next job, or why there is none."""
        with self._mutex:
            job = self._next()
            if isinstance(job, Job):
                self._out[job.key] = job
        return job

    def _next(self) -> Job | Nothing:
        if self.stopping or self.fatal is not None:
            return Nothing.EVER
        work = self._groundwork
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
        if work.teaching or (self._any_out("control") and preparation.needs_control(self.spec)):
            return Nothing.NOW
        return self._next_trial_job()

    def _next_trial_job(self) -> Job | Nothing:
        while True:
            trial = self._next_trial()
            if isinstance(trial, Nothing):
                return trial
            job = self._book.issue(trial, min(self.at_work + 1, self.slots))
            if job is not None:
                return job

    def _next_trial(self) -> Trial | Nothing:
        waiting = self._book.next_waiting()
        if waiting is not None:
            return waiting
        spent = opening.spent(self.spec, len(self._book.trials), self._pace.used_s)
        if self._book.exhausted or spent:
            # What is under way may be lost with its worker and has to be given out again.
            return Nothing.NOW if self._out else Nothing.EVER
        if not self._book.ready:
            return Nothing.NOW
        return self._book.ask() or self._next_trial()

    def _any_out(self, kind: str) -> bool:
        return any(job.kind == kind for job in self._out.values())

    # ---- taking in

    def started(self, job: Job) -> None:
        """Takes in that a worker has begun with a job; until then it only waits for one."""
        with self._mutex:
            number = job.control or (job.kind if job.number is None else job.number)
            self._running[job.key] = RunningTrial(number, job.replicates[0], 0.0, 0.0)
            if job.number is not None:
                self._book.open(job.number, job.replicates[0])
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
                going = self._book.take_in(job.number, report)
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
        self._groundwork.done(job)
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
                self._book.put_back(job.number, outcome if grave is None else "interrupted", message)
            elif grave is None:
                hopeless = self._groundwork.died(job, outcome, message)
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
                self._book.put_back(job.number, "interrupted", "stopped", 0.0 if known is None else known.progress)

    # ---- watching

    def snapshot(self) -> Snapshot:
        """How far the sweep is."""
        with self._mutex:
            return Snapshot(
                prepared=self._groundwork.there,
                to_prepare=self._groundwork.needed,
                counts=self._book.counts(),
                budget_trials=self.spec.trials,
                running=list(self._running.values()),
                best=self._champion.best(),
                elapsed_s=self._pace.elapsed_s,
                remaining_s=self._pace.remaining_s(self._book.ended, self._to_come()),
                message=self.message,
            )

    def _to_come(self) -> int | None:
        if self.spec.space is None or self.spec.trials is None:
            return None
        return max(0, self.spec.trials - sum(trial.final for trial in self._book.trials.values()))

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
                self.folder.note_start(self._book.epoch, {"seconds": elapsed, "command": self._command})
