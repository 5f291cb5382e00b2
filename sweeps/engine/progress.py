"""How a sweep goes: what runs, the best trial, time; published at every change and at least every two seconds."""

import contextlib
import threading
import time
from collections.abc import Callable

from sweeps.engine.prerequisites import Prerequisites
from sweeps.engine.snapshot import RunningTrial, Snapshot, Watch
from sweeps.engine.stopwatch import Stopwatch
from sweeps.engine.teachers_and_controls import mean
from sweeps.engine.trials.trial_table import TrialTable
from sweeps.faults.failure import NODE_DIED, Failure
from sweeps.store.trial import Trial
from sweeps.worker.messages import Job, Report

WATCH_EVERY_S = 1.5
Best = dict[str, float | int | None]


class Progress:
    """What is known of a running sweep, for whoever watches it.

    Args:
        trials: those of the sweep.
        prerequisites: its teachers and controls.
        stopwatch: of this start.
        watch: called with every snapshot, also from another thread; None where nobody watches.
        mutex: held while the trials change.
        before: called before each snapshot.
    """

    def __init__(
        self,
        trials: TrialTable,
        prerequisites: Prerequisites,
        stopwatch: Stopwatch,
        watch: Watch | None,
        mutex: threading.RLock,
        before: Callable[[], None],
    ) -> None:
        self.message = ""
        self._notices: list[str] = []
        self._trials, self._prerequisites, self._stopwatch = trials, prerequisites, stopwatch
        self._watch, self._before = watch, before
        self._best = BestTrial(trials)
        self._running: dict[str, RunningTrial] = {}
        self._mutex = mutex
        self._ticker = Ticker(self.publish)

    def __enter__(self) -> "Progress":
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ticker.stop()

    def started(self, job: Job) -> None:
        """A worker has begun with a job."""
        number = job.control or (job.kind if job.number is None else job.number)
        with self._mutex:
            self._running[job.key] = RunningTrial(number, job.replicates[0], 0.0, 0.0)
            if job.trial is not None:
                self._stopwatch.trial_begun()
            self._trials.journal.started(job)

    def reported(self, job: Job, report: Report) -> None:
        """A worker has said how far its job is."""
        with self._mutex:
            number = self._running[job.key].number
            self._running[job.key] = RunningTrial(number, report.replicate, report.progress, report.seconds)
            self._trials.journal.reported(job, report)

    def ended(self, job: Job) -> float:
        """A job is no longer at work.

        Returns:
            The progress of its replicate as last reported.
        """
        with self._mutex:
            running = self._running.pop(job.key, None)
        return 0.0 if running is None else running.progress

    def failed(self, job: Job, failure: Failure) -> None:
        """An attempt at a job failed."""
        text = f"{failure} (on {failure.host})" if failure.host else str(failure)
        self._trials.folder.note(f"{job.label}, replicate {job.replicates[0]}: {failure.cause}: {text}")
        if failure.message != NODE_DIED:  # which is said once for the node, and not for each of its jobs
            self.message = f"{job.label}: {text}"

    def snapshot(self) -> Snapshot:
        """How far the sweep is."""
        with self._mutex:
            return Snapshot(
                prepared=self._prerequisites.there,
                to_prepare=self._prerequisites.needed,
                counts=self._trials.tally.counts(),
                budget_trials=self._budget(),
                running=list(self._running.values()),
                best=self._best.best(),
                elapsed_s=self._stopwatch.elapsed_s,
                remaining_s=self._stopwatch.remaining_s(self._trials.ended, self._to_come()),
                message=self.message,
                notices=tuple(self._notices),
            )

    def notice(self, line: str) -> None:
        """Something that whoever watches is to see once, however soon other things happen."""
        self._trials.folder.note(line)
        self._notices.append(line)
        self.publish()

    def publish(self) -> None:
        """Hands a snapshot to whoever watches."""
        self._ticker.published()
        self._before()
        if self._watch is not None:
            self._watch(self.snapshot())

    def _budget(self) -> int | None:
        """How many trials there will be: more than the budget has, where points were enqueued when it was met."""
        budget = self._trials.spec.trials
        return None if budget is None else max(budget, len(self._trials.trials))

    def _to_come(self) -> int | None:
        budget = self._budget()
        if self._trials.spec.space is None or budget is None:
            return None
        return max(0, budget - self._trials.tally.final)


class Ticker:
    """Calls a function when nobody else did for a while: steps may be long, and the sweep must not seem to hang.

    Args:
        publish: what is called; what it raises here, it will raise in the main thread too.
    """

    def __init__(self, publish: Callable[[], None]) -> None:
        self._publish = publish
        self._last = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="sweep-ticker", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; nothing is published afterwards."""
        self._over.set()
        self._thread.join()

    def published(self) -> None:
        """Somebody has just published."""
        self._last = time.monotonic()

    def _tick(self) -> None:
        while not self._over.wait(0.25):
            if time.monotonic() - self._last >= WATCH_EVERY_S:
                with contextlib.suppress(Exception):
                    self._publish()


class BestTrial:
    """The best complete trial so far, by the first objective.

    Args:
        trials: those of the sweep.
    """

    def __init__(self, trials: TrialTable) -> None:
        self._trials = trials
        self._known: tuple[int, Best] | None = None

    def best(self) -> Best | None:
        """Its number, objective values, and validation accuracy where that is no objective itself."""
        best = self._trials.tally.best
        if best is not None and (self._known is None or self._known[0] != best.number):
            self._known = (best.number, self._facts(best))
        return None if self._known is None else self._known[1]

    def _facts(self, trial: Trial) -> Best:
        spec, folder = self._trials.spec, self._trials.folder
        names = [objective.name for objective in spec.objectives]
        facts: Best = {"number": trial.number, **dict(zip(names, trial.values or (), strict=True))}
        if "validation_accuracy" not in names:
            name = folder.trial_name(trial.number)
            records = [folder.read_record(name, index) for index in range(len(spec.replicates.seeds))]
            facts["validation_accuracy"] = mean(
                [None if record is None else record.quality.validation_accuracy for record in records]
            )
        return facts
