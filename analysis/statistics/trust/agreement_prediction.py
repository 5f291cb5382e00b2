"""How well agreement on a reference pool, which needs no data, ranks the students of one teacher as real graphs do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from acgkd.agreement.worth import Worth
from analysis.statistics.aggregates.bootstrap import Estimate, picks
from analysis.statistics.intervals import CONFIDENCE

PAIR = ["dataset", "teacher", "norm", "student"]
"""What makes a pair: its students of all seeds are of one kind, and so are its teachers."""
GROUP = [*PAIR, "seed"]
"""Students of one teacher, which are ranked."""
STUDENT = [*GROUP, "method"]
NOTHING = "–"
RULES = {
    "lower control": "taught with noise",
    "confidence": "hardly decides",
    "classes": "of the whole pool",
    "spread of parts": "apart, so",
    "memory": "no BatchNorm layer",
}
"""Rules of `acgkd.agreement.worth`, and words of their reasons alone."""
REAL, CONTROL, UPPER = "real", "random_graphs", "real_data"


@dataclass(frozen=True)
class Pool:
    """Parts of a candidate, and how they are put together.

    Args:
        parts: their names.
        known: a part weighs 1 / (1 + distance of BatchNorm statistics); alike where a teacher remembers none.
        together: count the graphs of all parts as one; else parts are averaged.
        measure: a column of `scored`.
    """

    parts: tuple[str, ...]
    known: bool = False
    together: bool = False
    measure: str = "balanced"


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what is measured on each part: `balanced` agreement, that of the `worst` class, `overlap`.

    Args:
        rows: one for each student and part, with counts by class of what the teacher has `said` and the student
            `agreed` to; `divergence`, `variation` and `ranking`.
    """
    shares = [_shares(said, agreed) for said, agreed in zip(rows["said"], rows["agreed"], strict=True)]
    return rows.assign(
        balanced=[float(share.mean()) for share in shares],
        worst=[float(share.min()) for share in shares],
        agreement=[sum(agreed) / sum(said) for said, agreed in zip(rows["said"], rows["agreed"], strict=True)],
        overlap=1 - rows["variation"],
    )


