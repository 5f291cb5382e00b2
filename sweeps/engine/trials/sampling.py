"""The Optuna study, in memory only: rebuilt from the trial files at every start, asked for the next point.

The sampler is made anew before every ask, from (sweep seed, trial number): it holds nothing that a restart could
lose. What it notes elsewhere is kept in the trial's file: on the trial (NSGA-II's generation) and on the study (the
counter of a quasi-random sequence, NSGA-II's parents).
"""

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from acgkd.errors import SweepError
from sweeps.engine.trials.history import BoundedStorage
from sweeps.engine.trials.lean_tpe import LeanTPE, Representations
from sweeps.engine.trials.trial_states import suggested
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.trial import State, Trial

POPULATION = 20

STATES: dict[State, TrialState] = {
    "waiting": TrialState.RUNNING,
    "running": TrialState.RUNNING,
    "completed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "infeasible": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


def derived(*parts: object) -> int:
    """A 31-bit seed from plain values."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def make_sampler(spec: SweepSpec, number: int, known: Representations, good: int) -> BaseSampler:
    """The sampler that suggests trial `number`; `known` and `good` are as `LeanTPE` takes them."""
    config = spec.sampler
    own = derived(config.seed, number, config.name)
    samplers = optuna.samplers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        match config.name:
            case "random":
                return samplers.RandomSampler(seed=own)
            case "tpe":
                return LeanTPE(known, good, own, config.startup_trials)
            case "nsga2":
                return samplers.NSGAIISampler(seed=own, population_size=POPULATION)
            case "qmc":
                # One sequence for the whole sweep; only what lies outside of it is drawn anew for each trial.
                return samplers.QMCSampler(
                    seed=derived(config.seed, config.name),
                    scramble=True,
                    independent_sampler=samplers.RandomSampler(seed=own),
                    warn_independent_sampling=False,
                )
            case "gp":
                return samplers.GPSampler(seed=own, n_startup_trials=config.startup_trials)
            case "grid":
                # Brute force, because it takes the space as it is asked for, conditions included.
                return samplers.BruteForceSampler(seed=own)


def frozen(trial: Trial, *, known: bool = True) -> FrozenTrial:
    """A trial as Optuna holds it.

    Args:
        trial: as its file says.
        known: whether the study may know how it ended; else it is running for it.
    """
    state = STATES[trial.state] if known else TrialState.RUNNING
    constraint = trial.constraint if known and trial.state == "infeasible" else None
    return create_trial(
        state=state,
        values=list(trial.values) if state == TrialState.COMPLETE and trial.values is not None else None,
        params=trial.parameters,
        distributions={name: json_to_distribution(text) for name, text in trial.distributions.items()},
        system_attrs=dict(trial.system_attrs),
        constraints=None if constraint is None else {"infeasible": constraint},
    )


class Study:
    """Asks for points and learns how they ended.

    With a lag of k, trial n is suggested from the results of trials up to n - 1 - k alone, in order of number;
    all others count as running. A cluster, one core and a restarted driver then ask the same points.

    Args:
        spec: the sweep.
        trials: all trials so far, in order of number.
        space_changed: whether trials may have been suggested from another space; they count where they lie in this one.
    """

    def __init__(self, spec: SweepSpec, trials: Iterable[Trial] = (), *, space_changed: bool = False) -> None:
        self.spec = spec
        self._space_changed = space_changed
        self.lag = spec.sampler.lag
        self._storage = BoundedStorage(spec.sampler.history if spec.sampler.name == "tpe" else None)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(
            storage=self._storage, directions=[objective.direction for objective in spec.objectives]
        )
        self._id = self._storage.get_study_id_from_name(self._study.study_name)
        self._known = Representations()
        self._ended: dict[int, Trial] = {}
        self._untold: set[int] = set()  # ended ones that the sampler may not see yet
        self._first_open = 0
        self._points: set[str] = set()
        self.count = 0
        known = list(trials)
        for trial in known:
            self._add(trial, reported=trial.final and self._due(trial.number, len(known)))

    def _due(self, number: int, count: int) -> bool:
        """Whether the ask for trial `count` may know how trial `number` ended."""
        return self.lag is None or number <= count - 1 - self.lag

    def _add(self, trial: Trial, *, reported: bool) -> None:
        self._study.add_trial(frozen(self._in_this_space(trial), known=reported))
        for key, value in trial.study_attrs.items():
            self._storage.set_study_system_attr(self._id, key, value)
        self._points.add(_point(trial))
        self.count = trial.number + 1
        if trial.final:
            self._ended[trial.number] = trial
            self._untold |= set() if reported else {trial.number}

    def _in_this_space(self, trial: Trial) -> Trial:
        """The trial as if today's space had suggested it; one that lies outside of it counts as failed."""
        if not self._space_changed:
            return trial
        fixed, inside = optuna.trial.FixedTrial(dict(trial.parameters)), True
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # a number outside of its range is no more to Optuna
            try:
                self.spec.suggest(fixed)
            except (ValueError, UserWarning):
                inside = False
        if not inside or fixed.distributions.keys() != trial.parameters.keys():
            nowhere: dict[str, object] = {"parameters": {}, "distributions": {}, "values": None}
            return trial.model_copy(update=nowhere | {"state": "failed" if trial.final else trial.state})
        texts = {name: distribution_to_json(item) for name, item in fixed.distributions.items()}
        return trial.model_copy(update={"distributions": texts})

    @property
    def ready(self) -> bool:
        """Whether everything that the next suggestion needs to know has ended."""
        if self.lag is None:
            return True
        while self._first_open in self._ended:
            self._first_open += 1
        return self._first_open >= self.count - self.lag

    def ask(self, fixed: Mapping[str, object] | None = None, enqueued: str = "") -> Trial | None:
        """The next trial, waiting; None where a finite space has no point left.

        A suggestion that was asked for and never written down is asked for again, and is the same.

        Args:
            fixed: values of the user's, by slash path; the sampler suggests the rest.
            enqueued: the file of the queue that holds them.

        Raises:
            SweepError: results are missing that the suggestion needs.
        """
        if not self.ready:
            raise SweepError(f"Trial {self.count} cannot be suggested before earlier trials have ended.")
        for number in sorted(self._untold):
            if self._due(number, self.count):
                self._tell(self._ended[number])
        number = self.count
        before = dict(self._storage.get_study_system_attrs(self._id))
        self._study.sampler = make_sampler(self.spec, number, self._known, self._storage.good)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if fixed is not None:  # Optuna numbers it here, and asks for it next
                self._study.enqueue_trial(dict(fixed))
            asked = self._study.ask()
            values = self.spec.suggest(asked)
        if asked.number != number:
            raise SweepError(f"Optuna numbered trial {number} as {asked.number}; the study must be its own.")
        held = self._hold(number, values)
        after = self._storage.get_study_system_attrs(self._id)
        trial = suggested(
            number,
            _plain(held.params),
            {name: distribution_to_json(value) for name, value in held.distributions.items()},
            _plain(held.system_attrs),
            _plain({key: value for key, value in after.items() if before.get(key) != value}),
            enqueued,
        )
        if fixed is None and self.spec.sampler.name == "grid" and _point(trial) in self._points:
            return None
        self._points.add(_point(trial))
        self.count = number + 1
        return trial

    def _hold(self, number: int, values: Mapping[str, object]) -> FrozenTrial:
        """The trial as the study holds it, with values as they are written: 0.3 for 0.30000000000000004."""
        handle = self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
        held = self._storage.get_trial(handle)
        for name, distribution in held.distributions.items():
            if values[name] != held.params[name]:
                self._storage.set_trial_param(handle, name, distribution.to_internal_repr(values[name]), distribution)
        return self._storage.get_trial(handle)

    def ended(self, trial: Trial) -> None:
        """Takes in how a trial ended; the sampler sees it at once, or when the lag allows."""
        self._ended[trial.number] = trial
        self._untold.add(trial.number)
        if self.lag is None:
            self._tell(trial)

    def _tell(self, trial: Trial) -> None:
        # Straight into the storage: `study.tell` would let the sampler stop the study, as brute force does at its end.
        handle = self._storage.get_trial_id_from_study_id_trial_number(self._id, trial.number)
        final = frozen(trial)
        for key, value in final.system_attrs.items():
            if key not in trial.system_attrs:
                self._storage.set_trial_system_attr(handle, key, value)
        self._storage.set_trial_state_values(handle, final.state, final.values)
        self._untold.discard(trial.number)


def _point(trial: Trial) -> str:
    return json.dumps(trial.parameters, sort_keys=True)


def _plain(value: object) -> Any:
    """The value as it will be after a trip through a file: lists for tuples, plain numbers for numpy's."""
    return json.loads(json.dumps(value, default=lambda item: item.item()))
