"""Tells whoever watches a sweep how it goes, at every change and at least every two seconds."""

import contextlib
import threading
import time
from collections.abc import Callable

from sweeps.engine.teachers_and_controls import mean
from sweeps.engine.trial_table import TrialTable
from sweeps.store.trial import Trial

WATCH_EVERY_S = 1.5
Best = dict[str, float | int | None]


class Ticker:
    """Calls a function when nobody else did for a while: steps may be long, and nobody shall think that it hangs.

    Args:
        tell: what is called; what it raises here, it will raise in the main thread too.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._told_at = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="sweep-ticker", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; nothing is told afterwards."""
        self._over.set()
        self._thread.join()

    def told(self) -> None:
        """Somebody else has just told."""
        self._told_at = time.monotonic()

    def _tick(self) -> None:
        while not self._over.wait(0.25):
            if time.monotonic() - self._told_at >= WATCH_EVERY_S:
                with contextlib.suppress(Exception):
                    self._tell()


class BestTrial:
    """The best complete trial so far, by the first objective.

    Args:
        trials: those of the sweep.
    """

    def __init__(self, trials: TrialTable) -> None:
        self._trials = trials
        self._known: tuple[int, Best] | None = None
        self._seen = -1

    def best(self) -> Best | None:
        """Its number, objective values, and validation accuracy where that is no objective itself."""
        trials = self._trials
        if trials.ended != self._seen:
            self._seen = trials.ended
            sign = -1 if trials.spec.objectives[0].direction == "maximize" else 1
            complete = [trial for trial in trials.trials.values() if trial.values]
            if complete:
                best_trial = min(complete, key=lambda trial: (sign * (trial.values or (0.0,))[0], trial.number))
                if self._known is None or self._known[0] != best_trial.number:
                    self._known = (best_trial.number, self._facts(best_trial))
        return None if self._known is None else self._known[1]

    def _facts(self, trial: Trial) -> Best:
        trials = self._trials
        names = [objective.name for objective in trials.spec.objectives]
        facts: Best = {"number": trial.number, **dict(zip(names, trial.values or (), strict=True)), "accuracy": None}
        if "validation_accuracy" not in names:
            name = trials.folder.trial_name(trial.number)
            records = [trials.folder.read_record(name, index) for index in range(len(trials.spec.replicates.seeds))]
            facts["accuracy"] = mean(
                [None if record is None else record.quality.validation_accuracy for record in records]
            )
        return facts
