"""Jobs on their way through Ray: as bytes, since a worker imports nothing of ours before it knows that it is ours."""

import pickle
from collections.abc import Mapping

from sweeps.worker.messages import Job


def packed(job: Job) -> dict[str, bytes]:
    """A job as the config of one of Ray's trials."""
    return {"job": pickle.dumps(job)}


def unpacked(config: Mapping[str, bytes]) -> Job:
    """The job in the config of one of Ray's trials."""
    job: Job = pickle.loads(config["job"])
    return job
