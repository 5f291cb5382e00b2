"""A line of text for each run, in a file: about the shortest tracker that there can be."""

from collections.abc import Mapping

from sweeps.trackers import Option, TrackedRun, TrackedSweep, TrackerEntry


class Lines:
    """What is opened for a sweep."""

    def __init__(self, sweep: TrackedSweep, options: Mapping[str, Option]) -> None:
        self.file = sweep.home / str(options.get("file", "runs.txt"))

    def log(self, run: TrackedRun) -> None:
        """Logs one replicate, whole when this returns."""
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"{run.name}: {run.record.outcome}\n")

    def close(self) -> None:
        """There is nothing left to write."""


TRACKER = TrackerEntry(open=Lines, package="pathlib", options={"file": "name of the file; `runs.txt` if left out"})
