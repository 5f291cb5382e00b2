"""How long a start of a sweep has taken, and how long it may still take."""

import time


class Stopwatch:
    """Seconds of a start, from when this is made, and of the starts before it.

    Args:
        budget_s: what all starts may take together; None where time does not end the sweep.
        before_s: what earlier starts took.
        deadline: when the sweep ends, seconds since 1970; None where it has no deadline.
    """

    def __init__(self, budget_s: float | None, before_s: float = 0.0, deadline: float | None = None) -> None:
        self._deadline = deadline
        self.budget_s = budget_s
        self.before_s = before_s
        self._began = time.monotonic()
        self._first_trial: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Of this start."""
        return time.monotonic() - self._began

    @property
    def used_s(self) -> float:
        """Of all starts."""
        return self.before_s + self.elapsed_s

    def trial_begun(self) -> None:
        """Takes in that a worker has begun with a trial; the estimate goes by the first."""
        self._first_trial = self._first_trial or time.monotonic()

    def remaining_s(self, ended: int, to_come: int | None) -> float | None:
        """An estimate of what is left, at the pace of the trials so far and within the budget.

        Args:
            ended: trials that ended in this start.
            to_come: trials that have not ended; None where their number is not known.

        Returns:
            None while there is nothing to go by.
        """
        left = None
        if to_come is not None and ended and self._first_trial is not None:
            left = (time.monotonic() - self._first_trial) / ended * to_come
        rests = [] if self.budget_s is None else [self.budget_s - self.used_s]
        rests += [] if self._deadline is None else [self._deadline - time.time()]
        return min((max(0.0, rest) for rest in [*rests, *([] if left is None else [left])]), default=None)
