"""Replicates of one trial at work together in this process; to the driver they are one after the other all the same.

Each has its own runner: its clock, its checkpoints, its record. So whatever becomes of this process, each continues
from its own newest checkpoint, together or alone.
"""

import logging
from collections.abc import Iterable, Sequence

from acgkd.errors import StaleGenerationError, StorageError
from sweeps.worker.experiments import Experiments, Run
from sweeps.worker.replicate_runner import SLICE_S, ReplicateRunner
from sweeps.worker.watchdog import watched

logger = logging.getLogger(__name__)


class ReplicateStack:
    """Runners that have started, and advance as one.

    Args:
        runners: in the order in which the driver takes their records.
        experiments: where their experiments come from.
    """

    def __init__(self, runners: Sequence[ReplicateRunner], experiments: Experiments) -> None:
        self._runners = {runner.replicate: runner for runner in runners}
        self._team = experiments.together([_run(runner) for runner in runners])

    def advance(self, until: float = 1.0) -> None:
        """Works for about a second, or up to a progress of all; keeps what was done where it is time to.

        The seconds of each are those that its run counts, which splits evenly what was done together.

        Raises:
            Exception: whatever the runs raise; then none of them may continue.
        """
        runners = list(self._runners.values())
        before = [_seconds(runner) for runner in runners]
        with watched(min(runner.limit_s() for runner in runners), runners[0].trace):
            self._team.advance(until=until, seconds=SLICE_S)
        for runner, then in zip(runners, before, strict=True):
            runner.clock.kept_s += _seconds(runner) - then
            runner.arrived()

    def checkpoint(self) -> None:
        """Keeps the state of each."""
        for runner in self._runners.values():
            runner.checkpoint()

    def take(self, replicate: int) -> ReplicateRunner | None:
        """The runner of a replicate, for what only it does from here on; None where it is none of these."""
        runner = self._runners.get(replicate)
        if runner is not None:
            runner.watch_crashes()
        return runner

    def leave(self, replicate: int) -> None:
        """Forgets a replicate that has its record."""
        self._runners.pop(replicate, None)


def stack_of(
    first: ReplicateRunner, others: Iterable[ReplicateRunner], experiments: Experiments
) -> ReplicateStack | None:
    """A replicate that has started, together with others; None where it must be alone, or one of them cannot start.

    Raises:
        StaleGenerationError: a later start has taken the folder over.
        StorageError: the folder cannot be written.
    """
    if experiments.why_alone(first.run):
        return None
    try:
        runners = [first]
        for other in others:
            other.start()
            runners.append(other)
        return ReplicateStack(runners, experiments)
    except (StaleGenerationError, StorageError):
        raise
    except Exception as error:  # its own, and comes again when it is its turn
        logger.warning(f"{first.name}: replicates go one by one, for one of them does not start: {error!r}")
        return None


def _run(runner: ReplicateRunner) -> Run:
    assert runner.run is not None, "it has started"
    return runner.run


def _seconds(runner: ReplicateRunner) -> float:
    return sum(_run(runner).seconds.values())
