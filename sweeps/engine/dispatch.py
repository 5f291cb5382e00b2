"""Which job is next: teachers, then controls beside trials, retries before new trials."""

from collections.abc import Mapping
from enum import Enum

from sweeps.engine import teachers_and_controls
from sweeps.engine.prerequisites import Prerequisites
from sweeps.engine.trials.trial_table import TrialTable
from sweeps.worker.messages import Job


class NoJob(Enum):
    """Why there is no job now."""

    WAIT = "others have to end first"
    TEACHER = "a teacher has to be made first"
    PAUSE = "something is tried again after a pause"
    FINISHED = "everything has ended or is at work"


class Dispatch:
    """Hands out jobs.

    Args:
        trials: those of the sweep.
        prerequisites: its teachers and controls.
    """

    def __init__(self, trials: TrialTable, prerequisites: Prerequisites) -> None:
        self._trials, self._prerequisites, self._spec = trials, prerequisites, trials.spec

    def next(self, out: Mapping[str, Job], slots: int, used_s: float) -> Job | NoJob:
        """The next job, or why there is none.

        Args:
            out: jobs that are at work, by key.
            slots: how many fit at the same time.
            used_s: seconds that all starts took.
        """
        if any(job.alone for job in out.values()):
            return NoJob.WAIT
        job = self._next(out, slots, used_s)
        if job not in (NoJob.WAIT, NoJob.TEACHER) or out:
            return job
        # Nothing is at work, so nothing will end: either a pause will, or this start has come to its end.
        return NoJob.PAUSE if self._trials.waiting or self._prerequisites.pausing else NoJob.FINISHED

    def _next(self, out: Mapping[str, Job], slots: int, used_s: float) -> Job | NoJob:
        work = self._prerequisites
        teacher = work.teacher(len(out))
        if teacher is not None:
            return teacher
        if self._spec.space is None and not work.teaching:
            # One trial and its replicates one after the other: begun last, it would be waited for by all workers.
            alone = self._trial(out, slots, used_s)
            if isinstance(alone, Job):
                return alone
        control = work.control(len(out))
        if control is not None:
            return control
        controls_out = any(job.kind == "control" for job in out.values())
        if work.teaching:
            return NoJob.TEACHER
        if teachers_and_controls.needs_control(self._spec) and (controls_out or work.pausing):
            return NoJob.WAIT
        found = self._trial(out, slots, used_s)
        if not isinstance(found, Job) and (added := work.added(len(out))) is not None:
            return added
        return NoJob.WAIT if found is NoJob.FINISHED and work.pausing else found

    def _trial(self, out: Mapping[str, Job], slots: int, used_s: float) -> Job | NoJob:
        """The rest of a trial that waits, else a new one."""
        trials = self._trials
        while True:
            waiting = trials.waiting.take(len(out))
            if waiting is not None:
                trial, nodes = trials.trials[waiting[0]], waiting[1].nodes
            else:
                if trials.waiting.first_is_alone:
                    return NoJob.WAIT
                new = trials.suggestions
                if new.over(used_s):
                    # What is at work may be lost with its worker and has to be retried.
                    return NoJob.WAIT if out or trials.waiting else NoJob.FINISHED
                if not new.ready:
                    return NoJob.WAIT
                asked = trials.ask()
                if asked is None:
                    continue
                trial, nodes = asked, ()
            job = trials.issue(trial, min(len(out) + 1, slots), nodes)
            if job is not None:
                return job
