"""Which trial is chosen, and how: by the sweep's first objective over complete trials, never by the test split."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.records.frame import Frame
from analysis.records.sweep_file import Direction, Objective, SweepFile

# What the search may look at besides costs; of two, the one that is named first here chooses.
_MEASURES: Mapping[str, Direction] = {
    "validation_accuracy": "maximize",
    "agreement": "maximize",
    "agreement_overlap": "maximize",
    "validation_divergence": "minimize",
}


@dataclass(frozen=True)
class Choice:
    """The chosen trial, or why there is none.

    Args:
        objective: the one that chose; None where no objective is known.
        trial: number of the chosen trial.
        among: complete trials with a value, among which it was chosen.
        oracle: number of the complete trial that is best on test, a diagnosis only.
        oracle_gap: its mean test accuracy minus the chosen trial's.
        reason: why there is no chosen trial.
        assumed: what had to be assumed, in words.
    """

    objective: Objective | None
    trial: int | None = None
    among: int = 0
    oracle: int | None = None
    oracle_gap: float = math.nan
    reason: str = ""
    assumed: str = ""


def choose(trials: pd.DataFrame, objectives: tuple[Objective, ...], assumed: str = "") -> Choice:
    """Chooses among complete trials by the first objective; equal values go to the smaller number.

    Args:
        trials: rows of the summary with kind ``trial``.
        objectives: as `objectives_of` returns them.
        assumed: what was assumed about the objectives.
    """
    if not objectives:
        return Choice(None, reason="the sweep's objectives are not known", assumed=assumed)
    first = objectives[0]
    if first.name.startswith("test"):
        reason = f"its first objective, {first.name}, is of the test split, on which nothing may be chosen"
        return Choice(first, reason=reason, assumed=assumed)
    column = objective_column(trials, first)
    complete = trials[trials["complete"]]
    if complete.empty:
        return Choice(first, reason="no trial has all its replicates completed", assumed=assumed)
    known = complete[complete[column].notna()] if column else complete.iloc[:0]
    if known.empty:
        return Choice(first, reason=f"no complete trial has a value of {first.name}", assumed=assumed)
    best = known.assign(rank=-first.sign * known[column]).sort_values(["rank", "trial"]).iloc[0]
    tested = complete[complete["test_accuracy"].notna()]
    oracle, gap = None, math.nan
    if len(tested):
        top = tested.sort_values(["test_accuracy", "trial"], ascending=[False, True]).iloc[0]
        oracle, gap = int(top["trial"]), float(top["test_accuracy"] - best["test_accuracy"])
    return Choice(first, int(best["trial"]), len(known), oracle, gap, assumed=assumed)


def objective_column(trials: pd.DataFrame, objective: Objective) -> str:
    """The summary's column of an objective: as reported to the sampler, else the quantity of that name, else ''."""
    for name in (f"objective/{objective.name}", objective.name):
        if name in trials.columns and bool(trials[name].notna().any()):
            return name
    return ""


def objectives_of(sweep: SweepFile, frame: Frame) -> tuple[tuple[Objective, ...], str]:
    """The sweep's objectives with what had to be assumed: without `sweep.json`, the ones that the records name."""
    if sweep.objectives:
        return sweep.objectives, ""
    recorded = [name.removeprefix("objective/") for name in frame.rows.columns if name.startswith("objective/")]
    known = [name for name in _MEASURES if name in recorded]
    if not known:
        return (), ""
    names = [known[0], *(name for name in recorded if name != known[0])]
    objectives = tuple(Objective(name=name, direction=_MEASURES.get(name, "minimize")) for name in names)
    return objectives, f"`sweep.json` does not say which objective chooses; {known[0]} was taken from the records"


def complete_by_state(trials: pd.DataFrame, states: Mapping[int, str]) -> pd.DataFrame:
    """The trials, where one that was not reported to the sampler as completed is not complete."""
    allowed = [
        bool(complete) and states.get(int(number), "completed") == "completed"
        for complete, number in zip(trials["complete"], trials["trial"], strict=True)
    ]
    return trials.assign(complete=pd.Series(allowed, index=trials.index, dtype="bool"))
