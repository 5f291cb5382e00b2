"""A job as one of Ray Tune's trials."""

from typing import Any

from ray.tune.experiment import Trial

from sweeps.executors.ray.jobs import packed
from sweeps.worker.messages import Job


class JobTrial(Trial):  # type: ignore[misc]  # Ray has no types
    """Carries one job.

    Ray Tune looks a trial's class up in its head's store, three times for each trial, and unpickles it. All of ours
    have the same.

    Args:
        job: that it carries.
        spec: of Ray's experiment.
        trainable: the class that does jobs.
    """

    def __init__(self, job: Job, spec: dict[str, Any], trainable: type) -> None:
        self._trainable = trainable
        super().__init__(
            spec["run"],
            config=packed(job),
            storage=spec["storage"],
            checkpoint_config=spec["checkpoint_config"],
            trial_name_creator=spec["trial_name_creator"],
            trial_dirname_creator=spec["trial_dirname_creator"],
            stub=True,  # its class is not looked up
        )

    def get_trainable_cls(self) -> type:
        """The class that does its job."""
        return self._trainable

    def __getstate__(self) -> dict[str, Any]:
        """For Ray's snapshots: without the class, which is large."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_trainable"}
