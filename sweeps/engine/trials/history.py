"""What of a long study a sampler looks at: the best trials and the latest, so that an ask costs the same at any length.

TPE models the best tenth of all trials as good, and old ones of the rest hardly weigh. A bounded history keeps just
these: as many good ones as TPE would choose from the whole study, up to a third of it, and the latest.
"""

from collections.abc import Container, Sequence

import numpy as np
from numpy.typing import NDArray
from optuna.samplers._tpe.sampler import default_gamma, default_gamma_multiobjective
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from analysis.statistics.front import front

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


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
        self._complete: list[int] = []
        self._losses = np.empty((64, 0))  # of the complete ones, with room for more
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
        place = len(self._complete)
        if self._losses.shape[1] != len(values):
            self._losses = np.empty((64, len(values)))
        if place == len(self._losses):
            self._losses = np.concatenate((self._losses, np.empty_like(self._losses)))
        directions = self.get_study_directions(0)
        signs = [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in directions]
        self._losses[place] = np.multiply(values, signs)
        self._complete.append(number)

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
        """Numbers of the best and of the latest."""
        self._ended.sort()
        numbers = np.array(self._complete)
        by_number = np.argsort(numbers)
        good = set(numbers[by_number[best(self._losses[by_number], self.good)]].tolist())
        latest = [number for number in self._ended[-limit:] if number not in good]
        return [*good, *latest[-(limit - len(good)) :]]


def best(losses: NDArray[np.float64], count: int) -> list[int]:
    """Indices of the `count` best points, front by front; of a front that is too large an evenly spread part.

    Shapes:
        losses: ``[points, objectives]``, smaller is better.
    """
    left, found = np.arange(len(losses)), list[int]()
    while len(left) and len(found) < count:
        on_front = front(losses[left], ["minimize"] * losses.shape[1])
        members, wanted = left[on_front], count - len(found)
        if len(members) > wanted:
            along = members[np.lexsort(losses[members].T[::-1])]
            members = along[np.linspace(0, len(along) - 1, wanted).round().astype(int)] if wanted > 1 else along[:1]
        found.extend(members.tolist())
        left = left[~on_front]
    return found
