"""What a start does beside its trials, each a job of its own: teachers, controls, and seeds that were added."""

from acgkd.errors import AcgkdError, StorageError, SweepError
from sweeps.engine import teachers_and_controls
from sweeps.engine.limits import spent
from sweeps.engine.side_attempts import SideAttempts
from sweeps.engine.trials.trial_table import TrialTable
from sweeps.faults.failure import Failure
from sweeps.faults.retries import Others
from sweeps.store import starts
from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job


class Prerequisites:
    """Teachers, controls and added seeds that are still to do, that are out, and that died.

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
        self._attempts = SideAttempts(trials.records)
        self.set_back: dict[str, str] = {}
        self._added = teachers_and_controls.missing_extensions(self._folder)
        self._all_runs = len(self._spec.controls) * len(self._spec.replicates.seeds) + len(self._added)
        self._needed = self._all_runs
        self._left = {*self._controls, *((f"trial {number}", replicate) for number, replicate in self._added)}

    @property
    def needed(self) -> int:
        """How many of them there have to be."""
        return self._needed

    @property
    def there(self) -> int:
        """How many of them are there."""
        return self._needed - len(self._missing) - len(self._left)

    def find_teachers(self, seconds_used: float) -> None:
        """Finds out which teachers are missing; takes seconds of imports.

        Args:
            seconds_used: by all starts together, against the budget.

        Raises:
            Exception: the spec names something that is not there.
        """
        self._folder.fetch_cache()
        trials = self._trials.trials.values()
        more = self._trials.suggestions.enqueued or not spent(self._spec, trials, seconds_used)
        wanted = teachers_and_controls.unfinished(self._spec, self._folder, trials, more)
        wanted |= self._trials.teachers_without_row
        found = teachers_and_controls.find_teachers(self._spec, self._folder, self._experiments, wanted)
        self._teachers, self._first = list(found.missing), found.first
        self._missing, self._needed = set(found.missing), len(found.needed) + self._all_runs

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

    def added(self, at_work: int) -> Job | None:
        """The next run of a completed trial with a seed that was added; after everything else."""
        for place, (number, replicate) in enumerate(self._added):
            trial = self._trials.trials[number]
            job = teachers_and_controls.extension_job(self._folder, trial, replicate, self._trials.generation)
            if self._first.get(replicate) not in self._missing and (issued := self._issued(job, at_work)):
                del self._added[place]
                return issued
        return None

    def _issued(self, job: Job, at_work: int) -> Job | None:
        return self._attempts.issued(job, at_work)

    @property
    def pausing(self) -> bool:
        """Whether one of them waits for nothing but its pause."""
        return self._attempts.pausing

    @property
    def teaching(self) -> bool:
        """Whether a teacher is still to come, and with it the first trial."""
        return bool(self._missing)

    # ---- taking in

    def done(self, job: Job) -> None:
        """Takes in that a teacher is made, or that a control or an added seed has its record."""
        if job.kind == "teacher":
            self._missing.discard(job.replicates[0])
        else:
            self._left.discard((job.label, job.replicates[0]))

    def died(self, job: Job, failure: Failure, progress: float, others: Others) -> SweepError | None:
        """Takes in that an attempt failed: it is due again, or gets its row.

        Args:
            job: that failed.
            failure: how.
            progress: as last reported.
            others: what became of other jobs meanwhile.

        Returns:
            Why the sweep as a whole is impossible, if it is.
        """
        verdict = self._attempts.failed(job, failure, progress, others)
        if verdict.action == "retry":
            self.again(job)
        elif job.kind == "teacher":
            self.again(job)
            seed = self._spec.replicates.seeds[job.replicates[0]]
            return SweepError(f"The teacher of seed {seed} cannot be made: {verdict.message}")
        elif verdict.action == "final":
            trial = self._trials.trials[job.number] if job.number is not None else None
            self._trials.records.of_side_job(job, trial, verdict.outcome, verdict.message)
            self.done(job)
        else:
            self.set_back[job.label] = verdict.message
        return None

    def again(self, job: Job) -> None:
        """One of them is due again."""
        if job.kind == "teacher":
            self._teachers.insert(0, job.replicates[0])
        elif job.number is None:
            self._controls.insert(0, (job.label, job.replicates[0]))
        else:
            self._added.insert(0, (job.number, job.replicates[0]))

    def interrupted(self, job: Job, stopping: bool, fatal: BaseException | None) -> None:
        """One of them was stopped; it is due again, unless the start ends, which a teacher may be the reason for."""
        if not stopping:
            self.again(job)
        elif job.kind == "teacher" and isinstance(fatal, AcgkdError) and not isinstance(fatal, StorageError):
            self._attempts.note(job, "failed", "trial", str(fatal))

    def to_json(self) -> dict[str, object]:
        """What failed of them, for the file of the start; nothing where nothing did."""
        return {"failures": self._attempts.failures} if self._attempts.failures else {}

    def crashed_before(self) -> None:
        """Takes in what crashed in earlier starts, guarded: it is guarded from the first attempt on."""
        self._attempts.crashed_before(starts.crashed(starts.read(self._folder.starts)))

    def died_with_driver(self, keys: list[str]) -> None:
        """Takes in at which jobs drivers have died that ran them in their own process, latest first."""
        self._attempts.died_with_driver(keys)
