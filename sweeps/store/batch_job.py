"""Which job of a batch system this process belongs to."""

import os

# What batch systems call the number of a job in its environment.
JOBS = {
    "SLURM_JOB_ID": "Slurm",
    "PBS_JOBID": "PBS",
    "LSB_JOBID": "LSF",
    "FLUX_JOB_ID": "Flux",
    "OAR_JOB_ID": "OAR",
}


def batch_job() -> str | None:
    """The job in words, as in ``Slurm job 17``; None outside of one."""
    found = (f"{system} job {os.environ[name]}" for name, system in JOBS.items() if os.environ.get(name))
    return next(found, None)
