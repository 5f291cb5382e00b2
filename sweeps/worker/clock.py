"""The seconds of a replicate: what was worked, what of it is kept, what interruptions cost; and where it is."""

import json
import math
import time
from pathlib import Path
from types import TracebackType

from acgkd.errors import SweepError
from sweeps.store.atomic import read_json, write
from sweeps.worker.watchdog import watched

# An object store gets the clock with each checkpoint, and so often in between.
THERE_EVERY_S = 5.0


class Clock:
    """Seconds of work on a replicate, kept through restarts; knows what an interruption has cost.

    Args:
        path: its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written_at = -math.inf
        try:
            known = read_json(path) or {}
        except SweepError:  # torn by a power cut: the run resumes from its checkpoint, its seconds are not known
            known = {}
        self.kept_s = float(known.get("kept_s", 0.0))
        self.lost_s = float(known.get("lost_s", 0.0))
        self.at: dict[str, float] = dict(known.get("at", {}))
        self.attempt = int(known.get("attempt", -1))
        self.progress = float(known.get("progress", 0.0))
        self.place = str(known.get("place", ""))

    def enter(self, place: str, progress: float, attempt: int) -> None:
        """Notes where the replicate is now, with all that `write` keeps: if its worker dies, it died there.

        Args:
            place: what begins now: ``start``, or the progress from which it continues.
            progress: share done.
            attempt: which try it is.
        """
        self.place, self.progress, self.attempt = place, progress, attempt
        self.write(there=time.monotonic() - self._written_at > THERE_EVERY_S)

    def rewind(self, checkpoint: str | None, before_s: float) -> None:
        """Goes back to a checkpoint, or to the start: what earlier attempts did since is lost.

        Args:
            checkpoint: name of its file; None where there is none.
            before_s: the seconds kept by earlier attempts; what was worked since then is this attempt's start-up, and
                stays kept.
        """
        start_up = self.kept_s - before_s
        then = self.at.get(checkpoint, before_s) if checkpoint else 0.0
        self.lost_s += max(0.0, before_s - then)
        self.kept_s = then + start_up

    def write(self, *, there: bool = True) -> None:
        """Keeps the state; not worth waiting for the disk.

        Args:
            there: also on an object store, if the sweep lies on one.
        """
        if there:
            self._written_at = time.monotonic()
        facts = {
            "kept_s": self.kept_s,
            "lost_s": self.lost_s,
            "at": self.at,
            "attempt": self.attempt,
            "progress": self.progress,
            "place": self.place,
        }
        write(self.path, json.dumps(facts), durable=False, there=there)


class WatchedStep:
    """A step under the watchdog, whose seconds go to the clock.

    Args:
        clock: of the replicate.
        limit_s: how long the step may take.
        trace: where a hung process leaves its stacks.
    """

    def __init__(self, clock: Clock, limit_s: float, trace: Path) -> None:
        self._clock = clock
        self._watch = watched(limit_s, trace)
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()
        self._watch.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            return self._watch.__exit__(kind, error, trace)
        finally:
            self._clock.kept_s += time.perf_counter() - self._started
