"""Which hyper-parameter decides: how far results differ between its values, over the completed trials."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from analysis.records.cell_values import as_text, shown
from analysis.records.distribution import Distribution
from analysis.statistics.search.separation import chance_of, errors_of, groups_of_numbers, indices, shares_of

FEWEST_TRIALS = 20
_LOG_RATIO = 30.0  # where no trial file says the scale, values that span more than this many times are taken as log
_NOTHING: Mapping[str, Distribution] = MappingProxyType({})


@dataclass(frozen=True)
class Importance:
    """One hyper-parameter's part in what comes out, with the direction in which it pulls.

    Args:
        parameter: column of the summary.
        share: normalised importance; the shares of all parameters sum to 1.
        rank_correlation: Spearman's, of value and target where active; NaN for what is no number, and for constants.
        best: the category with the best mean, for categories; null is one.
        active: trials in which the parameter was active.
        error: standard error of the share, from a bootstrap over trials.
    """

    parameter: str
    share: float
    rank_correlation: float
    best: str
    active: int
    error: float = math.nan


@dataclass(frozen=True)
class Importances:
    """The importances for one target, or the reason why there are none.

    `chance`: p-value of the most important one, against trials whose results were shuffled.
    """

    target: str
    trials: int
    items: tuple[Importance, ...] = ()
    reason: str = ""
    chance: float = math.nan


def importances(
    trials: pd.DataFrame,
    target: str,
    direction: str,
    parameters: Sequence[str],
    distributions: Mapping[str, Distribution] = _NOTHING,
) -> Importances:
    """Computes how far the results by `target` differ between the values of each hyper-parameter.

    A conditional parameter that is missing in a trial was not active there, which is a value like others. Numbers are
    taken in groups of about equal size, so that no scale matters. Each parameter is taken by itself: one that matters
    only together with another has a small share.

    Args:
        trials: complete trials of a summary.
        target: column of the results.
        direction: ``minimize`` or ``maximize``, which says what the best category is.
        parameters: ``param/...`` columns.
        distributions: what the parameters were drawn from, by column; guessed from the values where left out.

    Source: `analysis.statistics.search.separation`.
    """
    known = trials[trials[target].notna() & np.isfinite(trials[target].astype("float64"))]
    varied = [name for name in parameters if _varies(known[name])]
    if len(known) < FEWEST_TRIALS:
        return Importances(target, len(known), reason=f"it needs at least {FEWEST_TRIALS} complete trials")
    if not varied:
        return Importances(target, len(known), reason="no hyper-parameter took two values")
    if known[target].nunique() < 2:
        return Importances(target, len(known), reason="all trials have the same value")
    drawn = {name: distributions.get(name) or guessed(known[name]) for name in varied}
    results = known[target].to_numpy(dtype=float)
    groups = {name: _groups(known[name], drawn[name]) for name in varied}
    shares, errors, chance = shares_of(indices(groups, results)), errors_of(groups, results), chance_of(groups, results)
    items = [
        Importance(
            name,
            shares[name],
            _rank_correlation(known, name, target),
            _best_category(known, name, target, direction) if _is_categorical(known[name], drawn[name]) else "",
            int(known[name].notna().sum()),
            errors[name],
        )
        for name in varied
    ]
    ranked = tuple(sorted(items, key=lambda item: (-item.share, item.parameter)))
    return Importances(target, len(known), ranked, chance=chance)


def is_numeric(column: pd.Series) -> bool:
    """Whether a parameter's values are numbers (categories and switches are not)."""
    return bool(pd.api.types.is_numeric_dtype(column)) and not bool(pd.api.types.is_bool_dtype(column))


def guessed(column: pd.Series) -> Distribution:
    """What a parameter may have been drawn from, where no trial file says it: from the values seen."""
    values = column.dropna()
    if not is_numeric(column) or values.empty:
        return Distribution("categorical")
    low, high = float(values.min()), float(values.max())
    whole = bool(pd.api.types.is_integer_dtype(column))
    return Distribution("int" if whole else "float", low, high, log=low > 0 and high / low > _LOG_RATIO)


def _is_categorical(column: pd.Series, drawn: Distribution) -> bool:
    return drawn.kind == "categorical" or not is_numeric(column)


def _varies(column: pd.Series) -> bool:
    """Also true for a parameter with one value that is active in some trials only."""
    return column.nunique() > 1 or bool(column.isna().any() and column.notna().any())


def _groups(column: pd.Series, drawn: Distribution) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The group of each trial: a category, some numbers next to each other, or not active."""
    if not _is_categorical(column, drawn):
        return groups_of_numbers(column.to_numpy(dtype=float, na_value=np.nan))
    names = [None if pd.isna(value) else _category(value) for value in column]
    return np.array(pd.factorize(pd.Series(names, dtype="object"), use_na_sentinel=False)[0], dtype=np.int64)


def _category(value: object) -> str:
    """A cell of a text column, or a number or switch that is one of a few choices, as the text of its category."""
    if isinstance(value, str):
        return value
    plain: object = value.item() if isinstance(value, np.generic) else value
    return as_text(plain)


def _rank_correlation(trials: pd.DataFrame, name: str, target: str) -> float:
    active = trials[trials[name].notna()]
    if not is_numeric(trials[name]) or active[name].nunique() < 2 or active[target].nunique() < 2:
        return math.nan
    ranks = active[[name, target]].astype("float64").rank()
    return float(ranks[name].corr(ranks[target]))


def _best_category(trials: pd.DataFrame, name: str, target: str, direction: str) -> str:
    means = trials[trials[name].notna()].groupby(name)[target].mean()
    best = means.idxmin() if direction == "minimize" else means.idxmax()
    return shown(_category(best))
