"""What the agreement that a sweep shows is worth: the facts of its records, over replicates."""

from collections.abc import Sequence

import pandas as pd

from acgkd.agreement.worth import MEASURED_ON_POOL, Worth
from analysis.statistics.view import View

# Records of earlier versions do not say which controls are lower ones.
_KNOWN = ("random_graphs", "noise")
FACTS = (
    "prior", "lower_control", "control_agreement", "classes", "pool_classes", "pool_smallest_class", "pool_confidence",
    "pool_memory", "agreement_lowest", "agreement_highest", "agreement_worst_class", "agreement_ranking",
    "agreement_overlap",
)  # fmt: skip
"""The columns of the records, beside agreement, from which it is said."""


def worth_of(view: View, trial: int | None = None) -> Worth | None:
    """The facts beside the agreement of one trial; None where agreement was not measured.

    Means over completed replicates; of counts of classes the smallest. What the lower control reaches is a mean over
    the same seeds, of controls that are judged by the same pool: those with the same prior.

    Args:
        view: of the sweep.
        trial: its number; the chosen one if left out, or the first by rank where none is chosen.
    """
    number = view.choice.trial if trial is None else trial
    if number is None and len(view.ranked):
        number = int(view.ranked.iloc[0]["trial"])
    rows = view.rows
    done = rows[(rows["outcome"] == "completed") & rows["agreement"].notna()]
    own = done[(done["kind"] == "trial") & (done["trial"] == number)] if number is not None else done.iloc[:0]
    controls = done[done["kind"] == "control"]
    lower = controls["lower_control"].fillna(False).astype("bool") | controls["method"].isin(_KNOWN)
    return worth_of_runs(own, [controls[lower]])


def is_lower(method: str, runs: pd.DataFrame) -> bool:
    """Whether the runs of a control are of one that learns nothing about its samples."""
    return method in _KNOWN or bool(runs["lower_control"].fillna(False).astype("bool").any())


def worth_of_runs(runs: pd.DataFrame, lower: Sequence[pd.DataFrame]) -> Worth | None:
    """The facts beside the agreement of some runs; None where agreement was not measured.

    Args:
        runs: of one row.
        lower: runs of lower controls; those of other seeds, or judged by another pool, are left out.
    """
    own = _judged(runs)
    if own.empty:
        return None
    judged = pd.concat([_judged(each) for each in lower], ignore_index=True) if lower else own.iloc[:0]
    noise = judged[judged["seed"].isin(own["seed"]) & judged["prior"].isin(own["prior"])]
    return Worth(
        agreement=_mean(own, "agreement"),
        control_agreement=_mean(noise, "agreement") if len(noise) else _mean(own, "control_agreement"),
        classes=_least(own, "classes"),
        pool_classes=_least(own, "pool_classes"),
        pool_smallest_class=_least(own, "pool_smallest_class"),
        pool_confidence=_mean(own, "pool_confidence"),
        agreement_lowest=_mean(own, "agreement_lowest"),
        agreement_highest=_mean(own, "agreement_highest"),
        agreement_worst_class=_mean(own, "agreement_worst_class"),
        agreement_ranking=_mean(own, "agreement_ranking"),
        agreement_overlap=_mean(own, "agreement_overlap"),
        control_overlap=_mean(noise, "agreement_overlap") if len(noise) else None,
        pool_memory=_least(own, "pool_memory"),
    )


def worth_to_say(view: View) -> Worth | None:
    """The same for the trial that is shown first; None where something better than agreement judges the sweep."""
    chooses = bool(view.objectives) and view.objectives[0].name in MEASURED_ON_POOL
    judged_by_data = bool(view.rows["test_accuracy"].notna().any())
    return None if judged_by_data and not chooses else worth_of(view)


def _judged(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[(runs["outcome"] == "completed") & runs["agreement"].notna()]


def _mean(rows: pd.DataFrame, name: str) -> float | None:
    known = rows[name].dropna()
    return float(known.mean()) if len(known) else None


def _least(rows: pd.DataFrame, name: str) -> int | None:
    known = rows[name].dropna()
    return int(known.min()) if len(known) else None
