"""Says in one line that a worker was lost; what Ray has to say about it is in the log."""

from ray.tune import Callback

from sweeps.engine.driver import Driver
from sweeps.executors.ray.jobs import unpacked
from sweeps.executors.ray.scheduler import RayTrial
from sweeps.executors.ray.stateless import Stateless


class TellLosses(Stateless, Callback):  # type: ignore[misc]  # Ray has no types
    """Puts the loss of a worker into what is shown of the sweep.

    Args:
        driver: the start that runs.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def on_trial_error(self, iteration: int, trials: "list[RayTrial]", trial: RayTrial, **info: object) -> None:
        """A worker, or the node that it was on, is gone."""
        log = self._driver.folder.ray_log.relative_to(self._driver.folder.path)
        self._driver.progress.message = f"{unpacked(trial.config).label} lost its worker; {log} in the sweep folder"
