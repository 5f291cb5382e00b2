"""The trackers, one to a file: other people's tools, to which the runs of a sweep are logged.

A file exports `TRACKER`, a `TrackerEntry`. Importing one loads no foreign package; opening a tracker does.
"""

from acgkd.catalog import Catalog
from sweeps.trackers._interface import Option, TrackedRun, TrackedSweep, Tracker, TrackerEntry

__all__ = ["TRACKERS", "Option", "TrackedRun", "TrackedSweep", "Tracker", "TrackerEntry"]

TRACKERS: Catalog[TrackerEntry] = Catalog("sweeps.trackers", "TRACKER", "tracker")
