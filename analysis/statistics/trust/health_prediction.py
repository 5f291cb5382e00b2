"""How well the health of a synthesis, which needs no data, predicts that its student is bad."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from acgkd.agreement.health_facts import Health
from analysis.statistics.intervals import share_interval
from analysis.statistics.trust.outcome_bounds import below_bound
from analysis.statistics.trust.telling_apart import auc

# Each fact, and whether more of it is better.
FACTS: Mapping[str, int] = {
    "hit_rate_lowest": 1,
    "hit_rate": 1,
    "synthesis_confidence": 1,
    "statistics_distance": -1,
    "degree_ratio": 1,
    "likeness": -1,
}
NOTHING = "–"
# What says whether a synthesis is stuck.
JUDGED = (
    "hit_rate",
    "hit_rate_lowest",
    "hit_rate_at_most",
    "classes",
    "synthesis_classes",
    "statistics_distance",
    "degree_ratio",
)


@dataclass(frozen=True)
class Prediction:
    """What is known of stuck syntheses and bad students, each share and area with its interval of 95 %, in words.

    Args:
        runs: how many there are, without those done again with restarts.
        pairs: on how many data sets and pairs.
        stuck: share of the runs.
        again: share of those done again with restarts.
        lines: data set and pair, part, stuck, bad of those stuck, bad of the others; with restarts: stuck, bad.
        areas: of each of `FACTS`, over all runs, those for choosing and those for showing.
    """

    runs: int
    pairs: int
    stuck: str
    again: str
    lines: list[list[str]]
    areas: dict[str, list[str]]


def health_prediction(rows: pd.DataFrame, split: int) -> Prediction:
    """How often runs are stuck, and how well each fact of health tells bad students from others.

    Args:
        rows: of `analysis.load`; sweeps of runs that were done again with restarts end in ``-restarts``.
        split: seeds below are for choosing bounds, the others for showing what they do.
    """
    done = rows[(rows["kind"] == "trial") & (rows["outcome"] == "completed")].copy()
    done["pair"] = done["dataset"] + ", " + done["teacher"] + " → " + done["student"]
    done["part"] = np.where(done["seed"] < split, "choosing", "showing")
    accuracies = done[["validation_accuracy", "teacher_validation_accuracy"]].astype(float).to_numpy()
    done["bad"] = [bool(below_bound(student, teacher)) for student, teacher in accuracies]
    done["stuck"] = is_stuck(done)
    restarted = done["sweep"].str.endswith("-restarts")
    first, again = done[~restarted], done[restarted]
    lines = []
    for (pair, part), group in first.groupby(["pair", "part"]):
        later = again[(again["pair"] == pair) & (again["part"] == part)]
        bad = [_share(group["bad"][group["stuck"] == stuck]) for stuck in (True, False)]
        lines.append([str(pair), str(part), _share(group["stuck"]), *bad, _share(later["stuck"]), _share(later["bad"])])
    parts = [first, *(first[first["part"] == part] for part in ("choosing", "showing"))]
    return Prediction(
        runs=len(first),
        pairs=first["pair"].nunique(),
        stuck=_share(first["stuck"]),
        again=_share(again["stuck"]),
        lines=lines,
        areas={name: [_area(part, name) for part in parts] for name in FACTS},
    )


@dataclass(frozen=True)
class Failures:
    """Failed students of a comparison, and how well health tells them; shares and areas with intervals, in words.

    Args:
        runs: with pseudo-graphs, of the rows that are meant.
        teachers: of how many of them, each of one data set and seed.
        failed: below the bound on the test part.
        stuck: share of the runs.
        failed_stuck: of those stuck.
        failed_others: of the others.
        areas: of each of `FACTS`; teachers are drawn anew, for students of one share its pseudo-graphs.
    """

    runs: int
    teachers: int
    failed: str
    stuck: str
    failed_stuck: str
    failed_others: str
    areas: dict[str, str]


def failures(rows: pd.DataFrame, kinds: Sequence[str]) -> Failures:
    """How often students of a comparison failed, and how well each fact of health tells them from others.

    Args:
        rows: of `analysis.load`; no bound may have been chosen on their seeds.
        kinds: of the rows that are meant: ``trial``, ``control``.
    """
    judged = (rows["outcome"] == "completed") & rows["statistics_distance"].notna()
    done = rows[rows["kind"].isin(kinds) & judged].copy()
    named = ["test_accuracy", "teacher_test_accuracy", "majority_accuracy"]
    done["bad"] = [bool(below_bound(*values)) for values in done[named].astype(float).to_numpy()]
    done["stuck"] = is_stuck(done)
    done["unit"] = list(zip(done["dataset"], done["teacher"], done["seed"], strict=True))
    return Failures(
        runs=len(done),
        teachers=done["unit"].nunique(),
        failed=_share(done["bad"]),
        stuck=_share(done["stuck"]),
        failed_stuck=_share(done["bad"][done["stuck"]]),
        failed_others=_share(done["bad"][~done["stuck"]]),
        areas={name: _area(done, name) for name in FACTS},
    )


def is_stuck(rows: pd.DataFrame) -> list[bool]:
    """Of each row, whether its synthesis is stuck (`acgkd.agreement.health_facts`)."""
    known = [name for name in JUDGED if name in rows]
    values = rows[known].astype("float64").to_numpy().tolist()
    return [Health.of(dict(zip(known, row, strict=True))).stuck for row in values]


def _area(rows: pd.DataFrame, name: str) -> str:
    known = rows[rows[name].notna()]
    units = known["unit"].tolist() if "unit" in known else None
    found = auc(FACTS[name] * known[name].to_numpy(float), known["bad"].to_numpy(bool), units=units)
    return NOTHING if np.isnan(found.value) else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _share(holds: "pd.Series[bool]") -> str:
    """How many of how many, with Wilson's interval of the share."""
    if not len(holds):
        return NOTHING
    low, high = share_interval(int(holds.sum()), len(holds))
    return f"{int(holds.sum())} of {len(holds)} ({low:.2f} to {high:.2f})"
