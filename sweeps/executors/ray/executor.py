"""Runs a sweep on Ray Tune: on this machine, or on a cluster whose nodes share the sweep folder.

Ray executes and nothing else. A fresh `Tuner` every time, nothing of Ray's is ever read back: what is to be done comes
from the sweep folder, and what was done goes there.
"""

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from acgkd import code_digest
from acgkd.errors import AcgkdError, RayLostError, SweepError
from sweeps.engine.driver import Driver
from sweeps.executors.ray.background import Background, still_leaving, wait_for_broken_off
from sweeps.executors.ray.cluster import check_room
from sweeps.executors.ray.connections import Connection, connection
from sweeps.executors.ray.jobs import unpacked
from sweeps.executors.ray.process_state import environment, excepthook_kept, forget_connection, inside
from sweeps.executors.ray.ray_log import messages_to, ray_log
from sweeps.executors.ray.snapshots import scratch
from sweeps.executors.signals import stop_signals
from sweeps.worker.experiments import Experiments

if TYPE_CHECKING:
    from ray.tune.experiment import Trial

LOOK_EVERY_S = 0.02
BREAK_OFF_S = 2.0
# Ray gives up a head that has ended after a minute.
DISCONNECT_S = 90.0


@dataclass(frozen=True)
class Ray:
    """The executor on Ray Tune.

    Args:
        address: `local` or None starts Ray on this machine, `auto` finds the running cluster, else where it is.
    """

    address: str | None = "local"

    @property
    def on_this_machine(self) -> bool:
        """Whether it starts Ray here: a connection that is there already may be one to a cluster."""
        connected = "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())
        return self.address in (None, "local") and (not connected or still_leaving())

    def execute(self, driver: Driver) -> None:
        """Runs jobs in warm workers until there are none, or a signal asks to stop.

        Everything of Ray's happens in a thread: this one, which gets the signals, can leave whatever Ray does.

        Raises:
            RayLostError: it ended before the sweep did.
            SweepError: Ray cannot be reached, no trial fits into this machine, or this process does not get rid of the
                Ray of a sweep that was broken off.
            KeyboardInterrupt: at the second Ctrl-C, SIGTERM or SIGHUP; the first one ends cleanly.
        """
        driver.progress.message = "waiting until the last Ray is gone" if still_leaving() else "starting Ray"
        if not wait_for_broken_off(DISCONNECT_S):
            raise SweepError(
                "The Ray of a sweep that was broken off must be gone before the next one starts, but this process is "
                f"still connected to it after {DISCONNECT_S:.0f} s. Start the sweep in a new process."
            )
        driver.progress.message = "starting Ray"
        log = driver.folder.ray_log
        log.parent.mkdir(exist_ok=True)
        warming = threading.Thread(target=_warm_up, args=(driver.experiments,), daemon=True)
        warming.start()

        def stop() -> bool:
            driver.stop()
            return False

        where = connection(self.address, log)
        with (
            inside(driver.folder.path),
            environment(where.environment()),
            excepthook_kept(),
            ray_log(log),
            stop_signals(stop) as stopping,
        ):
            driver.break_off = lambda asked: stopping.send() if asked else None
            connected = threading.Event()
            work = partial(_work, driver, where, warming, connected, alone=self.address == "local")
            background = Background(lambda: work(background.leaving))
            try:
                where.start()
                background.start()
                while not background.wait(LOOK_EVERY_S) and not stopping.expired:
                    if driver.stopping and not connected.is_set():
                        return  # nothing runs yet that would have to be kept
                    stopping.renew()  # connecting, Ray puts a handler of SIGTERM below ours that ends the process
                    if (reason := where.lost()) is not None:
                        raise _lost(reason)
                background.result()
            except AcgkdError:
                raise
            except Exception as error:  # Ray may notice before we do, in many words
                reason = where.gone()
                if reason is None:
                    raise
                raise _lost(reason) from error
            finally:
                if not connected.is_set():
                    where.close()  # the thread may be waiting for it to come up
                over = background.break_off(BREAK_OFF_S)
                where.close()
                if not over and where.gone() is not None:
                    forget_connection()


def _lost(reason: str) -> RayLostError:
    kept = "Everything finished so far is kept; start the same command again."
    return RayLostError(f"Ray must be there until the sweep ends, but {reason}. {kept}")


def _work(
    driver: Driver,
    where: Connection,
    warming: threading.Thread,
    connected: threading.Event,
    leaving: threading.Event,
    *,
    alone: bool,
) -> None:
    import ray

    with messages_to(driver.folder.ray_log), _connected(where.address(), leaving):
        connected.set()
        if alone:
            check_room(ray.cluster_resources(), driver.spec.resources)
        warming.join()
        if not driver.stopping:
            driver.prepare()
            _fit(driver)


def _warm_up(experiments: Experiments) -> None:
    with contextlib.suppress(Exception):  # whoever needs the import next fails with it, and says so
        experiments.warm_up()


def _fit(driver: Driver) -> None:
    import ray
    from ray import cloudpickle, tune

    from sweeps.executors.ray import trainable as worker_code
    from sweeps.executors.ray.placement import Placement
    from sweeps.executors.ray.tune.scheduler import SweepScheduler, SweepStopper, TellStarts
    from sweeps.executors.ray.tune.search import SweepSearch

    driver.progress.message = ""
    # Its code goes to the workers, not its name: they would import `sweeps` to find it, whosever that is. So does the
    # code that digests: what there is on a node is judged by the driver's rules.
    cloudpickle.register_pickle_by_value(worker_code)
    cloudpickle.register_pickle_by_value(code_digest)
    work = cloudpickle.dumps((driver.spec, driver.folder, driver.experiments))
    trainable = tune.with_parameters(worker_code.SweepTrainable, work=work, code=worker_code.code_here())
    placement = Placement(driver, ray.nodes)
    search = SweepSearch(driver, placement.slots)
    share = {"cpu": driver.spec.resources.cpu, "gpu": driver.spec.resources.gpu}

    with scratch() as nobody_reads_it:
        tuner = tune.Tuner(
            tune.with_resources(trainable, share),
            tune_config=tune.TuneConfig(
                search_alg=search,
                scheduler=SweepScheduler(driver, placement, search),
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_name,
                trial_dirname_creator=_name,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(nobody_reads_it),
                stop=SweepStopper(driver),
                verbose=0,
                callbacks=[TellStarts(driver)],
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        tuner.fit()


def _name(trial: "Trial") -> str:
    return f"{unpacked(trial.config).name}-{trial.trial_id}"


@contextlib.contextmanager
def _connected(address: str | None, leaving: threading.Event) -> Iterator[None]:
    """A connection of this process to Ray.

    Args:
        address: where it is; None where the connection is there already, and stays.
        leaving: set before it is given up.
    """
    if address is None:
        yield
        return
    import ray

    # The environment says how we prove who we are, and Ray may have been imported before.
    ray._raylet.Config.initialize("")
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except Exception as error:
        raise SweepError(f"Ray must be reachable at `{address}`, but: {type(error).__name__}: {error}") from error
    try:
        yield
    finally:
        leaving.set()  # half a connection would be worse than one
        ray.shutdown()


@contextlib.contextmanager
def connected_to(address: str, log: Path) -> Iterator[None]:
    """A connection of this process to the Ray at an address, for whoever runs no sweep.

    Args:
        address: as for `Ray`.
        log: file for what Ray's own processes say.

    Raises:
        SweepError: it cannot be reached.
    """
    where = connection(address, log)
    with environment(where.environment()):
        where.start()
        try:
            with _connected(where.address(), threading.Event()):
                yield
        finally:
            where.close()
