"""One start of a sweep: gives out jobs, takes reports in, keeps the files. Knows nothing of how jobs are executed."""

import contextlib
import threading
import time
from collections import Counter
from enum import Enum
from pathlib import Path
from types import TracebackType

from analysis.record import Outcome, Record
from sweeps import opening, preparation
from sweeps.errors import StaleEpochError, StorageError, SweepError, storage_error
from sweeps.folder import SweepFolder
from sweeps.halving import Halving, Values, fraction_rung
from sweeps.job import Job, Report
from sweeps.laboratory import Laboratory
from sweeps.replicate import build_record, clear_work, trace_file
from sweeps.settle import Result, Rules
from sweeps.snapshot import RunningTrial, Snapshot, Summary, Watch
from sweeps.spec import SweepSpec
from sweeps.study import Study
from sweeps.trial import Trial
from sweeps.watchdog import hang_trace

LOSSES_ALLOWED = 5
WATCH_EVERY_S = 1.5


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
        self.epoch = 0
        self.slots = 1
        self.message = ""
        self._command, self._spec_text, self._watch = command, spec_text, watch
        self._seeds = spec.replicates.seeds
        self._lock = self.folder.lock()
        self._mutex = threading.RLock()
        self._started = time.monotonic()
        self._used_before = 0.0
        self._trials: dict[int, Trial] = {}
        self._waiting: list[int] = []
        self._results: dict[int, dict[int, Result]] = {}
        self._rungs: dict[str, dict[int, Values]] = {}
        self._out: dict[str, Job] = {}
        self._running: dict[str, RunningTrial] = {}
        self._asked = 0
        self._ended_here = 0
        self._first_trial_at: float | None = None
        self._exhausted = False
        self._study: Study | None = None
        self._teachers: list[int] = []
        self._teachers_needed = self._teachers_there = 0
        self._controls: list[tuple[str, int]] = []
        self._deaths: Counter[str] = Counter()
        self._floors: tuple[float | None, ...] | None = None
        self._best: dict[str, float | int | None] | None = None
        self._last_watch = 0.0
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="sweep-ticker", daemon=True)

    # ---- beginning and end

    def __enter__(self) -> "Session":
        self._lock.__enter__()
        try:
            opening.match(self.folder, self.spec, command=self._command, spec_text=self._spec_text)
            trials = self.folder.read_trials()
            self._trials = {trial.number: trial for trial in trials}
            self._find_best()
            self.nothing_to_do = opening.complete(self.spec, self.folder, trials)
            if not self.nothing_to_do:
                self._take_up(trials)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        self._ticker.start()
        return self

    def _take_up(self, trials: list[Trial]) -> None:
        self.epoch = self.folder.begin_epoch()
        self._used_before = self.folder.seconds_used(before=self.epoch)
        self.folder.remove_temporaries()
        for trial in trials:
            for rung, entry in trial.rungs.items():
                self._rungs.setdefault(rung, {})[trial.number] = entry.values
            if trial.state == "pruned":
                self._record_pruned(trial)
        for trial in trials:
            if not trial.final:
                self._results[trial.number] = self._read_results(trial.number)
                self._return(trial, "interrupted", "the driver ended")
        self._study = Study(self.spec, self._trials.values())
        self._controls = preparation.missing_controls(self.spec, self.folder)

    def prepare(self) -> None:
        """Finds out which teachers are missing; comes before the first job, for it may take seconds of imports.

        Raises:
            Exception: the spec names something that is not there.
        """
        teachers, needed = preparation.missing_teachers(self.spec, self.folder, self.laboratory)
        with self._mutex:
            self._teachers, self._teachers_needed, self._teachers_there = teachers, needed, needed - len(teachers)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._ticker.join()
        try:
            for job in list(self._out.values()):
                with contextlib.suppress(StorageError):  # the error that is on its way says it already
                    self.interrupted(job)
            if not self.nothing_to_do:
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
        left = self.stopping and not opening.complete(self.spec, self.folder, list(self._trials.values()))
        return Summary(
            folder=self.folder.path,
            trials_started=self._asked,
            counts=self._counts(),
            interrupted=left,
            nothing_to_do=self.nothing_to_do,
        )

    @property
    def at_work(self) -> int:
        """How many jobs are out."""
        return len(self._out)

    def stop(self) -> None:
        """Gives out no more jobs; what runs shall keep its work and leave."""
        self.stopping = True

    # ---- giving out

    def next(self) -> Job | Nothing:
        """The next job, or why there is none."""
        with self._mutex:
            job = self._next()
            if isinstance(job, Job):
                self._out[job.key] = job
        return job

    def started(self, job: Job) -> None:
        """Takes in that a worker has begun with a job; until then it only waits for one."""
        with self._mutex:
            number = job.method or (job.kind if job.number is None else job.number)
            self._running[job.key] = RunningTrial(number, job.replicates[0], 0.0, 0.0)
            if job.number is not None:
                self._keep(self._trials[job.number].opened(job.replicates[0], self.epoch))
                self._first_trial_at = self._first_trial_at or time.monotonic()
        self._tell()

    def _next(self) -> Job | Nothing:
        if self.stopping or self.fatal is not None:
            return Nothing.EVER
        if self._teachers:
            return preparation.teacher_job(self._teachers.pop(0), self.epoch)
        if self._any_running("teacher"):
            return Nothing.NOW
        if self._controls:
            method, replicate = self._controls.pop(0)
            return preparation.control_job(self.folder, method, replicate, self.epoch)
        if self._any_running("control") and preparation.needs_control(self.spec):
            return Nothing.NOW
        while True:
            trial = self._next_trial()
            if isinstance(trial, Nothing):
                return trial
            job = self._issue(trial)
            if job is not None:
                return job

    def _next_trial(self) -> Trial | Nothing:
        if self._waiting:
            return self._trials[self._waiting.pop(0)]
        if self._exhausted or opening.spent(self.spec, len(self._trials), self._used_before + self._elapsed()):
            # What is under way may be lost with its worker and has to be given out again.
            return Nothing.NOW if self._out else Nothing.EVER
        assert self._study is not None, "there is one from the beginning on"
        if not self._study.ready:
            return Nothing.NOW
        trial = self._study.ask()
        if trial is None:
            self._exhausted = True
            return self._next_trial()
        self._asked += 1
        self._results[trial.number] = {}
        return trial

    def _issue(self, trial: Trial) -> Job | None:
        """The job that does what is left of a trial; None where nothing is."""
        trial = self._settle(trial)
        if trial.final:
            return None
        left = tuple(index for index in range(len(self._seeds)) if index not in self._results[trial.number])
        self._keep(trial.model_copy(update={"state": "waiting"}))
        rungs: tuple[float, ...] = ()
        if self.spec.scheduler.name == "halving" and left[0] == 0:
            every = sorted(set(self.spec.scheduler.fractions))
            rungs = tuple(fraction for fraction in every if fraction_rung(fraction) not in trial.rungs)
        return Job(
            kind="trial",
            name=self.folder.trial_name(trial.number),
            label=f"trial {trial.number}",
            replicates=left,
            attempts={index: trial.tries(index) for index in left},
            epoch=self.epoch,
            number=trial.number,
            parameters=dict(trial.parameters),
            rungs=rungs,
            alongside=min(self.at_work + 1, self.slots),
        )

    # ---- taking in

    def report(self, job: Job, report: Report) -> bool:
        """Takes a report in.

        Returns:
            Whether the worker shall go on with the job.
        """
        with self._mutex:
            number = self._running[job.key].number
            self._running[job.key] = RunningTrial(number, report.replicate, report.progress, report.seconds)
            going = self._take_in(job, report)
            if not going:
                del self._running[job.key], self._out[job.key]
        if report.record is not None or report.rung is not None:
            self._tell()
        return going and self.fatal is None

    def _take_in(self, job: Job, report: Report) -> bool:
        record = None if report.record is None else Record.model_validate_json(report.record)
        if job.number is None:
            if record is not None:
                self._prepared(job, record)
            return record is None
        trial = self._trials[job.number]
        if report.rung is not None:
            values = tuple((report.objectives or {}).get(objective.name) for objective in self.spec.objectives)
            trial = self._rules().at_rung(trial, fraction_rung(report.rung), values, self._decide)
            if trial.final:
                trial = trial.closed("pruned", progress=report.progress)
            self._keep(trial)
        if record is not None:
            results = self._results[trial.number]
            results[report.replicate] = self._result(record)
            trial = self._settle(trial.closed(record.outcome, message=record.message, progress=record.progress))
            if not trial.final:
                left = [index for index in job.replicates if index not in results]
                self._keep(trial.opened(left[0], self.epoch))
        return not self._trials[job.number].final

    def _prepared(self, job: Job, record: Record) -> None:
        if job.kind == "teacher":
            self._teachers_there += 1
        elif record.outcome != "completed":
            self.message = f"{job.label} with seed {record.identity.seed}: {record.outcome}"

    def died(self, job: Job, error: BaseException | None) -> None:
        """Takes in that a job's worker ended without a report: it died, or raised what no trial can be blamed for."""
        with self._mutex:
            self._out.pop(job.key, None)
            self._running.pop(job.key, None)
            if isinstance(error, StaleEpochError):
                error = SweepError(f"Another driver has taken {self.folder.path} over; this one leaves. ({error})")
            full = None if error is None else storage_error(error)
            if full is not None or isinstance(error, SweepError):
                self._fail(full or error)
                if job.number is not None:
                    self._return(self._trials[job.number], "interrupted", "the sweep stopped")
                return
            message = "its worker died" if error is None else str(error)
            if job.number is not None:
                self._return(self._trials[job.number], "lost", message)
            else:
                self._preparation_died(job, error, message)
        self._tell()

    def _preparation_died(self, job: Job, error: BaseException | None, message: str) -> None:
        replicate = job.replicates[0]
        self._deaths[job.key] += 1
        enough = self._deaths[job.key] >= LOSSES_ALLOWED
        if job.kind == "teacher":
            if enough:
                self._fail(
                    error or SweepError(f"The teacher of seed {self._seeds[replicate]} cannot be made: {message}")
                )
            self._teachers.insert(0, replicate)
        elif self.folder.read_record(job.name, replicate) is None:
            hang = hang_trace(trace_file(self.folder, job.name, replicate))
            if hang is None and not enough:
                self._controls.insert(0, (job.method or "", replicate))
                return
            outcome: Outcome = "failed" if hang is None else "timed_out"
            self._write_record(job.name, replicate, outcome, hang or message, method=job.method)

    def refused(self, error: BaseException) -> None:
        """Takes in that a teacher cannot be made, whoever tries."""
        self._fail(error)

    def interrupted(self, job: Job) -> None:
        """Takes in that a job was stopped in an orderly way; it is waiting again."""
        with self._mutex:
            self._out.pop(job.key, None)
            known = self._running.pop(job.key, None)
            if job.number is not None:
                progress = 0.0 if known is None else known.progress
                self._return(self._trials[job.number], "interrupted", "stopped", progress)

    def _fail(self, error: BaseException | None) -> None:
        self.fatal = self.fatal or error
        self.stopping = True

    # ---- trials

    def _return(self, trial: Trial, outcome: Outcome, message: str, progress: float = 0.0) -> None:
        """Closes a trial's attempt under way as the files say, and lets it wait or end accordingly."""
        if trial.attempts and trial.attempts[-1].outcome is None:
            replicate, name = trial.attempts[-1].replicate, self.folder.trial_name(trial.number)
            record = self.folder.read_record(name, replicate)
            hang = hang_trace(trace_file(self.folder, name, replicate))
            if record is None and hang is not None:
                record = self._write_record(name, replicate, "timed_out", f"a step hung:\n{hang}", trial=trial)
            elif record is None and outcome == "lost" and trial.losses(replicate) + 1 >= LOSSES_ALLOWED:
                text = f"its worker died {LOSSES_ALLOWED} times; the last time: {message}"
                record = self._write_record(name, replicate, "failed", text, trial=trial)
            if record is None:
                trial = trial.closed(outcome, message=message, progress=progress)
            else:
                trial = trial.closed(record.outcome, message=record.message, progress=record.progress)
                self._results[trial.number][replicate] = self._result(record)
        trial = self._settle(trial)
        if not trial.final:
            self._keep(trial.model_copy(update={"state": "waiting"}))
            self._waiting = sorted({*self._waiting, trial.number})

    def _settle(self, trial: Trial) -> Trial:
        settled = self._rules().settle(trial, self._results[trial.number], self._decide)
        if settled is not trial or settled.final:
            if settled.state == "pruned" and "pruned" not in [attempt.outcome for attempt in settled.attempts]:
                left = next(i for i in range(len(self._seeds)) if i not in self._results[trial.number])
                settled = settled.opened(left, self.epoch).closed("pruned").model_copy(update={"state": "pruned"})
            self._keep(settled)
        return settled

    def _keep(self, trial: Trial) -> None:
        """Writes a trial and everything that follows from its state."""
        self.folder.write_trial(trial)
        self._trials[trial.number] = trial
        for rung, entry in trial.rungs.items():
            self._rungs.setdefault(rung, {})[trial.number] = entry.values
        if not trial.final:
            return
        self._results.pop(trial.number, None)
        self._waiting = [number for number in self._waiting if number != trial.number]
        self._ended_here += 1
        if trial.state == "pruned":
            self._record_pruned(trial)
        if self._study is not None:
            self._study.ended(trial)
        self._find_best(trial)

    def _record_pruned(self, trial: Trial) -> None:
        """Gives the replicate at which a trial was stopped its row."""
        name, last = self.folder.trial_name(trial.number), trial.attempts[-1]
        if not self.folder.record_file(name, last.replicate).exists():
            rung = max(trial.rungs, key=float, default="")
            text = f"stopped at rung {rung}"
            self._write_record(name, last.replicate, "pruned", text, trial=trial, progress=last.progress)
        clear_work(self.folder, name, last.replicate)

    def _write_record(
        self,
        name: str,
        replicate: int,
        outcome: Outcome,
        message: str,
        *,
        trial: Trial | None = None,
        method: str | None = None,
        progress: float = 0.0,
    ) -> Record:
        """A row that no worker could write."""
        parameters = {} if trial is None else trial.parameters
        config = self.spec.control_config(method) if method else self.spec.run_config(parameters)
        record = build_record(
            self.spec,
            config,
            self._seeds[replicate],
            None,
            outcome=outcome,
            message=message,
            kind="control" if trial is None else "trial",
            label=method or f"trial {trial.number if trial is not None else ''}",
            trial=None if trial is None else trial.number,
            replicate=replicate,
            attempt=0 if trial is None else max(0, trial.tries(replicate) - 1),
            started_at=trial.attempts[-1].started_at if trial is not None and trial.attempts else "",
            parameters=parameters,
            settings=self.laboratory.settings(config),
            progress=progress,
        )
        self.folder.commit_record(name, record)
        return self.folder.read_record(name, replicate) or record

    def _read_results(self, number: int) -> dict[int, Result]:
        name = self.folder.trial_name(number)
        records = {index: self.folder.read_record(name, index) for index in range(len(self._seeds))}
        return {index: self._result(record) for index, record in records.items() if record is not None}

    def _result(self, record: Record) -> Result:
        values = tuple(record.objectives.get(objective.name) for objective in self.spec.objectives)
        return Result(record.outcome, values, record.message)

    # ---- early stopping

    def _rules(self) -> Rules:
        if self.spec.scheduler.name != "halving":
            return Rules(len(self._seeds))
        if self._floors is None:
            self._floors = preparation.floors(self.spec, self.folder)
        directions = tuple(objective.direction for objective in self.spec.objectives)
        return Rules(len(self._seeds), Halving(self.spec.scheduler.reduction, directions, self._floors))

    def _decide(self, trial: Trial, rung: str, values: Values) -> bool:
        halving = self._rules().halving
        return halving is None or halving.promotes(trial.number, values, self._rungs.get(rung, {}))

    # ---- watching

    def _any_running(self, kind: str) -> bool:
        return any(job.kind == kind for job in self._out.values())

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _counts(self) -> dict[str, int]:
        return dict(sorted(Counter(trial.state for trial in self._trials.values()).items()))

    def _find_best(self, new: Trial | None = None) -> None:
        sign = -1 if self.spec.objectives[0].direction == "maximize" else 1
        best: Trial | None = None
        for trial in self._trials.values() if new is None or self._best is None else (new,):
            if trial.values is not None and (best is None or sign * trial.values[0] < sign * (best.values or ())[0]):
                best = trial
        if best is None or best.values is None:
            return
        if (
            self._best is not None
            and sign * float(self._best[self.spec.objectives[0].name] or 0) <= sign * best.values[0]
        ):
            return
        names = [objective.name for objective in self.spec.objectives]
        name = self.folder.trial_name(best.number)
        records = [self.folder.read_record(name, index) for index in range(len(self._seeds))]
        seen = [None if record is None else record.quality.validation_accuracy for record in records]
        accuracy = None if "validation_accuracy" in names else preparation.mean(seen)
        self._best = {"number": best.number, **dict(zip(names, best.values, strict=True)), "accuracy": accuracy}

    def snapshot(self) -> Snapshot:
        """How far the sweep is."""
        with self._mutex:
            counts, elapsed = self._counts(), self._elapsed()
            final = sum(trial.final for trial in self._trials.values())
            budget, left = self.spec.budget, None
            if budget.trials is not None and self._ended_here and self._first_trial_at is not None:
                rate = (time.monotonic() - self._first_trial_at) / self._ended_here
                left = rate * max(0, budget.trials - final)
            if budget.hours is not None:
                rest = max(0.0, budget.hours * 3600 - self._used_before - elapsed)
                left = rest if left is None else min(left, rest)
            return Snapshot(
                prepared=self._teachers_there,
                to_prepare=self._teachers_needed,
                counts=counts,
                budget_trials=budget.trials,
                running=list(self._running.values()),
                best=self._best,
                elapsed_s=elapsed,
                remaining_s=left,
                message=self.message,
            )

    def _tell(self) -> None:
        self._last_watch = time.monotonic()
        if self._watch is not None:
            self._watch(self.snapshot())

    def _tick(self) -> None:
        """Runs beside the work: steps may be long, and nobody shall think that the sweep hangs."""
        while not self._over.wait(0.25):
            if time.monotonic() - self._last_watch >= WATCH_EVERY_S:
                if not self.nothing_to_do:
                    self._note_start()
                with contextlib.suppress(Exception):  # a display that fails here will fail in the main thread too
                    self._tell()

    def _note_start(self) -> None:
        with contextlib.suppress(OSError, StorageError):  # the budget of hours loses a second or two by it
            self.folder.note_start(self.epoch, {"seconds": self._elapsed(), "command": self._command})
