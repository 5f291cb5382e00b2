"""Which hyper-parameter decides: PED-ANOVA on a study rebuilt in memory from the completed trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST_TRIALS = 20
_LOG_RATIO = 30.0  # values that span more than this many times were searched on a log scale


@dataclass(frozen=True)
class Importance:
    """One hyper-parameter's part in reaching the best trials, with the direction in which it pulls.

    Args:
        parameter: column of the summary.
        share: normalised importance; the shares of all parameters sum to 1.
        rank_correlation: Spearman's, of value and target where active; NaN for categories and constants.
        best: the category with the best mean, for categories.
        active: trials in which the parameter was active.
    """

    parameter: str
    share: float
    rank_correlation: float
    best: str
    active: int


@dataclass(frozen=True)
class Importances:
    """The importances for one target, or the reason why there are none."""

    target: str
    trials: int
    items: tuple[Importance, ...] = ()
    reason: str = ""


def importances(trials: pd.DataFrame, target: str, direction: str, parameters: Sequence[str]) -> Importances:
    """Computes how much each hyper-parameter matters for being among the best trials by `target`.

    A conditional parameter that is missing in a trial was not active there; the evaluator knows that.

    Args:
        trials: complete trials of a summary.
        target: column to be good at.
        direction: ``minimize`` or ``maximize``.
        parameters: ``param/...`` columns.

    Source: Watanabe et al., "PED-ANOVA", IJCAI 2023 (arXiv 2304.10255); conditional parameters: arXiv 2601.20800.
    """
    known = trials[trials[target].notna() & np.isfinite(trials[target].astype("float64"))]
    varied = [name for name in parameters if _varies(known[name])]
    if len(known) < FEWEST_TRIALS:
        return Importances(target, len(known), reason=f"it needs at least {FEWEST_TRIALS} complete trials")
    if not varied:
        return Importances(target, len(known), reason="no hyper-parameter took two values")
    if known[target].nunique() < 2:
        return Importances(target, len(known), reason="all trials have the same value")
    shares = _ped_anova(known, target, direction, varied)
    items = [
        Importance(
            name,
            shares.get(name, 0.0),
            _rank_correlation(known, name, target),
            _best_category(known, name, target, direction),
            int(known[name].notna().sum()),
        )
        for name in varied
    ]
    return Importances(target, len(known), tuple(sorted(items, key=lambda item: (-item.share, item.parameter))))


def is_numeric(column: "pd.Series[Any]") -> bool:
    """Whether a parameter's values are numbers (categories and switches are not)."""
    return bool(pd.api.types.is_numeric_dtype(column)) and not bool(pd.api.types.is_bool_dtype(column))


def is_logarithmic(column: "pd.Series[Any]") -> bool:
    """Whether a parameter's values are better seen on a log scale."""
    values = column.dropna().astype("float64")
    return len(values) > 0 and values.min() > 0 and values.max() / values.min() > _LOG_RATIO


def _varies(column: "pd.Series[Any]") -> bool:
    """Also true for a parameter with one value that is active in some trials only."""
    return column.nunique() > 1 or bool(column.isna().any() and column.notna().any())


def _ped_anova(trials: pd.DataFrame, target: str, direction: str, parameters: Sequence[str]) -> dict[str, float]:
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    distributions = {name: _distribution(trials[name]) for name in parameters}
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # or it announces the study on the user's terminal
    try:
        study = optuna.create_study(
            direction="minimize" if direction == "minimize" else "maximize",
            sampler=optuna.samplers.RandomSampler(seed=0),
        )
    finally:
        optuna.logging.set_verbosity(before)
    for row in trials.to_dict("records"):
        active = {name: _plain(row[name], distributions[name]) for name in parameters if pd.notna(row[name])}
        study.add_trial(
            optuna.trial.create_trial(
                params=active, distributions={name: distributions[name] for name in active}, value=float(row[target])
            )
        )
    # The evaluator wants five trials or more in the better part.
    quantile = max(0.1, 5 / len(trials))
    shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=quantile))
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()} if total > 0 else dict(shares)


def _distribution(column: "pd.Series[Any]") -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    values = column.dropna()
    if not is_numeric(column):
        return CategoricalDistribution(sorted({_choice(value) for value in values}, key=str))
    low, high = values.min(), values.max()
    if pd.api.types.is_integer_dtype(column):
        return IntDistribution(int(low), int(high), log=is_logarithmic(column))
    return FloatDistribution(float(low), float(high), log=is_logarithmic(column))


def _choice(value: Any) -> bool | str:
    return bool(value) if isinstance(value, (bool, np.bool_)) else str(value)


def _plain(value: Any, distribution: "BaseDistribution") -> Any:
    name = type(distribution).__name__
    return _choice(value) if name.startswith("Cat") else int(value) if name.startswith("Int") else float(value)


def _rank_correlation(trials: pd.DataFrame, name: str, target: str) -> float:
    active = trials[trials[name].notna()]
    if not is_numeric(trials[name]) or active[name].nunique() < 2 or active[target].nunique() < 2:
        return math.nan
    ranks = active[[name, target]].astype("float64").rank()
    return float(ranks[name].corr(ranks[target]))


def _best_category(trials: pd.DataFrame, name: str, target: str, direction: str) -> str:
    if is_numeric(trials[name]):
        return ""
    means = trials[trials[name].notna()].groupby(name)[target].mean()
    return str(means.idxmin() if direction == "minimize" else means.idxmax()) if len(means) else ""
