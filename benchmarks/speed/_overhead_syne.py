"""The sweep of `overhead.py` in Syne Tune, run by the Python of an environment that has it, and torch.

    PYTHONPATH=. PYTHON -m benchmarks.speed._overhead_syne FOLDER TRIALS WORK

Its backend runs a script for each trial, in a process of its own: this file again.
"""

import argparse
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.speed._overhead_work import WORKERS, Task, work


def tune(task: Task) -> None:
    """The same two objectives; it looks for ended trials twenty times a second, and keeps no state of the tuner."""
    os.environ["SYNETUNE_FOLDER"] = str(task.folder / "syne-tune")
    from syne_tune import StoppingCriterion, Tuner  # type: ignore[import-not-found]
    from syne_tune.backend import LocalBackend  # type: ignore[import-not-found]
    from syne_tune.config_space import loguniform, randint  # type: ignore[import-not-found]
    from syne_tune.optimizer.schedulers.single_fidelity_scheduler import (  # type: ignore[import-not-found]
        SingleFidelityScheduler,
    )

    logging.disable(logging.WARNING)
    fixed = {key: value if isinstance(value, int | float) else str(value) for key, value in asdict(task).items()}
    space = {"rate": loguniform(0.01, 1.0), "depth": randint(1, 8), **fixed}
    scheduler = SingleFidelityScheduler(
        space, metrics=["loss", "multiply_adds"], searcher="regularized_evolution", random_seed=0
    )
    Tuner(
        trial_backend=LocalBackend(entry_point=__file__),
        scheduler=scheduler,
        # It stops once more than these were started.
        stop_criterion=StoppingCriterion(max_num_trials_started=task.trials - 1),
        n_workers=WORKERS,
        sleep_time=0.05,
        print_update_interval=1e9,
        results_update_interval=1e9,
        wait_trial_completion_when_stopping=True,
        save_tuner=False,
        callbacks=[],
    ).run()


def _trial() -> None:
    parser = argparse.ArgumentParser()
    for name, kind in (("folder", Path), ("log", Path), ("trials", int), ("work_s", float)):
        parser.add_argument(f"--{name}", type=kind)
    options, _ = parser.parse_known_args()
    import torch
    from syne_tune import Reporter

    torch.set_num_threads(1)
    work(Task(options.folder, options.log, options.trials, options.work_s))
    Reporter()(loss=0.5, multiply_adds=1.0)


if __name__ == "__main__":
    if "--folder" in sys.argv:
        _trial()
    else:
        folder, trials, work_s = sys.argv[1:]
        tune(Task(Path(folder), Path(folder) / "work.log", int(trials), float(work_s)))
