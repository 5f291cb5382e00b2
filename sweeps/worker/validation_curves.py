"""Validation accuracy along the way, off the clock: what a student is worth after so many seconds.

A record says what a run came to, not how. So runs may stop at shares of the stage in which the student learns, look at
the validation split, and resume; nothing else of them changes. What they saw lies with the loss curves.
"""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acgkd.run.distillation import Distillation
    from acgkd.run.experiment import Experiment

# The stage that the curve has among the loss curves; `analysis.robustness.read_curves` looks for it.
STAGE = "validation"
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class JudgedRun:
    """A run that looks at the validation split on its way.

    Args:
        run: a `Run`.
        experiment: that it belongs to.
        shares: of the stage in which the student learns, rising.
    """

    def __init__(self, run: "Distillation", experiment: "Experiment", shares: Sequence[float] = SHARES) -> None:
        self._run = run
        self._experiment = experiment
        self._points = [run.judged_fractions_to_progress(share) for share in shares]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        """Advances to a progress, or for a time; where a point is reached, the student is judged."""
        deadline = math.inf if seconds is None else time.perf_counter() + seconds
        while self._run.progress < until - 1e-9 and time.perf_counter() < deadline:
            ahead = [point for point in self._points if point > self._run.progress + 1e-9]
            stop = min(until, ahead[0])
            left = None if seconds is None else max(0.0, deadline - time.perf_counter())
            self._run.advance(until=stop, seconds=left)
            if stop == ahead[0] and self._run.progress >= stop - 1e-9:
                self._note()

    def _note(self) -> None:
        curve = self._run.curves.setdefault(STAGE, {"step": [], "seconds": [], "accuracy": []})
        seen = self._experiment.evaluate(self._run, ["validation_accuracy"])
        curve["step"].append(float(self._run.steps_done))
        curve["seconds"].append(sum(self._run.seconds.values()))
        curve["accuracy"].append(seen["validation_accuracy"])


class JudgedExperiment:
    """An experiment whose runs look at the validation split on their way.

    Args:
        experiment: an `Experiment`.
    """

    def __init__(self, experiment: "Experiment") -> None:
        self._experiment = experiment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._experiment, name)

    def start(self) -> JudgedRun:
        """A fresh run."""
        return JudgedRun(self._experiment.start(), self._experiment)
