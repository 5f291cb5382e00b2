"""What of a long study a sampler looks at, so that an ask costs the same at any length: the best, first and latest.

TPE models the best tenth of all trials as good, of one objective at most 25, and the others as what to stay away from.
A bounded history has as many good ones as TPE would choose from the whole study, up to a third of it. A third of the
others are the study's first ones, most of them drawn before anything was known: they are spread over the whole space,
where the latest crowd around the front. The rest are the latest.
"""

from collections.abc import Container, Sequence

import numpy as np
from optuna.samplers._tpe.sampler import default_gamma, default_gamma_multiobjective
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.engine.trials.fronts import ENDED, Fronts


class BoundedStorage(InMemoryStorage):
    """A storage in memory, of one study, that shows a sampler the trials of its history and all that run.

    Args:
        limit: ended trials that are shown; None shows all.
    """

    def __init__(self, limit: int | None) -> None:
        super().__init__()
        self._limit = limit
        self._open: set[int] = set()
        self._ended: list[int] = []
        self._complete = np.empty(64, dtype=np.int64)  # numbers, with room for more, as in the next
        self._losses = np.empty((64, 0))
        self._count = 0  # of the complete ones
        self._fronts = Fronts(0 if limit is None else limit // 3)
        self._shown: list[int] | None = None

    @property
    def good(self) -> int:
        """How many of the shown trials TPE is to model as good."""
        gamma = default_gamma if self._losses.shape[1] == 1 else default_gamma_multiobjective
        count = gamma(len(self._ended))
        return count if self._limit is None or len(self._ended) <= self._limit else min(count, self._limit // 3)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As a storage does."""
        handle = super().create_new_trial(study_id, template_trial)
        self._note(handle)
        return handle

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """As a storage does."""
        changed = super().set_trial_state_values(trial_id, state, values)
        self._note(trial_id)
        return changed

    def _note(self, handle: int) -> None:
        trial = self.get_trial(handle)
        if not trial.state.is_finished():
            self._open.add(trial.number)
            return
        self._open.discard(trial.number)
        if trial.state in ENDED:
            self._ended.append(trial.number)
            self._shown = None
        if trial.state == TrialState.COMPLETE:
            self._keep(trial.number, trial.values)

    def _keep(self, number: int, values: Sequence[float]) -> None:
        place = self._count
        if self._losses.shape[1] != len(values):
            self._losses = np.empty((64, len(values)))
        if place == len(self._losses):
            self._losses = np.concatenate((self._losses, np.empty_like(self._losses)))
            self._complete = np.concatenate((self._complete, np.empty_like(self._complete)))
        directions = self.get_study_directions(0)
        signs = [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in directions]
        self._losses[place] = np.multiply(values, signs)
        self._complete[place] = number
        self._count += 1

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """As a storage does, without ended trials outside of the history, a pure function of all that have ended."""
        if self._limit is None or len(self._ended) <= self._limit:
            return super().get_all_trials(study_id, deepcopy, states)
        if self._shown is None:
            self._shown = self._history(self._limit)
        trials = self._studies[study_id].trials
        found = [trials[number] for number in sorted([*self._shown, *self._open])]
        return [trial for trial in found if states is None or trial.state in states]

    def _history(self, limit: int) -> list[int]:
        """Numbers of the best, of the first and of the latest."""
        self._ended.sort()
        losses, numbers = self._losses[: self._count], self._complete[: self._count]
        good = set(numbers[self._fronts.best(losses, numbers, self.good)].tolist())
        others = limit - len(good)
        first = [number for number in self._ended[:limit] if number not in good][: others // 3]
        latest = [number for number in self._ended[-limit:] if number not in good]
        return [*good, *first, *latest[-(others - len(first)) :]]
