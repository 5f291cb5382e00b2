"""What a start does beside its trials: teachers first, then controls, each a job of its own."""

import time
from dataclasses import replace
from itertools import takewhile

from acgkd.errors import SweepError
from sweeps.engine import startup, teachers_and_controls
from sweeps.engine.trials.trial_table import TrialTable
from sweeps.faults.failure import Failure
from sweeps.faults.retries import DEATHS_BEFORE_GUARD, Others, decide, same_place
from sweeps.store.trial import Attempt
from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job


class Prerequisites:
    """Teachers and controls that are still to do, that are out, and that died.

    Args:
        trials: those of the sweep, and the folder.
        experiments: where experiments come from.
    """

    def __init__(self, trials: TrialTable, experiments: Experiments) -> None:
        self._trials = trials
        self._spec, self._folder = trials.spec, trials.folder
        self._experiments = experiments
        self._controls = teachers_and_controls.missing_controls(self._spec, self._folder)
        self._teachers: list[int] = []
        self._first: dict[int, int] = {}
        self._missing: set[int] = set()
        self._attempts: dict[str, list[Attempt]] = {}
        self._due: dict[str, float] = {}
        self.set_back: dict[str, str] = {}
        self._needed = self._all_controls = len(self._spec.controls) * len(self._spec.replicates.seeds)
        self._controls_left = set(self._controls)

    @property
    def needed(self) -> int:
        """How many teachers and controls there have to be."""
        return self._needed

    @property
    def there(self) -> int:
        """How many of them are there."""
        return self._needed - len(self._missing) - len(self._controls_left)

    def find_teachers(self, seconds_used: float) -> None:
        """Finds out which teachers are missing; takes seconds of imports.

        Args:
            seconds_used: by all starts together, against the budget.

        Raises:
            Exception: the spec names something that is not there.
        """
        trials = self._trials.trials.values()
        more = self._trials.suggestions.enqueued or not startup.spent(self._spec, trials, seconds_used)
        wanted = teachers_and_controls.unfinished(self._spec, self._folder, trials, more)
        wanted |= self._trials.teachers_without_row
        found = teachers_and_controls.find_teachers(self._spec, self._folder, self._experiments, wanted)
        self._teachers, self._first = list(found.missing), found.first
        self._missing, self._needed = set(found.missing), len(found.needed) + self._all_controls

    # ---- handing out

    def teacher(self, at_work: int) -> Job | None:
        """The next teacher to make, if so many jobs at work allow it."""
        for place, replicate in enumerate(self._teachers):
            job = self._issued(teachers_and_controls.teacher_job(replicate, self._trials.generation), at_work)
            if job is not None:
                del self._teachers[place]
                return job
        return None

    def control(self, at_work: int) -> Job | None:
        """The next control whose teacher is there; the others wait, and nobody waits for a teacher but they."""
        for place, (label, replicate) in enumerate(self._controls):
            if self._first.get(replicate) in self._missing:
                continue
            control = teachers_and_controls.control_job(self._folder, label, replicate, self._trials.generation)
            job = self._issued(control, at_work)
            if job is not None:
                del self._controls[place]
                return job
        return None

    def _issued(self, job: Job, at_work: int) -> Job | None:
        """The job as it is handed out; None while it pauses, or has to be alone."""
        if self._due.get(job.key, 0.0) > time.monotonic():
            return None
        tries = self._attempts.get(job.key, [])
        if at_work and tries and tries[-1].outcome == "out_of_memory":
            return None
        return replace(
            job,
            attempts={job.replicates[0]: len(tries)},
            alone=bool(tries) and tries[-1].outcome == "out_of_memory",
            guarded=bool(tries) and same_place(tries) >= DEATHS_BEFORE_GUARD,
        )

    @property
    def pausing(self) -> bool:
        """Whether a teacher or control waits for nothing but its pause."""
        return any(due > time.monotonic() for due in self._due.values())

    @property
    def teaching(self) -> bool:
        """Whether a teacher is still to come, and with it the first trial."""
        return bool(self._missing)

    # ---- taking in

    def done(self, job: Job) -> None:
        """Takes in that a teacher is made, or that a control has its record."""
        if job.kind == "teacher":
            self._missing.discard(job.replicates[0])
        else:
            self._controls_left.discard((job.label, job.replicates[0]))

    def died(self, job: Job, failure: Failure, progress: float, others: Others) -> SweepError | None:
        """Takes in that an attempt at a teacher or a control failed: it is due again, or gets its row.

        Args:
            job: that failed.
            failure: how.
            progress: as last reported.
            others: what became of other jobs meanwhile.

        Returns:
            Why the sweep as a whole is impossible, if it is.
        """
        replicate, records = job.replicates[0], self._trials.records
        tries = self._attempts.setdefault(job.key, [])
        failure = records.witnessed(job.name, replicate, len(tries), failure)
        facts = records.facts(job.name, replicate, len(tries), progress)
        now = {"outcome": failure.outcome, "message": failure.message, "cause": failure.cause, **facts}
        start = self._trials.generation
        tries.append(Attempt.model_validate({"replicate": replicate, "attempt": len(tries), "generation": start} | now))
        verdict = decide(tries, failure, others)
        if verdict.action == "retry":
            self._due[job.key] = time.monotonic() + verdict.pause_s
            self.again(job)
        elif job.kind == "teacher":
            self.again(job)
            seed = self._spec.replicates.seeds[replicate]
            return SweepError(f"The teacher of seed {seed} cannot be made: {verdict.message}")
        elif verdict.action == "final":
            records.of_control(job.label, replicate, verdict.outcome, verdict.message)
            self.done(job)
        else:
            self.set_back[job.label] = verdict.message
        return None

    def again(self, job: Job) -> None:
        """A teacher or control is due again."""
        if job.kind == "teacher":
            self._teachers.insert(0, job.replicates[0])
        else:
            self._controls.insert(0, (job.label, job.replicates[0]))

    def died_with_driver(self, keys: list[str]) -> None:
        """Takes in at which jobs drivers have died that ran them in their own process, latest first."""
        for number, key in enumerate(takewhile(lambda key: key == keys[0] != "", keys)):
            died = Attempt(
                replicate=0, attempt=number, generation=0, outcome="lost", cause="platform", place="with its driver"
            )
            self._attempts.setdefault(key, []).append(died)
