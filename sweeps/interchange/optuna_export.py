"""A copy of a sweep's study in any Optuna storage, for Optuna's own tools. It is never read back."""

import warnings
from pathlib import Path

import optuna

from acgkd.errors import FolderError
from sweeps.engine.trials.sampling import frozen
from sweeps.store.folder import SweepFolder


def export_study(folder: Path, url: str, name: str | None = None) -> int:
    """Copies all trials as they stand.

    Args:
        folder: the sweep folder.
        url: of the storage: ``sqlite:///study.db``.
        name: of the study; the sweep's if left out.

    Returns:
        How many trials there were.

    Raises:
        FolderError: this is no sweep folder, the storage cannot be opened, or has a study of that name.
    """
    source = SweepFolder(folder)
    sweep, trials = source.require_sweep(), source.read_trials()
    called = name or sweep.name
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(
            storage=url, study_name=called, directions=[objective.direction for objective in sweep.objectives]
        )
    except optuna.exceptions.DuplicatedStudyError:
        raise FolderError(f"{url} has a study called '{called}' already. Choose another `--name`.") from None
    except Exception as error:
        raise FolderError(f"{url} must be a storage that Optuna can open, but: {str(error).splitlines()[0]}") from error
    with warnings.catch_warnings():  # Optuna calls names of objectives experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([objective.name for objective in sweep.objectives])
    study.add_trials([frozen(trial) for trial in trials])
    return len(trials)
