"""For what each point of the front is: the best, and for each cost the cheapest that is nearly as good."""

from dataclasses import dataclass

import pandas as pd

from analysis.statistics.view import View

MARGIN = 0.01
_SHARE_OF_RANGE = 0.05
_SHARES = ("accuracy", "agreement", "agreement_overlap")
_CHEAPEST = {
    "seconds": "quickest to make",
    "multiply_adds": "fewest multiply-adds to make",
    "student_ms_per_1000": "fastest student",
    "student_parameters": "smallest student",
    "peak_device_bytes": "least memory of the device",
    "peak_host_bytes": "least memory of the host",
}


@dataclass(frozen=True)
class Purpose:
    """What a trial is the one for; several things where it is best in several respects."""

    trial: int
    uses: tuple[str, ...]


def margin(view: View) -> float:
    """How far below the best is still nearly as good: 0.01 of a share, else a twentieth of the range."""
    column, _ = view.measure
    if column.endswith(_SHARES):
        return MARGIN
    values = view.complete[column]
    return float(_SHARE_OF_RANGE * (values.max() - values.min())) if len(values) else 0.0


def purposes(view: View) -> tuple[Purpose, ...]:
    """The trials that are for something, the best one first; costs in which all trials are equal decide nothing."""
    column, direction = view.measure
    known = view.complete[view.complete[column].notna()]
    if known.empty:
        return ()
    losses = known[column] * (-1.0 if direction == "maximize" else 1.0)
    named = column.removeprefix("objective/").replace("_", " ")
    found: dict[int, list[str]] = {}
    first = known.assign(_loss=losses).sort_values(["_loss", "trial"]).iloc[0]
    found.setdefault(int(first["trial"]), []).append(f"best {named}")
    near = known[losses <= losses.min() + margin(view) + 1e-12]
    same_student = known["student_multiply_adds"].notna().all() and known["student_multiply_adds"].nunique() == 1
    for cost, use in _CHEAPEST.items():
        if known[cost].nunique() < 2 or (cost == "student_ms_per_1000" and same_student):
            continue
        trial = _least(near, losses, cost)
        if trial is not None:
            found.setdefault(trial, []).append(f"{use} within {margin(view):.2g} of the best")
    cheapest = _least(known, losses, "seconds") if known["seconds"].nunique() > 1 else None
    if cheapest is not None:
        found.setdefault(cheapest, []).append("quickest to make of all")
    return tuple(Purpose(trial, tuple(uses)) for trial, uses in found.items())


def _least(trials: pd.DataFrame, losses: "pd.Series[float]", cost: str) -> int | None:
    """The trial of the least cost; of equal ones the better, then the earlier."""
    measured = trials[trials[cost].notna()]
    if measured.empty:
        return None
    return int(measured.assign(_loss=losses).sort_values([cost, "_loss", "trial"]).iloc[0]["trial"])
