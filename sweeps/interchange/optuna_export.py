"""A copy of a sweep's study in any Optuna storage, for Optuna's own tools. It is never read back.

Exported again, also while the sweep runs, the copy follows: trials that are new are added, those that ran are ended.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from acgkd.errors import AnalysisError, FolderError
from analysis.records.sweep_file import SweepFile
from sweeps.interchange.study_trials import DIGEST, ExportedTrial, exported
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial

IDENTITY = "acgkd:sweep"
_FINAL = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def export_study(folder: Path, url: str, name: str | None = None) -> int:
    """Copies all trials as they stand into a study, or brings the copy that is there up to date.

    Args:
        folder: the sweep folder.
        url: of the storage: ``sqlite:///study.db``.
        name: of the study; the sweep's if left out.

    Returns:
        How many trials there are.

    Raises:
        FolderError: this is no sweep folder, the storage cannot be opened, or has another study of that name.
    """
    source = SweepFolder(folder)
    source.require_sweep()
    source.read_trials()  # the whole folder is sound before anything is written elsewhere
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = get_storage(url)
    except Exception as error:
        raise FolderError(_unusable(url, error)) from error
    try:
        return StudyCopy(folder, storage, name, shown=url).update()
    except (FolderError, AnalysisError):
        raise
    except Exception as error:
        raise FolderError(_unusable(url, error)) from error


def _unusable(url: str, error: Exception) -> str:
    text = str(error).splitlines()
    return f"{url} must be a storage that Optuna can open, but: {text[0] if text else type(error).__name__}"


class StudyCopy:
    """The copy of one sweep in one storage.

    Args:
        folder: the sweep folder.
        storage: Optuna's.
        name: of the study; the sweep's if left out.
        shown: what messages call the storage.
    """

    def __init__(self, folder: Path, storage: BaseStorage, name: str | None = None, shown: str = "the storage") -> None:
        self._folder, self._storage, self._name, self._shown = SweepFolder(folder), storage, name, shown
        self._done: dict[int, tuple[Trial, ExportedTrial]] = {}  # trials that have ended, read once
        self.ended = 0

    def update(self) -> int:
        """Brings the copy up to date.

        Returns:
            How many trials there are.

        Raises:
            FolderError: the storage has a study of that name that is not of this sweep.
        """
        self._folder.refresh()
        sweep = self._folder.require_sweep()
        found = self._trials()
        self.ended = sum(trial.final for trial in found)
        trials = [self._exported(sweep, trial) for trial in found]
        study = self._study(sweep)
        there = study.get_trials(deepcopy=False)
        if _rewritten(there, trials) or study.directions != _directions(sweep):
            # What has ended is closed in Optuna, and a retry or another objective has opened it again.
            optuna.delete_study(study_name=study.study_name, storage=self._storage)
            study, there = self._study(sweep), []
        for known, trial in zip(there, trials, strict=False):
            if known.state not in _FINAL and known.user_attrs.get(DIGEST) != trial.digest:
                self._continue(study, known, trial)
        for trial in trials[len(there) :]:
            study.add_trial(trial.frozen)
        self._describe(study, sweep)
        return len(trials)

    def _trials(self) -> list[Trial]:
        """All trials up to the first gap: a driver may add some while they are read."""
        found = sorted(self._folder.trials(), key=lambda trial: trial.number)
        return [trial for place, trial in enumerate(found) if trial.number == place]

    def _exported(self, sweep: SweepFile, trial: Trial) -> ExportedTrial:
        known = self._done.get(trial.number)
        if known is not None and known[0] == trial:
            return known[1]
        names = tuple(objective.name for objective in sweep.objectives)
        made = exported(self._folder, trial, names, _seeds(sweep))
        if trial.final:
            self._done[trial.number] = (trial, made)
        return made

    def _study(self, sweep: SweepFile) -> optuna.Study:
        """The study of this sweep, made if need be."""
        called = self._name or sweep.name
        identity = f"{sweep.name} of {sweep.created_at}"
        known = called in optuna.get_all_study_names(self._storage)
        if known:
            study = optuna.load_study(study_name=called, storage=self._storage)
            if study.user_attrs.get(IDENTITY) != identity:
                whose = study.user_attrs.get(IDENTITY)
                why = "which is not of this sweep" if whose is None else f"which is a copy of another sweep ({whose})"
                raise FolderError(f"{self._shown} has a study called '{called}', {why}. Choose another `--name`.")
            return study
        study = optuna.create_study(storage=self._storage, study_name=called, directions=_directions(sweep))
        study.set_user_attr(IDENTITY, identity)
        with warnings.catch_warnings():  # Optuna calls names of objectives experimental
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([objective.name for objective in sweep.objectives])
        return study

    def _continue(self, study: optuna.Study, known: FrozenTrial, trial: ExportedTrial) -> None:
        """Brings a trial that has not ended in the study up to date."""
        number = known._trial_id
        frozen = trial.frozen
        if known.state == TrialState.WAITING and frozen.state != TrialState.WAITING:
            self._storage.set_trial_state_values(number, TrialState.RUNNING)
        if frozen.state == TrialState.WAITING:
            return
        for step, value in frozen.intermediate_values.items():
            self._storage.set_trial_intermediate_value(number, step, value)
        for name, attribute in trial.attrs.items():
            self._storage.set_trial_user_attr(number, name, attribute)
        if trial.constraint is not None:
            optuna.Trial(study, number).set_constraint("infeasible", trial.constraint)
        if frozen.state in _FINAL:
            self._storage.set_trial_state_values(number, frozen.state, frozen.values)
        self._correct_times(number, frozen)

    def _correct_times(self, number: int, frozen: FrozenTrial) -> None:
        """Optuna stamps what it is handed later with its own clock; a relational storage can be corrected."""
        storage = getattr(self._storage, "_backend", self._storage)
        if not isinstance(storage, RDBStorage):
            return
        import sqlalchemy

        rows = sqlalchemy.table("trials", *map(sqlalchemy.column, ("trial_id", "datetime_start", "datetime_complete")))
        times = {"datetime_start": frozen.datetime_start, "datetime_complete": frozen.datetime_complete}
        with storage.engine.begin() as connection:
            connection.execute(rows.update().where(rows.c.trial_id == number).values(times))

    def _describe(self, study: optuna.Study, sweep: SweepFile) -> None:
        """What the sweep as a whole has come to, where that has changed."""
        if study.user_attrs.get("acgkd:ended") == self.ended:
            return
        for name, value in {**self._selection(), "acgkd:ended": self.ended}.items():
            study.set_user_attr(name, value)

    def _selection(self) -> Mapping[str, object]:
        """The chosen trial and the front, as reports have them."""
        from analysis.records.frame import load
        from analysis.statistics.view import view_of

        try:
            view = view_of(load([self._folder.path]))
        except AnalysisError:  # no record yet
            return {"chosen": None, "front": []}
        front = [int(number) for number in view.trials.loc[view.own_front, "trial"]]
        return {"chosen": None if view.choice.trial is None else int(view.choice.trial), "front": sorted(front)}


def _rewritten(there: list[FrozenTrial], trials: list[ExportedTrial]) -> bool:
    """Whether something that has ended in the study is otherwise now."""
    if len(there) > len(trials):
        return True
    return any(
        known.state in _FINAL and known.user_attrs.get(DIGEST) != trial.digest
        for known, trial in zip(there, trials, strict=False)
    )


def _directions(sweep: SweepFile) -> list[StudyDirection]:
    names = {"minimize": StudyDirection.MINIMIZE, "maximize": StudyDirection.MAXIMIZE}
    return [names[objective.direction] for objective in sweep.objectives]


def _seeds(sweep: SweepFile) -> list[int]:
    replicates: Any = sweep.spec.get("replicates") or {}
    return [int(seed) for seed in replicates.get("seeds") or ()]
