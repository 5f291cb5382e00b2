"""The page on health: rates with intervals, and how well each fact tells bad students from others."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.intervals import share_interval
from analysis.statistics.trust.outcome_bounds import RATIO_BOUND, below_bound
from analysis.statistics.trust.telling_apart import auc

# Each fact, and whether more of it is better.
FACTS = {"hit_rate_lowest": 1, "hit_rate": 1, "synthesis_confidence": 1, "statistics_distance": -1}
FACTS |= {"degree_ratio": 1, "likeness": -1}


def auc_cell(rows: pd.DataFrame, name: str) -> str:
    """How well a fact tells bad students, with its interval."""
    known = rows[rows[name].notna()]
    found = auc(FACTS[name] * known[name].to_numpy(float), known["bad"].to_numpy(bool))
    return "–" if np.isnan(found.value) else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def share(holds: "pd.Series[bool]") -> str:
    """How many of how many, with the interval of the share."""
    if not len(holds):
        return "–"
    low, high = share_interval(int(holds.sum()), len(holds))
    return f"{int(holds.sum())} of {len(holds)} ({low:.2f} to {high:.2f})"


def words(rows: pd.DataFrame, split: int, bound: float) -> dict[str, Any]:
    """What the template of the page calls.

    Args:
        rows: of `analysis.load`.
        split: the first seed that is for showing.
        bound: least hit rate of a class.
    """
    done = rows[(rows["kind"] == "trial") & (rows["outcome"] == "completed")].copy()
    done["pair"] = done["dataset"] + ", " + done["teacher"] + " → " + done["student"]
    done["part"] = np.where(done["seed"] < split, "choosing", "showing")
    accuracies = done[["validation_accuracy", "teacher_validation_accuracy"]].astype(float).to_numpy()
    done["bad"] = [bool(below_bound(student, teacher)) for student, teacher in accuracies]
    done["stuck"] = done["hit_rate_lowest"].astype(float) < bound
    restarted = done["sweep"].str.endswith("-restarts")
    first, again = done[~restarted], done[restarted]
    lines = []
    for (pair, part), group in first.groupby(["pair", "part"]):
        later = again[(again["pair"] == pair) & (again["part"] == part)]
        cells = [share(group["stuck"]), *(share(group["bad"][group["stuck"] == is_it]) for is_it in (True, False))]
        lines.append([pair, part, *cells, share(later["stuck"]), share(later["bad"])])
    parts = [first[first["part"] == part] for part in ("choosing", "showing")]
    return {
        "runs": len(first), "pairs": first["pair"].nunique(), "lines": lines, "bound": bound, "split": split,
        "stuck": share(first["stuck"]), "again": share(again["stuck"]), "lowest": auc_cell(first, "hit_rate_lowest"),
        "facts": {name: [auc_cell(part, name) for part in parts] for name in FACTS}, "ratio": RATIO_BOUND,
    }  # fmt: skip
