"""What a driver does every second beside its jobs: notes the time, syncs new records, looks whether it shall stop."""

import contextlib
from collections.abc import Mapping

from acgkd.errors import StorageError
from analysis.records.sweep_file import Budget
from sweeps.engine.stopwatch import Stopwatch
from sweeps.store.budgets import passed
from sweeps.store.folder import SweepFolder
from sweeps.store.stop_request import StopRequest

DEADLINE = "the deadline has come"


class Heartbeat:
    """Beats at most once a second (on an object store every three); the driver asks for it at every change.

    Args:
        folder: of the sweep.
        generation: number of the start.
        stopwatch: of the start.
        command: that started it, for the record.
        budget: of the sweep.
    """

    def __init__(
        self, folder: SweepFolder, generation: int, stopwatch: Stopwatch, command: str, budget: Budget
    ) -> None:
        self._budget = budget
        self._folder, self._generation = folder, generation
        self._stopwatch, self._command = stopwatch, command
        self._request = StopRequest(folder)
        self._every_s = folder.looks_every_s
        self._beaten_at = -self._every_s
        self.unsynced = False  # whether there are records whose entries in their folder nobody has waited for

    def soon(self) -> None:
        """The next one is due at once."""
        self._beaten_at = -self._every_s

    def beat(self, facts: Mapping[str, object]) -> str:
        """Notes the start and looks around, if it is time.

        Args:
            facts: of the start, for its file.

        Returns:
            Why the driver shall stop now, in words; empty where it shall not.
        """
        elapsed = self._stopwatch.elapsed_s
        if elapsed - self._beaten_at <= self._every_s:
            return ""
        self._beaten_at = elapsed
        with contextlib.suppress(OSError, StorageError):  # the budget of hours loses a second or two by it
            self._folder.note_start(self._generation, {"seconds": elapsed, "command": self._command, **facts})
        self._folder.keep_logs()
        if self.unsynced:
            self.unsynced = False  # first: another thread may report one meanwhile
            try:
                self._folder.sync_entries()
            except OSError:
                self.unsynced = True
                raise
        if passed(self._budget):
            return DEADLINE
        if self._request.generation != self._generation:
            return ""
        with contextlib.suppress(OSError):
            self._request.remove()
        return "stopped by `acgkd stop`"
