"""How much memory a job asks Ray for, so that no node gets more jobs than its memory holds.

Before anything is known, a job takes an equal share of a node: as many fit as by cores and devices. Once replicates
have ended, a job of their kind takes what the largest of them took, with some room, where that is more than the share.
So the packing is that of cores until the memory is what is scarce, and workers stay warm: they are only kept for jobs
that ask for the same.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.messages import Job

HEADROOM = 1.2
STEPS = 4  # of the share: what jobs ask for takes few values
LEFT = 0.98  # of a node's memory is shared out
GB = 1e9

Resources = Mapping[str, float]


class MemoryNeeds:
    """Knows what replicates took, by kind and method.

    Args:
        spec: the sweep.
        records: folder of the records of earlier starts.
    """

    def __init__(self, spec: SweepSpec, records: Path) -> None:
        self._spec, self._wanted = spec, spec.resources.memory
        self._peaks: dict[tuple[str, str], int] = {}
        for path in records.glob("*.json") if self._wanted == "auto" else ():
            try:
                self.learn(path.read_text(encoding="utf-8"))
            except OSError:
                continue

    def learn(self, record: str) -> None:
        """Takes in what a replicate took, from its record as JSON; one that cannot be read says nothing."""
        try:
            facts = json.loads(record)
            identity, peak = facts["identity"], facts["cost"].get("peak_host_bytes")
            key = (str(identity["kind"]), str(identity["label" if identity["kind"] == "control" else "method"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return
        if isinstance(peak, int):
            self._peaks[key] = max(peak, self._peaks.get(key, 0))

    def of(self, job: Job, nodes: Iterable[Resources]) -> int:
        """Bytes that a job asks for; 0 where it asks for none.

        Args:
            job: what is to be done.
            nodes: what Ray has on each node that may get it.
        """
        if self._wanted == "none":
            return 0
        if self._wanted != "auto":
            return int(self._wanted * GB)
        bundle = {"CPU": self._spec.resources.cpu, "GPU": self._spec.resources.gpu}
        there = [(node.get("memory", 0.0), jobs) for node in nodes if (jobs := slots(node, bundle)) >= 1]
        if not there or any(memory <= 0 for memory, _ in there):
            return 0  # a node that shares out none would get no work
        share = min(LEFT * memory / jobs for memory, jobs in there)
        needed = HEADROOM * self._peaks.get(self._key(job), 0)
        if needed <= share:
            return int(share)
        step = share / STEPS
        largest = LEFT * max(memory for memory, _ in there)
        return int(min(largest, -(-needed // step) * step))

    def _key(self, job: Job) -> tuple[str, str]:
        if job.kind == "control":
            return "control", str(job.control)
        method = (job.parameters or {}).get("method/name", self._spec.method.name)
        return job.kind, "teacher" if job.kind == "teacher" else str(method)


def slots(resources: Resources, bundle: Resources) -> int:
    """How many jobs fit onto one node.

    Args:
        resources: what Ray has there.
        bundle: what a job takes.
    """
    return int(min(resources.get(name, 0.0) / amount for name, amount in bundle.items() if amount) + 1e-9)
