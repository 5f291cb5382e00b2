"""Whether what chose the trial follows the test: rank correlation over complete trials, and the oracle gap."""

import math
from dataclasses import dataclass

import pandas as pd

from analysis.formatting import plural
from analysis.statistics.view import View

LEAST = 4
"""With fewer trials a rank correlation is 1 or -1 too often by chance."""


@dataclass(frozen=True)
class SelectedBy:
    """What chose against the test, over complete trials.

    Args:
        name: of what chose.
        trials: columns ``trial``, ``chose`` and ``test_accuracy``.
        sign: 1 where more is better, -1 where less is.
        chosen: number of the chosen trial; None where there is none.
        oracle: number of the trial that is best on test.
        gap: its test accuracy minus the chosen trial's; NaN where no trial is chosen.
        correlation: Spearman's, of what is better by the one and by the other; NaN below `LEAST` trials, or where all
            are equal.
    """

    name: str
    trials: pd.DataFrame
    sign: int
    chosen: int | None
    oracle: int | None
    gap: float
    correlation: float


def selected_by(view: View) -> SelectedBy | None:
    """The comparison; None where one of the two is not known, or the test itself is the objective."""
    if not view.objective or view.objectives[0].name.startswith("test"):
        return None
    known = view.complete[view.complete[view.objective].notna() & view.complete["test_accuracy"].notna()]
    if known.empty:
        return None
    first = view.objectives[0]
    chose, test = known[view.objective].astype("float64"), known["test_accuracy"].astype("float64")
    correlation = math.nan
    if len(known) >= LEAST and chose.nunique() > 1 and test.nunique() > 1:
        correlation = float((first.sign * chose.rank()).corr(test.rank()))
    trials = pd.DataFrame({"trial": known["trial"].astype("Int64"), "chose": chose, "test_accuracy": test})
    return SelectedBy(
        first.name.replace("_", " "), trials, first.sign, view.choice.trial, view.choice.oracle, view.choice.oracle_gap,
        correlation,
    )  # fmt: skip


def sentence(found: SelectedBy) -> str:
    """The oracle gap, and how far the order by what chose is the order on test."""
    if found.chosen is None or found.oracle is None:
        lead = "No trial is chosen."
    elif found.oracle == found.chosen:
        lead = f"Trial {found.chosen}, chosen by {found.name}, is also the best on test: the oracle gap is 0.000."
    else:
        lead = (
            f"Trial {found.chosen}, chosen by {found.name}, has {found.gap:.3f} less test accuracy than trial "
            f"{found.oracle}, the best on test: the oracle gap."
        )
    count = plural(len(found.trials), "complete trial")
    if math.isnan(found.correlation):
        return f"{lead} Over {count} no rank correlation of the two can be given."
    alike = next(text for least, text in _ALIKE if found.correlation >= least)
    rho = f"{found.correlation:.2f}".replace("-", "−")
    return f"{lead} Over {count}, {found.name} and test accuracy rank trials {alike} (Spearman's ρ = {rho})."


_ALIKE = (
    (0.8 - 1e-9, "nearly alike"),
    (0.4 - 1e-9, "roughly alike"),
    (-0.4, "hardly alike"),
    (-1.1, "against each other"),
)
