"""What failures amount to when they are seen together: a broken node, a broken sweep, workers that died as one."""

import time
from dataclasses import replace

from acgkd.errors import FolderError, NodeError, RepeatedFailureError, StorageError, place_of
from analysis.records.record import Record
from sweeps.engine.node_table import NodeTable
from sweeps.faults.failure import Failure
from sweeps.faults.retries import Others
from sweeps.faults.streaks import SetAside, Streak, Streaks
from sweeps.store.folder import SweepFolder
from sweeps.store.storage_errors import folder_error
from sweeps.store.writable import place_for_run, require_writable
from sweeps.worker.messages import Job

NEIGHBOUR_S = 10.0


class Failures:
    """The failures of one start.

    Args:
        folder: of the sweep, for messages.
        limit: so many equal failures in a row end the work of a node, or of the sweep; 0: never.
        nodes: those of this start.
    """

    def __init__(self, folder: SweepFolder, limit: int, nodes: NodeTable) -> None:
        self._table = nodes
        self._folder, self._streaks = folder, Streaks(limit)
        self._deaths: dict[str, float] = {}
        self._worked_since: dict[str, bool] = {}

    @property
    def nodes(self) -> dict[str, SetAside]:
        """Nodes that get no more work, by the executor's name."""
        return self._streaks.set_aside

    def whose(self, error: BaseException) -> BaseException:
        """Takes an error of the sweep folder for its node's where the driver still reaches the folder; others stay."""
        found = None if isinstance(error, NodeError) else folder_error(error, self._folder.path)
        if found is None or len(self._table.present) < 2 or not self._reached():
            return error
        node = NodeError(f"The driver reaches the sweep folder, this node does not: {found}")
        node.__cause__ = error
        node._acgkd_place = place_of(error)  # type: ignore[attr-defined]
        return node

    def _reached(self) -> bool:
        if not (self._folder.path / "sweep.json").exists():
            return False
        try:
            place_for_run(self._folder.shown)
            require_writable(self._folder.logs)
        except (FolderError, StorageError):
            return False
        return True

    def others(self, job: Job, failure: Failure) -> Others:
        """Takes in that an attempt failed; says what became of other jobs meanwhile."""
        now = time.monotonic()
        died = any(now - when < NEIGHBOUR_S for key, when in self._deaths.items() if key != job.key)
        if failure.cause == "platform":
            self._deaths[job.key] = now
        return Others(died, self._worked_since.setdefault(job.key, False))

    def recorded(self, job: Job, record: Record, node: str) -> SetAside | RepeatedFailureError | None:
        """Takes in how a replicate ended. Settings that cannot be run here are no failure."""
        if record.outcome != "failed":
            self._streaks.worked(node)
            self._worked_since = {key: worked or key != job.key for key, worked in self._worked_since.items()}
            return None
        return self.failed(job, Failure("trial", "failed", record.message, host=record.environment.host, node=node))

    def failed(self, job: Job, failure: Failure) -> SetAside | RepeatedFailureError | None:
        """Takes in that an attempt failed.

        Returns:
            The node that is set aside now; or the error that stops the sweep; or None.
        """
        if failure.cause == "platform" or (failure.cause == "trial" and failure.outcome != "failed"):
            return None
        failure = replace(failure, host=self._table.host(failure.node, failure.host))
        found = self._streaks.failed(failure, job.label, job.trial, self._table.present)
        return self._stop(found) if isinstance(found, Streak) else found

    def _stop(self, streak: Streak) -> RepeatedFailureError:
        last = streak.failures[-1]
        hosts = sorted({failure.host for failure in streak.failures if failure.host})
        where = f" on {', '.join(hosts)}" if hosts else ""
        jobs = ", ".join(dict.fromkeys(streak.jobs))
        place = self._folder.shown
        again = f"`acgkd retry {place}`, then the same command" if last.cause == "trial" else "the same command"
        error = RepeatedFailureError(
            f"{len(streak.failures)} jobs in a row failed in the same way{where}: {last} ({jobs}). The sweep stops; "
            f"what was finished is kept. `acgkd status {place}` names the tracebacks. After a fix, {again} "
            "resumes; `failures/stop_after` says how many are too many."
        )
        self._folder.note(str(error))
        return error
