"""Logs the runs of a sweep to trackers: each from a thread of its own, so that a slow one keeps nobody waiting.

What was logged is noted beside the tracker's files. What is missing there, because a driver was killed or a server
was away, the next start logs.
"""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from acgkd.errors import AcgkdError
from analysis.records.record import Record
from analysis.stores.copies import copy_of
from sweeps.journal.event_log import EventLog
from sweeps.store.atomic import read_json
from sweeps.store.folder import SweepFolder
from sweeps.trackers import Option, TrackedRun, TrackedSweep, Tracker

AGAIN_AFTER_S = 60.0  # a tracker that could not be opened
Open = Callable[[TrackedSweep, Mapping[str, Option]], Tracker]


class Tracking:
    """One tracker of a sweep, at work.

    Args:
        name: of the tracker.
        opened_by: opens it.
        options: of the spec.
        folder: of the sweep, locked.
        warn: called with a line at the first failure.
    """

    def __init__(
        self,
        name: str,
        opened_by: Open,
        options: Mapping[str, Option],
        folder: SweepFolder,
        warn: Callable[[str], None],
    ) -> None:
        self.name, self.problem = name, ""
        self._open, self._options, self._folder, self._warn = opened_by, dict(options), folder, warn
        self._home = folder.trackers / name.replace(":", "-")
        self._log = EventLog(self._home / "logged.jsonl")
        self._elsewhere = copy_of(folder.path) is not None  # a driver on another machine may have been killed
        self._tracker: Tracker | None = None
        self._closed_until = 0.0
        self._target = json.dumps(self._options, sort_keys=True)
        self._logged: dict[str, str] = {}
        self._begun: set[str] = set()
        self._failed: list[Path] = []
        self._waiting: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)

    def start(self) -> None:
        """Begins, with what earlier starts have left."""
        self._thread.start()

    def happened(self, event: Mapping[str, object]) -> None:
        """Takes in an event of the journal: a replicate that has ended may have a record."""
        replicate = event.get("replicate")
        if event.get("event") == "replicate_ended" and isinstance(replicate, int):
            self._waiting.put(self._folder.record_file(str(event.get("name")), replicate))

    def close(self, limit_s: float) -> bool:
        """Waits until everything is logged.

        Args:
            limit_s: how long at most; what is left then, the next start logs.

        Returns:
            Whether everything is.
        """
        if limit_s <= 0:
            self._leave.set()
        self._waiting.put(None)
        self._thread.join(max(0.0, limit_s))
        self._leave.set()
        return not self._thread.is_alive() and not self._failed

    # ---- in the thread

    def _work(self) -> None:
        with contextlib.suppress(AcgkdError, OSError):
            self._folder.fetch(self._log.path)
        self._log.repair()
        for line in self._log:
            if line.get("target") == self._target:
                self._take_in(str(line.get("event")), str(line.get("name")), str(line.get("finished_at", "")))
        for left in self._left_behind():
            self._try(left)
        while not self._leave.is_set() and (path := self._waiting.get()) is not None:
            self._try(path)
        again, self._failed = self._failed, []
        self._closed_until = 0.0
        for failed in again:
            self._try(failed)
        if self._tracker is not None:
            with self._blamed("closing it"):
                self._tracker.close()
                self._folder.keep(self._home)

    def _left_behind(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(self._folder.records.glob("[!.]*.json"))
        return []

    def _take_in(self, event: str, name: str, finished_at: str) -> None:
        self._begun.add(name)
        if event == "logged":
            self._logged[name] = finished_at

    def _try(self, path: Path) -> None:
        """Logs a record, unless that was done."""
        stem, _, replicate = path.stem.rpartition("-")
        if self._leave.is_set() or path in self._failed or not replicate.isdecimal():  # a file that is none of ours
            return
        with contextlib.suppress(AcgkdError, OSError):
            if not path.exists():
                self._folder.fetch(path)
            tree = read_json(path)
            if tree is None:  # a lost attempt has none; it will be tried again
                return
            environment = tree.get("environment")
            finished = str(environment.get("finished_at", "")) if isinstance(environment, dict) else ""
            if self._logged.get(path.stem) == finished:
                return
            record = self._folder.read_record(stem, int(replicate))
            if record is None:
                return
            self._failed.append(path)  # until it is logged
            if time.monotonic() < self._closed_until:
                return
            with self._blamed(f"logging {path.stem}"):
                self._log_run(path.stem, record, finished)
                self._failed.remove(path)

    def _log_run(self, key: str, record: Record, finished: str) -> None:
        if self._tracker is None:
            self._closed_until = time.monotonic() + AGAIN_AFTER_S
            self._tracker = self._open(self._sweep(), self._options)
            self._closed_until = 0.0
        again = key in self._begun or self._elsewhere
        self._note("begun", key, finished)
        self._tracker.log(TrackedRun(key, record, self._curves(key), again))
        self._note("logged", key, finished)

    def _sweep(self) -> TrackedSweep:
        sweep = self._folder.require_sweep()
        self._home.mkdir(parents=True, exist_ok=True)
        objectives = {objective.name: objective.direction for objective in sweep.objectives}
        identity = f"{sweep.name} of {sweep.created_at}"
        return TrackedSweep(sweep.name, identity, self._folder.path, self._home, objectives, self._folder.fetch)

    def _note(self, event: str, key: str, finished: str) -> None:
        self._take_in(event, key, finished)
        self._log.add({"event": event, "name": key, "finished_at": finished, "target": self._target})

    def _curves(self, key: str) -> dict[str, tuple[tuple[int, float], ...]]:
        stem, _, replicate = key.rpartition("-")
        tree: Mapping[str, Any] = {}
        with contextlib.suppress(AcgkdError, OSError):
            path = self._folder.curves_file(stem, int(replicate))
            self._folder.fetch(path)
            tree = read_json(path) or {}
        found = {}
        for stage, columns in tree.items():
            for name, numbers in columns.items():
                if name != "step":
                    points = zip(columns.get("step", ()), numbers, strict=False)
                    found[f"{stage}/{name}"] = tuple((int(step), float(y)) for step, y in points if y is not None)
        return found

    @contextlib.contextmanager
    def _blamed(self, doing: str) -> Iterator[None]:
        """Whatever goes wrong is the tracker's fault; the first time it is said."""
        try:
            yield
        except (Exception, SystemExit) as error:  # the latter would end this thread without a word
            if not self.problem:
                text = str(error).strip().splitlines()
                self.problem = f"{doing}: {type(error).__name__}{': ' + text[0] if text else ''}"
                with contextlib.suppress(Exception):
                    self._warn(f"The tracker `{self.name}` failed ({self.problem}). The sweep is not touched by it.")
