"""Runs a sweep on Ray Tune: on this machine, or on a cluster whose nodes share the sweep folder.

Ray executes and nothing else. A fresh `Tuner` every time, nothing of Ray's is ever read back: what is to be done comes
from the sweep folder, and what was done goes there.
"""

import contextlib
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgkd import code_digest
from acgkd.errors import SweepError
from sweeps.engine.driver import Driver
from sweeps.executors.ray.jobs import unpacked
from sweeps.executors.signals import handlers_kept, stop_signals
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import Experiments

ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "20",
    "TUNE_MAX_PENDING_TRIALS_PG": "256",
}


@dataclass(frozen=True)
class Ray:
    """The executor on Ray Tune.

    Args:
        address: `local` or None starts Ray on this machine, `auto` finds the running cluster, else where it is.
    """

    address: str | None = "local"

    def execute(self, driver: Driver) -> None:
        """Runs jobs in warm workers until there are none, or a signal asks to stop.

        Raises:
            SweepError: Ray cannot be reached, or no trial fits into this machine.
            KeyboardInterrupt: at the second Ctrl-C or SIGTERM; the first one ends cleanly.
        """
        driver.progress.message = "starting Ray"
        warming = threading.Thread(target=_warm_up, args=(driver.experiments,), daemon=True)
        warming.start()
        with handlers_kept(), inside(driver.folder.path), _environment(), connection(self.address), _quiet():
            if self.address == "local":
                _look_for_room(driver.spec)
            warming.join()
            driver.prepare()
            _fit(driver)


def _warm_up(experiments: Experiments) -> None:
    with contextlib.suppress(Exception):  # whoever needs the import next fails with it, and says so
        experiments.warm_up()


def _look_for_room(spec: SweepSpec) -> None:
    import ray

    from sweeps.executors.ray.cluster import check_room

    check_room(ray.cluster_resources(), spec.resources.cpu, spec.resources.gpu)


def _fit(driver: Driver) -> None:
    import ray
    from ray import cloudpickle, tune

    from sweeps.executors.ray import trainable as worker_code
    from sweeps.executors.ray.scheduler import SweepScheduler, SweepStopper, TellStarts
    from sweeps.executors.ray.search import SweepSearcher

    driver.progress.message = ""
    # Its code goes to the workers, not its name: they would import `sweeps` to find it, whosever that is. So does the
    # code that digests: what there is on a node is judged by the driver's rules.
    cloudpickle.register_pickle_by_value(worker_code)
    cloudpickle.register_pickle_by_value(code_digest)
    work = cloudpickle.dumps((driver.spec, driver.folder, driver.experiments))
    trainable = tune.with_parameters(worker_code.SweepTrainable, work=work, code=worker_code.code_here())
    share = {"cpu": driver.spec.resources.cpu, "gpu": driver.spec.resources.gpu}

    def stop() -> bool:
        driver.stop()
        return False

    with tempfile.TemporaryDirectory(prefix="acgkd-ray-", ignore_cleanup_errors=True) as scratch, stop_signals(stop):
        tuner = tune.Tuner(
            tune.with_resources(trainable, share),
            tune_config=tune.TuneConfig(
                search_alg=SweepSearcher(driver, ray.cluster_resources),
                scheduler=SweepScheduler(driver),
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_name,
                trial_dirname_creator=_name,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=scratch,
                stop=SweepStopper(driver),
                verbose=0,
                callbacks=[TellStarts(driver)],
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        tuner.fit()


def _name(trial: Any) -> str:
    return f"{unpacked(trial.config).name}-{trial.trial_id}"


@contextlib.contextmanager
def connection(address: str | None) -> Iterator[None]:
    """A connection to Ray; one that is there already is used and left alone.

    Args:
        address: `local` or None starts Ray on this machine, `auto` finds the running cluster, else where it is.

    Raises:
        SweepError: Ray cannot be reached.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    where = address or "local"
    if where != "local":
        from sweeps.executors.ray.cluster import preflight

        where = preflight(where)
    try:
        ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, configure_logging=True)
    except Exception as error:
        raise SweepError(f"Ray must be reachable at `{where}`, but: {type(error).__name__}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Enters the sweep folder: Ray's workers look for modules where the driver stands."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Trials that end badly are outcomes and no errors of Ray's."""
    logger = logging.getLogger("ray.tune")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
