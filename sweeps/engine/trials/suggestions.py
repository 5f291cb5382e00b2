"""Where new trials come from: points that the user has enqueued first, else the sampler."""

from collections.abc import Mapping
from contextlib import suppress

from acgkd.errors import SweepError
from sweeps.engine.limits import idle, limits
from sweeps.engine.trials.sampling import Study
from sweeps.spec.checks.point_check import check_point
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.budgets import Taken, met, passed
from sweeps.store.folder import SweepFolder
from sweeps.store.point_queue import PointQueue
from sweeps.store.trial import Trial


class Suggestions:
    """Asks for new trials.

    Args:
        spec: the sweep.
        folder: its folder.
        trials: of the sweep, by number, in order; read when the study is made.
        taken: by them, of the budget.
    """

    def __init__(self, spec: SweepSpec, folder: SweepFolder, trials: Mapping[int, Trial], taken: Taken) -> None:
        self.queue = PointQueue(folder)
        self.exhausted = False
        self.asked = 0
        self._spec, self._folder, self._trials, self._taken = spec, folder, trials, taken
        self._enqueued = {trial.enqueued for trial in trials.values() if trial.enqueued}
        self._study: Study | None = None
        self._idle: int | None = None

    @property
    def study(self) -> Study:
        """The Optuna study over all trials; made when it is first asked, for many trials take their time."""
        if self._study is None:
            self._study = Study(self._spec, self._trials.values(), space_changed=self._folder.space_changed)
        return self._study

    @property
    def ready(self) -> bool:
        """Whether a new trial may be asked for now."""
        return self.study.ready

    @property
    def enqueued(self) -> bool:
        """Whether points of the user's wait."""
        return bool(self.queue.waiting(self._enqueued))

    def over(self, seconds: float) -> bool:
        """Whether no new trial begins any more; an enqueued point does until the deadline.

        Args:
            seconds: that all starts together took.
        """
        if self.enqueued:
            return passed(limits(self._spec))
        return self.exhausted or bool(self._spent(seconds))

    def ended_by(self, seconds: float) -> str:
        """Why the sweep has ended, in words; empty where it has not, or where nothing is searched.

        Args:
            seconds: that all starts together took.
        """
        left = sum(not trial.final for trial in self._trials.values())
        why = self._spent(seconds) or ("every point of the space has been tried" if self.exhausted else "")
        if passed(limits(self._spec)):
            return f"{why}; {left} of {len(self._trials)} trials have not ended" if left else why
        return "" if left or self._spec.space is None else why

    def _spent(self, seconds: float) -> str:
        return met(limits(self._spec), self._taken, seconds, self._idle_trials)

    def _idle_trials(self) -> int:
        """How many trials ended without an improvement; counted anew only where one more has ended."""
        if self._idle is None:
            self._idle = idle(self._spec, self._trials.values())
        return self._idle

    def ask(self) -> Trial | None:
        """A new trial; None where a finite space has no point left, or a file of the queue holds no point."""
        name = next(iter(self.queue.waiting(self._enqueued)), None)
        fixed = None if name is None else self._point(name)
        if name is not None and fixed is None:
            return None
        trial = self.study.ask(fixed, name or "")
        if trial is None:
            self.exhausted = True
            self._study = None  # which holds a trial now that never was
            return None
        if name is not None:
            self._enqueued.add(name)
            self._folder.note(f"trial {trial.number}: enqueued by the user ({name})")
        self.asked += 1
        return trial

    def _point(self, name: str) -> dict[str, object] | None:
        """The point in a file of the queue; None where it holds none, which is put aside."""
        try:
            values, faults = check_point(self._spec, self.queue.read(name))
            problem = "; ".join(map(str, faults))
        except SweepError as error:
            values, problem = {}, str(error)
        if not problem:
            return values
        self._folder.note(f"{name} in the queue is no point of this sweep, and was moved to `logs`: {problem}")
        self.queue.put_aside(name)
        return None

    def clean_up(self) -> None:
        """Removes files of the queue whose trial is there: a start was killed between the two."""
        for name in self._enqueued.intersection(self.queue.waiting()):
            with suppress(OSError):
                self.queue.remove(name)

    def forget(self) -> None:
        """What trials amounted to has changed: the study is made again when it is next asked."""
        self._study = self._idle = None

    def ended(self, trial: Trial) -> None:
        """Takes in how a trial ended."""
        self._idle = None
        if self._study is not None:
            self._study.ended(trial)
