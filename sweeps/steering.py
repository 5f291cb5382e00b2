"""What a sweep can be asked from Python while it runs: what has happened, to try a point, and to stop."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sweeps.store.folder import SweepFolder

if TYPE_CHECKING:
    import pandas as pd

    from sweeps.engine.user_requests import Enqueued


class SteeredSweep(ABC):
    """The part of `sweeps.Sweep` that asks something of whoever runs the sweep, on whatever machine."""

    @property
    @abstractmethod
    def _files(self) -> SweepFolder:
        """The sweep's files as they are now."""

    def events(self) -> "pd.DataFrame":
        """What has happened so far, one row an event, as `events.jsonl` has it.

        Returns:
            Columns ``when`` (UTC), ``event``, and the fields of the events that there are, in order of the file.
        """
        import pandas as pd

        from sweeps.journal.event_log import EventLog

        ours = [event for event in EventLog(self._files.events) if "event" in event and "when" in event]
        rows = [{name: value for name, value in event.items() if name != "schema_version"} for event in ours]
        if not rows:
            return pd.DataFrame(columns=["when", "event"])
        table = pd.DataFrame.from_records(rows)
        return table.assign(when=pd.to_datetime(table["when"], utc=True, format="ISO8601", errors="coerce"))

    def enqueue(self, parameters: Mapping[str, object], *, trust_code: bool = False) -> "Enqueued":
        """Puts a point into the queue: it becomes the next new trial, also while the sweep runs.

        An enqueued point counts as a trial, and is run even where the budget is met.

        Args:
            parameters: values by slash path; the sampler suggests those that are left out.
            trust_code: let plug-ins of the sweep run that this process does not use yet.

        Raises:
            SpecError: it is no point of the search space; the error holds all faults.
            ConfigError: the sweep has such plug-ins, and they are not trusted.
        """
        from sweeps.engine.user_requests import enqueue

        return enqueue(self._files, parameters, trust_code)

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
