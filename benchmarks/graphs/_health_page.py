"""The page on health: rates with intervals, and how well each fact tells bad students from others."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from analysis.statistics.trust.outcome_bounds import RATIO_BOUND, below_bound

# Each fact, and whether more of it is better.
FACTS = {"hit_rate_lowest": 1, "hit_rate": 1, "synthesis_confidence": 1, "statistics_distance": -1}
FACTS |= {"degree_ratio": 1, "likeness": -1}


def auc(rows: pd.DataFrame, name: str) -> str:
    """How well a fact tells bad students, with its interval."""
    known = rows[rows[name].notna()]
    bad, score = known["bad"].to_numpy(bool), FACTS[name] * known[name].to_numpy(float)

    def of(chosen: np.ndarray) -> float:
        pairs = score[chosen[bad[chosen]]][:, None] - score[chosen[~bad[chosen]]][None, :]
        return float(np.mean((pairs < 0) + (pairs == 0) / 2)) if pairs.size else np.nan

    if bad.all() or not bad.any():
        return "–"
    draws = [of(chosen) for chosen in np.random.default_rng(0).integers(len(bad), size=(2000, len(bad)))]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return f"{of(np.arange(len(bad))):.2f} ({low:.2f} to {high:.2f})"


def share(holds: "pd.Series[bool]") -> str:
    """How many of how many, with the interval of the share."""
    if not len(holds):
        return "–"
    interval = binomtest(int(holds.sum()), len(holds)).proportion_ci(method="wilson")
    return f"{int(holds.sum())} of {len(holds)} ({interval.low:.2f} to {interval.high:.2f})"


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
        "stuck": share(first["stuck"]), "again": share(again["stuck"]), "lowest": auc(first, "hit_rate_lowest"),
        "facts": {name: [auc(part, name) for part in parts] for name in FACTS}, "ratio": RATIO_BOUND,
    }  # fmt: skip
