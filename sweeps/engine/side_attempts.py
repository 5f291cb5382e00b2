"""Attempts at jobs beside the trials: teachers, controls, and seeds that were added. They are counted in this start."""

import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile

from sweeps.engine.trials.driver_records import DriverRecords
from sweeps.faults.failure import Failure
from sweeps.faults.retries import DEATHS_BEFORE_GUARD, Others, Verdict, decide, same_place
from sweeps.store.trial import Attempt
from sweeps.worker.messages import Job

KEPT, MESSAGE = 50, 2000


class SideAttempts:
    """What was tried of each job, and when it may be tried again.

    Args:
        records: knows what dead workers left behind.
    """

    def __init__(self, records: DriverRecords) -> None:
        self._records = records
        self.failures: list[dict[str, object]] = []
        self._attempts: dict[str, list[Attempt]] = {}
        self._due: dict[str, float] = {}

    @property
    def pausing(self) -> bool:
        """Whether one waits for nothing but its pause."""
        return any(due > time.monotonic() for due in self._due.values())

    def issued(self, job: Job, at_work: int) -> Job | None:
        """The job as it is handed out; None while it pauses, or has to be alone and is not.

        Args:
            job: as it is the first time.
            at_work: how many jobs are out.
        """
        if self._due.get(job.key, 0.0) > time.monotonic():
            return None
        tries = self._attempts.get(job.key, [])
        alone = bool(tries) and tries[-1].outcome == "out_of_memory"
        if alone and at_work:
            return None
        guarded = same_place(tries) >= DEATHS_BEFORE_GUARD
        return replace(job, attempts={job.replicates[0]: len(tries)}, alone=alone, guarded=guarded)

    def failed(self, job: Job, failure: Failure, progress: float, others: Others) -> Verdict:
        """Takes in that an attempt failed.

        Args:
            job: that failed.
            failure: how.
            progress: as last reported.
            others: what became of other jobs meanwhile.
        """
        replicate = job.replicates[0]
        tries = self._attempts.setdefault(job.key, [])
        where = (job.name, replicate, len(tries))
        failure = self._records.witnessed(*where, failure)
        facts: dict[str, object] = {"outcome": failure.outcome, "message": failure.message, "cause": failure.cause}
        facts |= {"replicate": replicate, "attempt": len(tries), "generation": job.generation}
        tries.append(Attempt.model_validate(facts | self._records.facts(*where, progress)))
        self.note(job, failure.outcome, failure.cause, failure.message, host=failure.host, log=tries[-1].log)
        verdict = decide(tries, failure, others)
        if verdict.action == "retry":
            self._due[job.key] = time.monotonic() + verdict.pause_s
        return verdict

    def note(self, job: Job, outcome: str, cause: str | None, message: str, *, host: str = "", log: str = "") -> None:
        """Keeps that an attempt failed for the file of the start: no other file has it; the latest ones alone."""
        facts = {"key": job.key, "label": job.label, "replicate": job.replicates[0], "outcome": outcome, "cause": cause}
        self.failures.append({**facts, "message": message[:MESSAGE], "host": host, "log": log})
        del self.failures[:-KEPT]

    def crashed_before(self, keys: Iterable[str]) -> None:
        """Takes in which jobs have crashed in a process of their own: their next attempt runs in one, too."""
        for key in keys:
            self.died_with_driver([key] * (DEATHS_BEFORE_GUARD - len(self._attempts.get(key, []))))

    def died_with_driver(self, keys: list[str]) -> None:
        """Takes in at which jobs drivers have died that ran them in their own process, latest first."""
        for number, key in enumerate(takewhile(lambda key: key == keys[0] != "", keys)):
            died = Attempt(
                replicate=0, attempt=number, generation=0, outcome="lost", cause="platform", place="with its driver"
            )
            self._attempts.setdefault(key, []).append(died)
