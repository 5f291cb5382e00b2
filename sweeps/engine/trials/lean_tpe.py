"""Optuna's TPE with the same suggestions at a fraction of their cost on conditional spaces.

With ``group=True`` TPE splits all trials into good and poor ones once for each group of parameters, and turns every
value into its internal form each time. Within one ask the split is the same for all groups, and values of trials never
change; both are kept here, and densities are lean ones. The methods that are overridden are private to Optuna, so a
test holds the points to those of its own sampler.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.sampler import _split_complete_trials, _split_trials
from optuna.search_space.group_decomposed import _SearchSpaceGroup
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sweeps.engine.trials.fronts import ENDED
from sweeps.engine.trials.lean_parzen import LeanParzen, Numbers

Halves = tuple[list[FrozenTrial], list[FrozenTrial]]


class Representations:
    """Internal values of trials: a row for each, a column for each name; not a number where it was not asked.

    An internal value follows from the value and the kind of its distribution, and that stays for a name: Optuna refuses
    any other. So rows stay, those of running trials too, which have been asked for whatever they will be.
    """

    def __init__(self) -> None:
        self.columns: dict[str, int] = {}
        self._rows = np.full((64, 8), np.nan)  # with room for more, both ways
        self._ended: dict[int, frozenset[str]] = {}
        self._running: set[int] = set()
        self._distributions: dict[str, BaseDistribution] = {}
        self._split: tuple[tuple[int, ...], Halves] | None = None

    def split(self, good: int, ended: list[FrozenTrial], find: Callable[[], Halves]) -> Halves:
        """Good and poor ended trials, as `find` has them; found once where several asks know the same trials."""
        key = (good, *(trial.number for trial in ended))
        if self._split is None or self._split[0] != key:
            self._split = key, find()
        return self._split[1]

    def names(self, trial: FrozenTrial) -> frozenset[str]:
        """What an ended trial was asked for."""
        if trial.number not in self._ended:
            own = trial.distributions
            self._fill(trial.number, {name: own[name].to_internal_repr(trial.params[name]) for name in own})
            self._distributions |= own
            self._ended[trial.number] = frozenset(own)
            self._running.discard(trial.number)
        return self._ended[trial.number]

    def table(self, trials: Sequence[FrozenTrial], values: Callable[[FrozenTrial], Mapping[str, Any]]) -> Numbers:
        """The rows of some trials.

        Args:
            trials: ended and running ones.
            values: what a running one has been asked for, by name.

        Shapes:
            returns ``[trials, names]``, a column for each of `columns`.
        """
        for trial in trials:
            if trial.number in self._ended or (trial.number in self._running and trial.state not in ENDED):
                continue
            if trial.state in ENDED:
                self.names(trial)
            else:
                self._take_in_running(trial, values(trial))
        return self._rows[[trial.number for trial in trials], : len(self.columns)]

    def _take_in_running(self, trial: FrozenTrial, values: Mapping[str, Any]) -> None:
        known = self._distributions | trial.distributions
        self._fill(
            trial.number, {name: known[name].to_internal_repr(value) for name, value in values.items() if name in known}
        )
        if values.keys() <= known.keys():  # else something was drawn that no ended trial was asked for so far
            self._running.add(trial.number)

    def _fill(self, number: int, values: Mapping[str, float]) -> None:
        for name in values:
            self.columns.setdefault(name, len(self.columns))
        while number >= len(self._rows):
            self._rows = np.concatenate((self._rows, np.full_like(self._rows, np.nan)))
        while len(self.columns) > len(self._rows.T):
            self._rows = np.hstack((self._rows, np.full_like(self._rows, np.nan)))
        self._rows[number] = np.nan
        self._rows[number, [self.columns[name] for name in values]] = list(values.values())


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
        self._tables: dict[int, Numbers] = {}  # of either half, by its identity
        self._group_decomposed_search_space: Any = _Groups(known)

    def _sample(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, object]:
        below, above = self._halves = self._halves or self._split(study, trial)
        observed, poor_observed = (self._observed(half, search_space, study) for half in (below, above))
        weigh = self._parzen_estimator_parameters.weights
        equal = len(study.directions) > 1
        good = LeanParzen(observed, np.ones(len(observed)) if equal else weigh(len(observed)), search_space)
        poor = LeanParzen(poor_observed, weigh(len(poor_observed)), search_space)
        samples = good.sample(self._rng.rng, self._n_ei_candidates)
        found = self._compare(samples, good.log_pdf(samples) - poor.log_pdf(samples))
        return {name: space.to_external_repr(found[name]) for name, space in search_space.items()}

    def _split(self, study: Study, trial: FrozenTrial) -> Halves:
        known = study.get_trials(deepcopy=False, states=(*ENDED, TrialState.RUNNING))
        ended = [item for item in known if item.state in ENDED]
        running = [item for item in known if item.state not in ENDED and item.number != trial.number]
        good, poor = self._known.split(self._good, ended, lambda: self._split_ended(study, ended))
        return good, sorted([*poor, *running], key=lambda item: item.number)

    def _split_ended(self, study: Study, ended: list[FrozenTrial]) -> Halves:
        complete = [trial for trial in ended if trial.state == TrialState.COMPLETE]
        if len(complete) < self._good:
            return _split_trials(study, ended, self._good)
        # All complete ones are feasible here, so no other is among the good.
        chosen, _ = _split_complete_trials(complete, study, self._good)
        numbers = {trial.number for trial in chosen}
        good = [trial for trial in complete if trial.number in numbers]
        return good, [trial for trial in ended if trial.number not in numbers]

    def _observed(self, trials: list[FrozenTrial], space: dict[str, BaseDistribution], study: Study) -> Numbers:
        """Internal values of the trials that were asked for all of a space: ``[such trials, names]``."""
        if id(trials) not in self._tables:
            self._tables[id(trials)] = self._known.table(trials, partial(self._get_params, study=study))
        table = self._tables[id(trials)]
        columns = [self._known.columns.get(name, len(table.T)) for name in space]
        if max(columns) >= len(table.T):  # no trial of this half was asked for it
            return np.empty((0, len(space)))
        found = table[:, columns]
        return found[~np.isnan(found).any(axis=1)]


class _Groups:
    """The groups of parameters that were always asked for together, from one trial of each kind."""

    def __init__(self, known: Representations) -> None:
        self._known = known

    def calculate(self, study: Study, use_trial_cache: bool = True) -> _SearchSpaceGroup:
        groups, kinds = _SearchSpaceGroup(), set[frozenset[str]]()
        for trial in study.get_trials(deepcopy=False, states=ENDED):
            kind = self._known.names(trial)
            if kind not in kinds:
                kinds.add(kind)
                groups.add_distributions(trial.distributions)
        return groups
