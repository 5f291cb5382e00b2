"""What is at work of a job: the first of the replicates that are left, alone or together with the others."""

import logging
from collections.abc import Callable, Sequence

from analysis.records.record import Outcome
from sweeps.spec.advisories import why_never_together
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.worker.device_share import free_memory
from sweeps.worker.experiments import Experiment, Experiments
from sweeps.worker.messages import Job
from sweeps.worker.replicate_runner import ReplicateRunner
from sweeps.worker.stacks.replicate_stack import ReplicateStack, stack_of

logger = logging.getLogger(__name__)


def may_stack(spec: SweepSpec, job: Job) -> bool:
    """Whether replicates of a job may be at work together.

    Not where a trial may be stopped after the first of them, nor where something has died or was short of memory.
    """
    asked = spec.replicates.stacked == "auto" and not why_never_together(spec)
    return asked and job.kind == "trial" and not (job.guarded or job.alone)


class AtWork:
    """The replicate at hand, and those that are together with it.

    Args:
        spec: the sweep.
        folder: its folder.
        job: of the replicates.
        experiments: where experiments come from.
        made: the experiment of a replicate.
    """

    def __init__(
        self,
        spec: SweepSpec,
        folder: SweepFolder,
        job: Job,
        experiments: Experiments,
        made: Callable[[int], Experiment],
    ) -> None:
        self._spec, self._folder, self._job = spec, folder, job
        self._experiments, self._made = experiments, made
        self.runner: ReplicateRunner | None = None
        self._stack: ReplicateStack | None = None
        self._apart = not may_stack(spec, job)

    def begin(self, left: Sequence[int]) -> ReplicateRunner:
        """Begins the first of the replicates that are left, and the others where they may be together.

        Raises:
            Exception: it cannot start.
        """
        self.runner = None if self._stack is None else self._stack.take(left[0])
        if self.runner is None:
            self._stack, self.runner = None, self._runner(left[0])
            self.runner.watch_crashes()
            self.runner.start()
            if left[1:] and not self._apart:
                self._stack = stack_of(self.runner, map(self._runner, left[1:]), self._experiments)
        return self.runner

    def _runner(self, replicate: int) -> ReplicateRunner:
        return ReplicateRunner(
            self._folder,
            self._job.name,
            replicate,
            self._job.attempts.get(replicate, 0),
            self._job.generation,
            self._made(replicate),
            self._spec.timeout_s,
            self._spec.artefacts.samples if replicate == 0 else 0,
        )

    def advance(self, until: float) -> None:
        """Works for about a second, or up to a progress."""
        at_work = self._stack or self.runner
        assert at_work is not None, "it has begun"
        at_work.advance(until)

    def checkpoint(self) -> None:
        """Keeps what was done of all that is at work."""
        at_work = self._stack or self.runner
        if at_work is not None:
            at_work.checkpoint()

    def take_apart(self, error: Exception) -> bool:
        """After an error: whether several were together; then one continues alone, from its own checkpoint.

        If it is the one that fails, it fails again.
        """
        if self._stack is None:
            return False
        what = f"{self._job.label}: replicates continue one by one from their checkpoints. Together: {error!r}"
        logger.warning(what)
        self._stack, self.runner, self._apart = None, None, True
        free_memory()
        return True

    def ended(self, replicate: int, outcome: Outcome) -> None:
        """A replicate has its record; those that are left may be together again."""
        self.runner, self._apart = None, not may_stack(self._spec, self._job)
        if self._stack is not None:
            self._stack.leave(replicate)
        if outcome == "failed":  # the trial has, and nothing of it is to be kept
            self._stack = None
