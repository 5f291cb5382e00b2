"""What a sweep can be asked from Python while it runs: to try a point, and to stop."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweeps.store.folder import SweepFolder

if TYPE_CHECKING:
    from sweeps.engine.user_requests import Enqueued


class SteeredSweep:
    """The part of `sweeps.Sweep` that asks something of whoever runs the sweep, on whatever machine."""

    _files: SweepFolder

    def enqueue(self, parameters: Mapping[str, Any]) -> "Enqueued":
        """Puts a point into the queue: it becomes the next new trial, also while the sweep runs.

        An enqueued point counts as a trial, and is run even where the budget is met.

        Args:
            parameters: values by slash path; the sampler suggests those that are left out.

        Raises:
            SpecError: it is no point of the search space; the error holds all faults.
        """
        from sweeps.engine.user_requests import enqueue

        return enqueue(self._files, parameters)

    def stop(self, wait_s: float = 30.0) -> bool:
        """Asks the driver that runs the sweep, on whatever machine, to stop as at the first Ctrl-C.

        Args:
            wait_s: how long to wait until it has left.

        Returns:
            Whether it has left; it obeys even if it has not yet.

        Raises:
            SweepError: no driver works on the folder.
        """
        from sweeps.engine.user_requests import stop

        return stop(self._files, wait_s)
