"""The sweeps that `overhead.py` measures: the same trials through our engine, Ray Tune, and Optuna alone."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks._lib.pages import ROOT
from benchmarks.speed._overhead_work import WORKERS, Task, work

# The Python of an environment that has Syne Tune.
SYNE_TUNE_PYTHON = "SYNE_TUNE_PYTHON"


def _run(task: Task, executor: Any, cpu: int = 1) -> None:
    from sweeps.executors.base import run_sweep
    from tests.sweeps_tests.fake_experiments import make_spec
    from tests.working_experiments import WorkingExperiments

    space = {
        "method/synthesis/rate": {"type": "float", "low": 0.01, "high": 1.0, "log": True},
        "method/synthesis/depth": {"type": "int", "low": 1, "high": 8},
    }
    objectives = ({"name": "agreement", "floor": None}, {"name": "multiply_adds"})
    sampler, resources = {"startup_trials": 10}, {"cpu": cpu}
    spec = make_spec(
        trials=task.trials, seeds=(0,), space=space, objectives=objectives, sampler=sampler, resources=resources
    )
    run_sweep(spec, task.folder / "sweep", executor, experiments=WorkingExperiments(partial(work, task)))


def _ours(task: Task) -> None:
    from sweeps.executors.ray.executor import Ray

    # Ray is started as `acgkd run` does it, with all cores: so that as many trials fit at a time as elsewhere.
    _run(task, Ray(), max(1, (os.cpu_count() or 1) // WORKERS))


def _ours_in_process(task: Task) -> None:
    from sweeps.executors.inprocess import InProcess

    _run(task, InProcess())


def tpe(seed: int = 0, startup_trials: int = 10) -> Any:
    """Optuna's own sampler, with the settings that `acgkd run` has."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=startup_trials, multivariate=True, group=True, constant_liar=True
    )


def _all_at_work(task: Task) -> None:
    """Waits in the first trial until as many workers as there should be have one, or for a minute.

    Else the first one, being warm, takes the trial that the second is started for, and that start is broken off.
    """
    (task.folder / f"worker-{os.getpid()}").touch()
    until = time.monotonic() + 60
    while len(list(task.folder.glob("worker-*"))) < WORKERS and time.monotonic() < until:
        time.sleep(0.01)


def _ray_optuna(task: Task) -> None:
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    class Warm(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            import torch

            torch.set_num_threads(1)
            self.waited = False

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

        def step(self) -> dict[str, Any]:
            if not self.waited:
                _all_at_work(task)
                self.waited = True
            work(task)
            return {"agreement": 0.5, "multiply_adds": 1.0, "done": True}

    space = {"rate": tune.loguniform(0.01, 1.0), "depth": tune.randint(1, 9)}
    search = OptunaSearch(space, metric=["agreement", "multiply_adds"], mode=["max", "min"], sampler=tpe())
    how = {"search_alg": search, "reuse_actors": True, "max_concurrent_trials": WORKERS, "num_samples": task.trials}
    kept = tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False)
    run = tune.RunConfig(storage_path=str(task.folder / "ray"), verbose=0, checkpoint_config=kept)
    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    tune.Tuner(Warm, tune_config=tune.TuneConfig(**how), run_config=run).fit()
    ray.shutdown()


def _optuna(task: Task, journal: bool = False) -> None:
    import optuna
    import torch
    from optuna.storages.journal import JournalFileBackend

    torch.set_num_threads(1)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        trial.suggest_float("rate", 0.01, 1.0, log=True)
        trial.suggest_int("depth", 1, 8)
        work(task)
        return 0.5, 1.0

    file = JournalFileBackend(str(task.folder / "journal"))
    storage = optuna.storages.JournalStorage(file) if journal else None
    study = optuna.create_study(storage=storage, directions=["maximize", "minimize"], sampler=tpe())
    study.optimize(objective, n_trials=task.trials)


def _syne_tune(task: Task) -> None:
    alone = ["-m", "benchmarks.speed._overhead_syne", str(task.folder), str(task.trials), str(task.work_s)]
    subprocess.run(
        [os.environ[SYNE_TUNE_PYTHON], *alone], cwd=task.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True
    )


@dataclass(frozen=True)
class Case:
    """A way to run the sweep.

    Args:
        label: what the page calls it.
        run: does it, in this process.
        workers: how many trials at a time.
        most: trials that it is measured at; more would take hours.
    """

    label: str
    run: Callable[[Task], None]
    workers: int = 1
    most: int = 1_000_000


OURS, TUNED, SYNE_TUNE = "ours", "ray-optuna", "syne-tune"
CASES = {
    OURS: Case("`acgkd run`", _ours, WORKERS),
    TUNED: Case("Ray Tune, well configured, with OptunaSearch", _ray_optuna, WORKERS),
    SYNE_TUNE: Case("Syne Tune, its backend of processes on this machine", _syne_tune, WORKERS, most=100),
    "ours-in-process": Case("`acgkd run --in-process`", _ours_in_process),
    "optuna-journal": Case("Optuna alone, study in a journal file", partial(_optuna, journal=True)),
    "optuna": Case("Optuna alone, study in memory", _optuna),
}
