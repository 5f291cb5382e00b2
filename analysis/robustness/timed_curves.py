"""Validation accuracy after the same seconds, read from curves that runs made on their way."""

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from acgkd.errors import RecordError
from analysis.records.frame import Frame
from analysis.records.suites.suite_file import is_suite, sweep_folders

SHARES = (0.25, 0.5, 1.0, 2.0)
"""Of the seconds that the method compared with takes."""
_STAGE = "validation"
"""Among the loss curves of a run, where `artefacts: {validation_curves: true}` asked for it."""


@dataclass(frozen=True)
class TimedCurve:
    """What the student of one run was worth on its way.

    Args:
        seconds: of synthesis and transfer, or of the joint stage, at each point, rising.
        accuracy: on the validation split there.
    """

    seconds: tuple[float, ...]
    accuracy: tuple[float, ...]

    def at(self, seconds: float) -> float:
        """Accuracy after so many seconds, linearly interpolated; NaN before the first point.

        A run that has ended by then keeps what it came to.
        """
        if not self.seconds or seconds < self.seconds[0]:
            return math.nan
        return float(np.interp(seconds, self.seconds, self.accuracy))


def read_curves(path: Path) -> dict[str, dict[str, TimedCurve]]:
    """Curves of a sweep folder or of a suite, or those that `acgkd pack` wrote beside packed records.

    Args:
        path: a folder, or the file ``<records>-curves.json``.

    Returns:
        By sweep, and by ``<fingerprint>-<seed>`` of the run.

    Raises:
        RecordError: the file is not there, or holds something else.
    """
    if path.is_dir():
        folders = sweep_folders(path) if is_suite(path) else [path]
        return {folder.name: dict(_in_folder(folder)) for folder in folders}
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        return {
            sweep: {run: TimedCurve(tuple(each["seconds"]), tuple(each["accuracy"])) for run, each in runs.items()}
            for sweep, runs in tree.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(
            f"Curves are a JSON file of `seconds` and `accuracy` by sweep and run, but {path} cannot be read as one: "
            f"{' '.join(str(error).split())}."
        ) from None


def _in_folder(folder: Path) -> Iterator[tuple[str, TimedCurve]]:
    """The curves of completed runs of a sweep, rounded to what they are worth."""
    for path in sorted(folder.glob("curves/[!.]*.json")):
        record = _json(folder / "records" / path.name)
        curve = _json(path).get(_STAGE)
        if curve and record.get("outcome") == "completed":
            who = record["identity"]
            seconds = tuple(round(value, 3) for value in curve["seconds"])
            yield (
                f"{who['fingerprint']}-{who['seed']}",
                TimedCurve(seconds, tuple(round(value, 6) for value in curve["accuracy"])),
            )


def _json(path: Path) -> dict[str, Any]:
    """An object in a file; empty where there is none, or a run at work has just removed it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def equal_seconds(
    frame: Frame, curves: Mapping[str, Mapping[str, TimedCurve]], baseline: str, shares: Sequence[float] = SHARES
) -> pd.DataFrame:
    """Validation accuracy of every row after the same seconds.

    Args:
        frame: the records that the curves are of.
        curves: as `read_curves` returns them.
        baseline: the row or method whose median seconds are the unit.
        shares: of these seconds.

    Returns:
        One line for each row: ``row`` (a trial goes by its method), ``seeds``, ``seconds`` (median of whole runs),
        ``alongside`` (runs that shared the machine, at most), and for each share ``after <seconds>``, the mean
        accuracy over seeds (NaN where a run had not begun to teach), with ``ended <seconds>``. Empty where the
        baseline has no curve.
    """
    runs: dict[str, list[TimedCurve]] = {}
    alongside: dict[str, int] = {}
    rows = frame.rows[(frame.rows["kind"] != "teacher") & (frame.rows["outcome"] == "completed")]
    named = ["source", "kind", "label", "method", "fingerprint", "seed", "trials_alongside"]
    for row in rows[named].to_dict("records"):
        curve = curves.get(str(row["source"]), {}).get(f"{row['fingerprint']}-{row['seed']}")
        if curve is not None:
            label = str(row["method"] if row["kind"] == "trial" else row["label"])
            runs.setdefault(label, []).append(curve)
            alongside[label] = max(alongside.get(label, 0), int(row["trials_alongside"]))
    if baseline not in runs:
        return pd.DataFrame()
    unit = statistics.median(curve.seconds[-1] for curve in runs[baseline])
    lines = []
    for label, found in sorted(runs.items(), key=lambda item: item[0] != baseline):
        line: dict[str, object] = {
            "row": label,
            "seeds": len(found),
            "seconds": statistics.median(curve.seconds[-1] for curve in found),
            "alongside": alongside[label],
        }
        for after in (share * unit for share in shares):
            values = [curve.at(after) for curve in found]
            line[f"after {after:.0f}"] = math.nan if any(map(math.isnan, values)) else statistics.fmean(values)
            line[f"ended {after:.0f}"] = all(curve.seconds[-1] <= after for curve in found)
        lines.append(line)
    return pd.DataFrame(lines)
