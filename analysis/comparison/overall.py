"""What a joint table comes to over its data sets: aggregates of each method, and the baseline against each of them."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.comparison.joint import Comparison, Panel
from analysis.statistics.aggregates.bootstrap import Estimate, Floats, estimate
from analysis.statistics.aggregates.families import SetMean, holm, mean_over_sets, signed_rank
from analysis.statistics.aggregates.ranks import FEWEST_SETS, Ranks, ranks
from analysis.statistics.aggregates.robust import interquartile_mean, probability_of_improvement
from analysis.statistics.intervals import Interval
from analysis.statistics.replicates import Split, interval_of, split_of_rows

COLUMNS = (
    "contestant", "sets", "mean", "mean_low", "mean_high", "iqm", "iqm_low", "iqm_high", "rank", "sets_shared",
    "difference", "difference_low", "difference_high", "wins", "ties", "losses", "p_value", "p_holm", "improvement",
    "improvement_low", "improvement_high", "reduced_on",
)  # fmt: skip
_NOT_KNOWN = Estimate(math.nan, math.nan, math.nan)


def score_of(panel: Panel) -> str:
    """What is aggregated over data sets: of accuracies the ratio to the teacher, where all teachers are known."""
    if panel.measure != "test_accuracy":
        return panel.measure
    done = [row.done for cell in panel.cells.values() for row in cell.shown.values()]
    return "ratio" if done and all(rows["ratio"].notna().all() for rows in done) else "test_accuracy"


def complete(panel: Panel) -> tuple[str, ...]:
    """The contestants that completed at least one seed on every column: those that aggregates can be compared of."""
    return tuple(
        name
        for name in panel.contestants
        if all((row := panel.row(name, column)) is not None and len(row.done) for column in panel.cells)
    )


def runs_of(panel: Panel, names: Sequence[str], columns: Sequence[str]) -> list[list[Floats]]:
    """Scores of some contestants on some columns, over the seeds that all of these completed there.

    Returns:
        For each contestant an array for each column, ``[seeds]``; empty where no seed is shared somewhere.
    """
    score = score_of(panel)
    found: list[list[Floats]] = [[] for _ in names]
    for column in columns:
        series = [row.seeds(score) for name in names if (row := panel.row(name, column)) is not None]
        shared = (
            sorted(set.intersection(*(set(each.index) for each in series)))
            if series and len(series) == len(names)
            else []
        )
        if not shared:
            return []
        for runs, each in zip(found, series, strict=True):
            runs.append(np.array([each[seed] for seed in shared], dtype=np.float64))
    return found


def resplit_ratios(panel: Panel, columns: Sequence[str]) -> list[float]:
    """Test over training size of each column; 0 where seeds drew no split, NaN where sizes are not known."""
    found = []
    for column in columns:
        runs = [row.done for row in panel.cells[column].shown.values()]
        split = split_of_rows(runs[0]) if runs else Split(varies=False)
        test, train = split.test_size, split.train_size
        known = test / train if test is not None and train is not None else math.nan
        found.append(known if split.varies else 0.0)
    return found


def overall(comparison: Comparison, panel: Panel) -> pd.DataFrame:
    """One line for each contestant of a joint table.

    Columns: ``contestant``, ``sets``; of those that were run on all: ``mean`` of the score over data sets with ``_low``
    and ``_high`` (Satterthwaite), its interquartile mean ``iqm`` with ``_low`` and ``_high`` (stratified bootstrap),
    ``rank`` (average); against the baseline, over the data sets that both have: ``sets_shared``, ``difference`` in test
    accuracy with ``_low`` and ``_high``, ``wins``, ``ties``, ``losses`` (data sets), ``p_value`` (Wilcoxon),
    ``p_holm``, ``improvement`` (the probability that a run of the baseline is better) with ``_low`` and ``_high``;
    ``reduced_on``.
    """
    columns, names, score = list(panel.cells), complete(panel), score_of(panel)
    ratios = resplit_ratios(panel, columns)
    placed = ranked(panel)
    lines: list[dict[str, object]] = []
    for name in panel.contestants:
        own = [(column, row) for column in columns if (row := panel.row(name, column)) is not None]
        line: dict[str, object] = {"contestant": name, "sets": len(own)}
        whole = name in names
        means = [SetMean.of(interval_of(row.done, score)) for _, row in own] if whole else []
        line |= _with_ends("mean", *(_ends(mean_over_sets(means)) if whole else (math.nan,) * 3))
        runs = runs_of(panel, (name,), columns) if whole else []
        iqm = _estimate(interquartile_mean, runs, ratios) if runs else _NOT_KNOWN
        line |= _with_ends("iqm", iqm.value, iqm.low, iqm.high)
        line["rank"] = placed.average[names.index(name)] if placed is not None and whole else math.nan
        line |= _against(comparison, panel, name)
        line["reduced_on"] = ", ".join(column for column, row in own if row.reduced or not row.published)
        lines.append(line)
    table = pd.DataFrame(lines, columns=[name for name in COLUMNS if name != "p_holm"])
    table.insert(list(COLUMNS).index("p_holm"), "p_holm", holm(table["p_value"].tolist()))
    return table


def ranked(panel: Panel) -> Ranks | None:
    """Average ranks of the contestants that were run on all columns; None of fewer than five columns, or of one."""
    names = complete(panel)
    if len(panel.cells) < FEWEST_SETS or len(names) < 2:
        return None
    means = [[_mean_of(panel, name, column) for column in panel.cells] for name in names]
    return ranks(means)


def _mean_of(panel: Panel, name: str, column: str) -> float:
    row = panel.row(name, column)
    return math.nan if row is None else float(row.done[panel.measure].astype("float64").mean())


def _against(comparison: Comparison, panel: Panel, name: str) -> dict[str, object]:
    gaps = {column: pair for column in panel.cells if (pair := comparison.difference(panel, column, name)) is not None}
    gaps = {column: pair for column, pair in gaps.items() if pair.difference.n}
    means = [pair.difference.mean for pair in gaps.values()]
    signs = signed_rank(means)
    spread = mean_over_sets([SetMean.of(pair.difference) for pair in gaps.values()])
    better = _NOT_KNOWN
    ours = next((cell.baseline.contestant for cell in panel.cells.values() if cell.baseline is not None), "")
    if gaps and len(runs := runs_of(panel, (ours, name), list(gaps))) == 2:
        better = _estimate(probability_of_improvement, runs, resplit_ratios(panel, list(gaps)))
    return {
        "sets_shared": len(gaps),
        **_with_ends("difference", *(_ends(spread) if gaps else (math.nan,) * 3)),
        "wins": signs.wins,
        "ties": signs.ties,
        "losses": signs.losses,
        "p_value": signs.p_value if len(gaps) >= FEWEST_SETS else math.nan,
        **_with_ends("improvement", better.value, better.low, better.high),
    }


def _estimate(figure: Callable[..., Floats], methods: Sequence[Sequence[Floats]], ratios: Sequence[float]) -> Estimate:
    found = estimate(figure, methods, ratios=[0.0 if math.isnan(ratio) else ratio for ratio in ratios])
    if any(math.isnan(ratio) for ratio in ratios):
        return Estimate(found.value, math.nan, math.nan)
    if figure is probability_of_improvement:
        return Estimate(found.value, float(np.clip(found.low, 0, 1)), float(np.clip(found.high, 0, 1)))
    return found


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high


def _with_ends(name: str, value: float, low: float, high: float) -> dict[str, object]:
    return {name: value, f"{name}_low": low, f"{name}_high": high}
