"""Optuna's TPE with the same suggestions at a fraction of their cost on conditional spaces.

With ``group=True`` TPE splits all trials into good and poor ones once for each group of parameters, and turns every
value into its internal form each time. Within one ask the split is the same for all groups, and values of ended trials
never change; both are kept here. The methods that are overridden are private to Optuna, so a test holds the points to
those of its own sampler.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.sampler import _split_trials
from optuna.search_space.group_decomposed import _SearchSpaceGroup
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sweeps.engine.trials.fronts import ENDED

Halves = tuple[list[FrozenTrial], list[FrozenTrial]]


class Representations:
    """Internal values of ended trials: a row for each, a column for each name; not a number where it was not asked."""

    def __init__(self) -> None:
        self.columns: dict[str, int] = {}
        self._rows: dict[int, NDArray[np.float64]] = {}
        self._running: dict[int, dict[str, object]] = {}
        self._split: tuple[tuple[int, ...], Halves] | None = None

    def table(self, rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Rows below each other; those from before a name was known are filled up."""
        table = np.full((len(rows), len(self.columns)), np.nan)
        for place, row in enumerate(rows):
            table[place, : len(row)] = row
        return table

    def split(self, good: int, ended: list[FrozenTrial], find: Callable[[], Halves]) -> Halves:
        """Good and poor ended trials, as `find` has them; found once where several asks know the same trials."""
        key = (good, *(trial.number for trial in ended))
        if self._split is None or self._split[0] != key:
            self._split = key, find()
        return self._split[1]

    def running(self, trial: FrozenTrial, read: Callable[[], dict[str, object]]) -> dict[str, object]:
        """The values of a running trial, which has been asked for whatever it will be, as `read` finds them."""
        if trial.number not in self._running:
            self._running[trial.number] = read()
        return self._running[trial.number]

    def ended(self, trial: FrozenTrial) -> NDArray[np.float64]:
        """The row of an ended trial."""
        if trial.number not in self._rows:
            own = trial.distributions
            values = {name: own[name].to_internal_repr(value) for name, value in trial.params.items()}
            self._rows[trial.number] = self.row(values)
            self._running.pop(trial.number, None)
        return self._rows[trial.number]

    def row(self, values: dict[str, float]) -> NDArray[np.float64]:
        """A row of values by name."""
        for name in values:
            self.columns.setdefault(name, len(self.columns))
        row = np.full(len(self.columns), np.nan)
        for name, value in values.items():
            row[self.columns[name]] = value
        return row


class LeanTPE(TPESampler):
    """TPE for one ask: multivariate, by groups, with running trials as poor ones.

    Args:
        known: representations so far, filled in place; the same for all asks of a study.
        good: how many ended trials are modelled as good.
        seed: of its draws.
        startup_trials: random points before it looks at results.
    """

    def __init__(self, known: Representations, good: int, seed: int, startup_trials: int) -> None:
        super().__init__(seed=seed, n_startup_trials=startup_trials, multivariate=True, group=True, constant_liar=True)
        self._known, self._good = known, good
        self._halves: Halves | None = None
        self._tables: dict[int, NDArray[np.float64]] = {}  # of either half, by its identity
        self._group_decomposed_search_space: Any = _Groups()

    def _sample(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, object]:
        below, above = self._halves = self._halves or self._split(study, trial)
        good = self._build_parzen_estimator(study, search_space, below, handle_below=True)
        poor = self._build_parzen_estimator(study, search_space, above, handle_below=False)
        samples = good.sample(self._rng.rng, self._n_ei_candidates)
        found = self._compare(samples, self._compute_acquisition_func(samples, good, poor))
        return {name: space.to_external_repr(found[name]) for name, space in search_space.items()}

    def _split(self, study: Study, trial: FrozenTrial) -> Halves:
        known = study.get_trials(deepcopy=False, states=(*ENDED, TrialState.RUNNING))
        ended = [item for item in known if item.state in ENDED]
        running = [item for item in known if item.state not in ENDED and item.number != trial.number]
        good, poor = self._known.split(self._good, ended, lambda: _split_trials(study, ended, self._good))
        return good, sorted([*poor, *running], key=lambda item: item.number)

    def _get_internal_repr(
        self, trials: list[FrozenTrial], search_space: dict[str, BaseDistribution], study: Study
    ) -> dict[str, NDArray[np.float64]]:
        if id(trials) not in self._tables:
            self._tables[id(trials)] = self._known.table([self._row(trial) for trial in trials])
        table = self._tables[id(trials)]
        found = np.full((len(table), len(search_space)), np.nan)
        for place, name in enumerate(search_space):
            column = self._known.columns.get(name, len(table.T))
            if column < len(table.T):  # else no trial of this half was asked for it
                found[:, place] = table[:, column]
        for place, trial in enumerate(trials):
            if trial.state not in ENDED:
                running = self._known.running(trial, partial(self._get_params, trial, study))
                if search_space.keys() <= running.keys():
                    found[place] = [space.to_internal_repr(running[name]) for name, space in search_space.items()]
        found = found[~np.isnan(found).any(axis=1)]
        return {name: found[:, place].copy() for place, name in enumerate(search_space)}

    def _row(self, trial: FrozenTrial) -> NDArray[np.float64]:
        return self._known.ended(trial) if trial.state in ENDED else np.empty(0)


class _Groups:
    """The groups of parameters that were always asked for together, from one trial of each kind."""

    def calculate(self, study: Study, use_trial_cache: bool = True) -> _SearchSpaceGroup:
        groups, kinds = _SearchSpaceGroup(), set[frozenset[str]]()
        for trial in study.get_trials(deepcopy=False, states=ENDED):
            kind = frozenset(trial.params)
            if kind not in kinds:
                kinds.add(kind)
                groups.add_distributions(trial.distributions)
        return groups
