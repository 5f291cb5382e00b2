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

    def get_json_state(self) -> tuple[str, str]:
        """Nothing, for Ray's snapshots: nobody reads them, and after thousands of trials the last one takes seconds."""
        return "{}", "{}"
