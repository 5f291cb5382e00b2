"""What events say of a job, and of a record."""

from collections.abc import Mapping

from sweeps.worker.messages import Job


def of_job(job: Job) -> dict[str, object]:
    """Which job it is."""
    replicate = job.replicates[0]
    facts: dict[str, object] = {"kind": job.kind, "label": job.label, "name": job.name, "replicate": replicate}
    if job.number is not None:
        facts["trial"] = job.number
    if job.added:
        facts["added"] = True
    return facts | {"attempt": job.attempts.get(replicate, 0), "generation": job.generation}


def of_identity(stem: str, identity: Mapping[str, object]) -> dict[str, object]:
    """As `of_job`, from a record."""
    keys = ("kind", "label", "trial", "added", "replicate", "attempt")
    return {"name": stem} | {key: identity[key] for key in keys if identity.get(key) is not None}


def of_record(record: Mapping[str, object]) -> dict[str, object]:
    """What an event says of a record."""
    parts = {key: record.get(key) for key in ("environment", "cost", "objectives")}
    environment, cost, values = (dict(part) if isinstance(part, Mapping) else {} for part in parts.values())
    worked = [cost.get(f"{stage}_s") for stage in ("teacher", "synthesis", "transfer", "joint", "evaluation")]
    return {
        "outcome": record.get("outcome"),
        "message": record.get("message"),
        "progress": record.get("progress"),
        "values": values or None,
        "host": environment.get("host"),
        "seconds": sum(value for value in worked if isinstance(value, int | float)),
        "lost_s": cost.get("lost_s"),
        "finished_at": environment.get("finished_at"),
    }
