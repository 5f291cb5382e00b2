"""What a start does beside its trials: teachers first, then controls, each a job of its own."""

from collections import Counter

from acgkd.errors import SweepError
from analysis.records.record import Outcome
from sweeps.engine import startup, teachers_and_controls
from sweeps.engine.driver_records import LOSSES_ALLOWED
from sweeps.engine.trial_table import TrialTable
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
        self._deaths: Counter[str] = Counter()
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
        more = not startup.spent(self._spec, len(trials), seconds_used)
        wanted = teachers_and_controls.unfinished(self._spec, self._folder, trials, more)
        found = teachers_and_controls.find_teachers(self._spec, self._folder, self._experiments, wanted)
        self._teachers, self._first = list(found.missing), found.first
        self._missing, self._needed = set(found.missing), len(found.needed) + self._all_controls

    # ---- handing out

    def teacher(self) -> Job | None:
        """The next teacher to make."""
        return (
            teachers_and_controls.teacher_job(self._teachers.pop(0), self._trials.generation)
            if self._teachers
            else None
        )

    def control(self) -> Job | None:
        """The next control whose teacher is there; the others wait, and nobody waits for a teacher but they."""
        for place, (label, replicate) in enumerate(self._controls):
            if self._first.get(replicate) not in self._missing:
                del self._controls[place]
                return teachers_and_controls.control_job(self._folder, label, replicate, self._trials.generation)
        return None

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

    def died(self, job: Job, outcome: Outcome, message: str) -> SweepError | None:
        """Takes in that a worker died over a teacher or a control: it is due again, or gets its row.

        Returns:
            Why the sweep as a whole is impossible, if it is.
        """
        replicate = job.replicates[0]
        self._deaths[job.key] += 1
        deaths = self._deaths[job.key]
        if job.kind == "teacher":
            self._teachers.insert(0, replicate)
            seed = self._spec.replicates.seeds[replicate]
            enough = deaths >= LOSSES_ALLOWED
            return SweepError(f"The teacher of seed {seed} cannot be made: {message}") if enough else None
        if self._trials.records.of_lost_control(job.label, replicate, outcome, message, deaths) is None:
            self._controls.insert(0, (job.label, replicate))
        else:
            self.done(job)
        return None