def _shares(said: Sequence[int] | NDArray[np.int64], agreed: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    known = np.asarray(said) > 0
    found: NDArray[np.float64] = np.asarray(agreed, float)[known] / np.asarray(said, float)[known]
    return found


def _counted(student: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What was said and agreed to on all parts."""
    said, agreed = (np.sum(np.stack([*student[name]]), axis=0) for name in ("said", "agreed"))
    return said, agreed


def judged(rows: pd.DataFrame, pool: Pool) -> "pd.Series[float]":
    """What a pool says of each student: by `GROUP` and method.

    Args:
        rows: of `scored`.
        pool: with parts that every student has.
    """
    chosen = rows[rows["part"].isin(pool.parts)]
    if pool.together:
        lines = {key: float(_shares(*_counted(student)).mean()) for key, student in chosen.groupby(STUDENT)}
        return pd.Series(lines, dtype=float).rename_axis(STUDENT)
    chosen = _telling(chosen)
    weights = 1 / (1 + chosen["distance"].fillna(0)) if pool.known else pd.Series(1.0, chosen.index)
    keys = [chosen[name] for name in STUDENT]
    total = (chosen[pool.measure] * weights).groupby(keys).sum()
    return total / weights.groupby(keys).sum()


def _telling(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the parts on which a teacher says one class only, unless it does so on all."""
    several = rows["said"].map(lambda said: int((np.asarray(said) > 0).sum()) > 1)
    return rows[several | ~several.groupby([rows[name] for name in STUDENT]).transform("any")]


def truth(rows: pd.DataFrame, column: str = "agreement") -> "pd.Series[float]":
    """What real graphs say of each student: by `GROUP` and method."""
    real = rows[rows["part"] == REAL]
    found: pd.Series[float] = real.set_index(STUDENT)[column]
    return found


def correlations(found: "pd.Series[float]", true: "pd.Series[float]") -> "pd.Series[float]":
    """Spearman's rank correlation of students, by `GROUP`; 0 where all are alike. Those of real data are left out."""
    lines = {
        key: float(_spearman(group["found"].to_numpy()[None], group["true"].to_numpy()[None])[0])
        for key, group in _ranked(found, true).groupby(GROUP)
    }
    return pd.Series(lines, dtype=float).rename_axis(GROUP)


def by_pair(found: "pd.Series[float]", true: "pd.Series[float]") -> dict[tuple[object, ...], Estimate]:
    """Rank correlation of each pair: the mean over seeds, with a bootstrap interval over seeds and students."""
    pairs = _ranked(found, true).groupby(PAIR)
    return {key: _of_pair([seed for _, seed in group.groupby("seed")]) for key, group in pairs}


def _ranked(found: "pd.Series[float]", true: "pd.Series[float]") -> pd.DataFrame:
    """The students of which both are known, without those of real data."""
    both = pd.DataFrame({"found": found, "true": true}).dropna().reset_index()
    return both[both["method"] != UPPER]


def _of_pair(seeds: list[pd.DataFrame]) -> Estimate:
    values, draws = [], []
    *students, which = picks([*(len(seed) for seed in seeds), len(seeds)])
    for seed, chosen in zip(seeds, students, strict=True):
        found, true = seed["found"].to_numpy(), seed["true"].to_numpy()
        values.append(float(_spearman(found[None], true[None])[0]))
        draws.append(_spearman(found[chosen], true[chosen]))
    means = np.stack(draws, axis=1)[np.arange(len(which))[:, None], which].mean(axis=1)
    low, high = np.quantile(means, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return Estimate(float(np.mean(values)), float(low), float(high))


def _spearman(found: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row; 0 where one of both is the same throughout.

    Shapes:
        each: ``[rows, students]``; returns: ``[rows]``
    """
    # What differs by rounding alone is level.
    first, second = (rankdata(np.round(values, 9), axis=1) for values in (found, true))
    first, second = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (first, second))
    spread = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.where(spread > 0, (first * second).sum(axis=1) / np.where(spread > 0, spread, 1), 0.0)


def elsewhere(rows: pd.DataFrame, pools: Mapping[str, Pool], true: "pd.Series[float]", baseline: str) -> pd.DataFrame:
    """For each data set the pool that has the highest median on the pairs of all others, and what it does there.

    Returns:
        columns dataset, pool, chosen_by (its median on the others); on the data set itself its median, its least, and
        the median and least of `baseline`
    """
    pairs = {name: correlations(judged(rows, pool), true).groupby(PAIR).mean() for name, pool in pools.items()}
    table, lines = pd.DataFrame(pairs), []
    places = table.index.get_level_values("dataset")
    for data in places.unique():
        medians = table[places != data].median()
        if medians.isna().all():
            continue
        best, own = str(medians.idxmax()), table[places == data]
        there = [figure for name in (best, baseline) for figure in (own[name].median(), own[name].min())]
        lines.append([data, best, medians[best], *there])
    columns = ["dataset", "pool", "chosen_by", "median", "least", "baseline_median", "baseline_least"]
    return pd.DataFrame(lines, columns=columns)


def worths(rows: pd.DataFrame, pool: Pool) -> pd.DataFrame:
    """What agreement on a pool is worth, of each student: by `GROUP` and method, with `reasons` against it.

    Args:
        rows: of `scored`.
        pool: as the records of its time have it.
    """
    chosen = rows[rows["part"].isin(pool.parts)]
    whole = judged(rows, pool).to_dict()
    lines = {}
    for key, student in chosen.groupby(STUDENT):
        assert isinstance(key, tuple), "of several columns"
        said, _ = _counted(student)
        found = Worth(
            float(whole[key]),
            control_agreement=whole.get((*key[:-1], CONTROL)),
            classes=len(said),
            pool_classes=int((said > 0).sum()),
            pool_smallest_class=int(said[said > 0].min()),
            pool_confidence=float(student["confidence"].mean()),
            agreement_lowest=float(_telling(student)["balanced"].min()),
            agreement_highest=float(_telling(student)["balanced"].max()),
            pool_memory=int(bool(key[PAIR.index("norm")])),
        )
        lines[key] = {"informative": found.informative, "reasons": found.reasons}
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis(STUDENT)


def flagged(rows: pd.DataFrame, pool: Pool, true: "pd.Series[float]") -> list[list[str]]:
    """Whether what stands beside agreement tells where it ranks students badly.

    Returns:
        of each rule: its name, groups of students of one teacher of which it flags most, the median of their rank
        correlation, and that of all other groups
    """
    worth = worths(rows, pool)
    by_group = correlations(judged(rows, pool), true)
    broken = {"any": ~worth["informative"].astype(bool)}
    broken |= {
        name: worth["reasons"].map(lambda said, part=part: part in "; ".join(said)) for name, part in RULES.items()
    }
    lines = []
    for name, breaks in broken.items():
        most = breaks.groupby(GROUP).mean().reindex(by_group.index) > 0.5
        medians = [f"{by_group[part].median():.2f}" if part.any() else NOTHING for part in (most, ~most)]
        lines.append([name, f"{int(most.sum())} of {len(most)}", *medians])
    return lines
