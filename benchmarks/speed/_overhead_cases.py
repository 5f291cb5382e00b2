"""The sweeps that `overhead.py` measures: the same trials through our engine, Ray Tune, and Optuna alone."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.speed._overhead_work import Task, work

WORKERS = 2


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


def _tpe() -> Any:
    """The sampler of `acgkd run`, with its settings."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.samplers.TPESampler(seed=0, n_startup_trials=10, multivariate=True, group=True, constant_liar=True)


def _tune_space() -> dict[str, Any]:
    from ray import tune

    return {"rate": tune.loguniform(0.01, 1.0), "depth": tune.randint(1, 9)}


def _tuned(task: Task, trainable: Any, how: dict[str, Any], kept: dict[str, Any], **more: Any) -> None:
    import ray
    from ray import tune

    run = tune.RunConfig(storage_path=str(task.folder / "ray"), verbose=0, **kept)
    tune.Tuner(trainable, tune_config=tune.TuneConfig(num_samples=task.trials, **how), run_config=run, **more).fit()
    ray.shutdown()


def _ray_optuna(task: Task) -> None:
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    class Warm(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            import torch

            torch.set_num_threads(1)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

        def step(self) -> dict[str, Any]:
            work(task)
            return {"agreement": 0.5, "multiply_adds": 1.0, "done": True}

    search = OptunaSearch(_tune_space(), metric=["agreement", "multiply_adds"], mode=["max", "min"], sampler=_tpe())
    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    kept = {"checkpoint_config": tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False)}
    _tuned(task, Warm, {"search_alg": search, "reuse_actors": True, "max_concurrent_trials": WORKERS}, kept)


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
    study = optuna.create_study(storage=storage, directions=["maximize", "minimize"], sampler=_tpe())
    study.optimize(objective, n_trials=task.trials)


@dataclass(frozen=True)
class Case:
    """A way to run the sweep.

    Args:
        label: what the page calls it.
        run: does it, in this process.
        workers: how many trials at a time.
    """

    label: str
    run: Callable[[Task], None]
    workers: int = 1


OURS, TUNED = "ours", "ray-optuna"
CASES = {
    OURS: Case("`acgkd run`", _ours, WORKERS),
    TUNED: Case("Ray Tune, well configured, with OptunaSearch", _ray_optuna, WORKERS),
    "ours-in-process": Case("`acgkd run --in-process`", _ours_in_process),
    "optuna-journal": Case("Optuna alone, study in a journal file", partial(_optuna, journal=True)),
    "optuna": Case("Optuna alone, study in memory", _optuna),
}
