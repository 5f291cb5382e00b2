"""Seeds that were added later, for all trials or for some: tables compare over those that all trials have."""

import pandas as pd

from analysis.records.frame import Frame
from analysis.records.sweep_metadata import SweepMetadata
from analysis.statistics.summary import groups


def over_common_seeds(frame: Frame, metadata: SweepMetadata) -> tuple[Frame, int | None]:
    """The rows of seeds that all completed trials have, and how many seeds those are.

    Args:
        frame: of one sweep.
        metadata: its own account.

    Returns:
        The frame as it is where no seeds were added; None for a number that the spec does not say.
    """
    sweep = metadata.sweep
    if not sweep.extensions:
        return frame, sweep.replicates
    common = sweep.common_replicates(_ended(frame, metadata))
    rows = frame.rows
    kept = rows[(rows["kind"] == "teacher") | (rows["replicate"] < common)]
    return Frame(kept.reset_index(drop=True), frame.unreadable, frame.sweeps), common


def over_all_seeds(frame: Frame, metadata: SweepMetadata) -> pd.DataFrame:
    """The summary of the trials that run added seeds, over all seeds that they have; empty where there are none.

    Args:
        frame: of one sweep, whole.
        metadata: its own account.
    """
    extended = [number for item in metadata.sweep.extensions for number in item.trials]
    rows = frame.rows[(frame.rows["kind"] == "trial") & frame.rows["trial"].isin(extended)]
    return groups(Frame(rows.reset_index(drop=True), (), frame.sweeps), {metadata.source: metadata.sweep.replicates})


def _ended(frame: Frame, metadata: SweepMetadata) -> dict[int, set[int]]:
    """By trial that completed, the replicates that have a record."""
    rows = frame.rows[frame.rows["kind"] == "trial"]
    found: dict[int, set[int]] = {}
    for number, replicate in zip(rows["trial"], rows["replicate"], strict=True):
        if number in metadata.trials and metadata.trials[int(number)].state == "completed":
            found.setdefault(int(number), set()).add(int(replicate))
    return found
