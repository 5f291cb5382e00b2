"""Tells whoever watches a sweep how it goes, at every change and at least every two seconds."""

import contextlib
import threading
import time
from collections.abc import Callable

from sweeps.book import Book
from sweeps.preparation import mean
from sweeps.trial import Trial

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


class Champion:
    """The best complete trial so far, by the first objective.

    Args:
        book: the trials.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._known: tuple[int, Best] | None = None
        self._seen = -1

    def best(self) -> Best | None:
        """Its number, objective values, and validation accuracy where that is no objective itself."""
        book = self._book
        if book.ended != self._seen:
            self._seen = book.ended
            sign = -1 if book.spec.objectives[0].direction == "maximize" else 1
            complete = [trial for trial in book.trials.values() if trial.values]
            if complete:
                champion = min(complete, key=lambda trial: (sign * (trial.values or (0.0,))[0], trial.number))
                if self._known is None or self._known[0] != champion.number:
                    self._known = (champion.number, self._facts(champion))
        return None if self._known is None else self._known[1]

    def _facts(self, trial: Trial) -> Best:
        book = self._book
        names = [objective.name for objective in book.spec.objectives]
        facts: Best = {"number": trial.number, **dict(zip(names, trial.values or (), strict=True)), "accuracy": None}
        if "validation_accuracy" not in names:
            name = book.folder.trial_name(trial.number)
            records = [book.folder.read_record(name, index) for index in range(len(book.spec.replicates.seeds))]
            facts["accuracy"] = mean(
                [None if record is None else record.quality.validation_accuracy for record in records]
            )
        return facts
