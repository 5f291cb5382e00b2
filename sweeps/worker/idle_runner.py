"""What a worker does while there is nothing for it to do yet: it has all imports done, and waits."""

import time

from sweeps.worker.experiments import Experiments
from sweeps.worker.messages import Job, Report

LONGEST_S = 1.0

# A job with nothing in it: whoever gets it is warm when the first real one comes.
WARM_UP = Job(kind="trial", name="warm-up", label="warm-up", replicates=(), attempts={}, generation=0)


class IdleRunner:
    """As `JobRunner`, with nothing to do.

    Args:
        experiments: which are imported.
    """

    def __init__(self, experiments: Experiments) -> None:
        self.node = ""
        self.tainted, self.done = False, True
        self._pause_s = 0.0
        experiments.warm_up()

    def step(self) -> Report:
        """Waits: not at all at first, then longer each time, up to a second."""
        time.sleep(self._pause_s)
        self._pause_s = min(LONGEST_S, 2 * self._pause_s + 0.05)
        return Report(replicate=-1, progress=0.0)

    def checkpoint(self) -> None:
        """There is nothing to keep."""
