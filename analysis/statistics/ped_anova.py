"""Which hyper-parameter decides: PED-ANOVA on a study rebuilt in memory from the completed trials."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.records.cell_values import as_text, shown
from analysis.records.distribution import Distribution

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

FEWEST_TRIALS = 20
_LOG_RATIO = 30.0  # where no trial file says the scale, values that span more than this many times are taken as log
_NOTHING: Mapping[str, Distribution] = MappingProxyType({})


@dataclass(frozen=True)
class Importance:
    """One hyper-parameter's part in reaching the best trials, with the direction in which it pulls.

    Args:
        parameter: column of the summary.
        share: normalised importance; the shares of all parameters sum to 1.
        rank_correlation: Spearman's, of value and target where active; NaN for what is no number, and for constants.
        best: the category with the best mean, for categories; null is one.
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


def importances(
    trials: pd.DataFrame,
    target: str,
    direction: str,
    parameters: Sequence[str],
    distributions: Mapping[str, Distribution] = _NOTHING,
) -> Importances:
    """Computes how much each hyper-parameter matters for being among the best trials by `target`.

    A conditional parameter that is missing in a trial was not active there; the evaluator knows that. A parameter is
    scored on the scale on which it was drawn.

    Args:
        trials: complete trials of a summary.
        target: column to be good at.
        direction: ``minimize`` or ``maximize``.
        parameters: ``param/...`` columns.
        distributions: what the parameters were drawn from, by column; guessed from the values where left out.

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
    drawn = {name: distributions.get(name) or guessed(known[name]) for name in varied}
    shares = _ped_anova(known, target, direction, drawn)
    items = [
        Importance(
            name,
            shares.get(name, 0.0),
            _rank_correlation(known, name, target),
            _best_category(known, name, target, direction) if _is_categorical(known[name], drawn[name]) else "",
            int(known[name].notna().sum()),
        )
        for name in varied
    ]
    return Importances(target, len(known), tuple(sorted(items, key=lambda item: (-item.share, item.parameter))))


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


def _ped_anova(
    trials: pd.DataFrame, target: str, direction: str, drawn: Mapping[str, Distribution]
) -> dict[str, float]:
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # or it announces the study on the user's terminal
    try:
        study = optuna.create_study(
            direction="minimize" if direction == "minimize" else "maximize",
            sampler=optuna.samplers.RandomSampler(seed=0),
        )
    finally:
        optuna.logging.set_verbosity(before)
    study.add_trials(_frozen(trials, target, drawn))
    # The evaluator wants five trials or more in the better part.
    quantile = max(0.1, 5 / len(trials))
    shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=quantile))
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()} if total > 0 else dict(shares)


def _frozen(trials: pd.DataFrame, target: str, drawn: Mapping[str, Distribution]) -> "list[FrozenTrial]":
    """The trials as Optuna holds them; a parameter that was not active is left out."""
    from optuna.trial import create_trial

    columns = {name: _values(trials[name], item) for name, item in drawn.items()}
    distributions = {name: _distribution(columns[name], item) for name, item in drawn.items()}
    missing = {name: trials[name].isna().tolist() for name in drawn}
    made = []
    for row, value in enumerate(trials[target].astype("float64")):
        active = {name: columns[name][row] for name in drawn if not missing[name][row]}
        asked = {name: distributions[name] for name in active}
        made.append(create_trial(params=active, distributions=asked, value=value))
    return made


def _values(column: pd.Series, drawn: Distribution) -> list[str | int | float | None]:
    """The values as Optuna gets them: numbers, or the texts of categories; None where not active."""
    if _is_categorical(column, drawn):
        return [None if pd.isna(value) else _category(value) for value in column]
    kind = int if drawn.kind == "int" else float
    return [None if pd.isna(value) else kind(value) for value in column]


def _category(value: object) -> str:
    """A cell of a text column, or a number or switch that is one of a few choices, as the text of its category."""
    if isinstance(value, str):
        return value
    plain: object = value.item() if isinstance(value, np.generic) else value
    return as_text(plain)


def _distribution(values: Sequence[str | int | float | None], drawn: Distribution) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    seen = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in seen):
        return CategoricalDistribution(list(dict.fromkeys([*drawn.cells, *sorted({str(value) for value in seen})])))
    numbers = [float(value) for value in seen]
    low, high = min(drawn.low, *numbers), max(drawn.high, *numbers)
    if drawn.kind == "int":
        return IntDistribution(int(low), int(high), log=drawn.log, step=1 if drawn.log else int(drawn.step or 1))
    return FloatDistribution(low, high, log=drawn.log, step=None if drawn.log else drawn.step)


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
