"""Equal failures in a row: on one node they mean that the node is broken, in the whole sweep that the sweep is."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from sweeps.faults.failure import Failure

# A node that lacks the folder, the code or the device says so itself: nothing is left to find out by another trial.
NODE_LIMIT = 1


@dataclass
class Streak:
    """Failures in a row that are one and the same.

    Args:
        signature: of all of them.
        failures: so far.
        jobs: what failed so, in order.
        trials: the numbers of those among them that are trials.
    """

    signature: str = ""
    failures: list[Failure] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    trials: list[int] = field(default_factory=list)

    def add(self, failure: Failure, job: str, trial: int | None) -> int:
        """Counts a failure; another one than before begins the count again."""
        if failure.signature != self.signature:
            self.signature = failure.signature
            self.clear()
        self.failures.append(failure)
        self.jobs.append(job)
        self.trials += [] if trial is None else [trial]
        return len(self.failures)

    def clear(self) -> None:
        """Something went well."""
        self.failures.clear()
        self.jobs.clear()
        self.trials.clear()


@dataclass(frozen=True)
class SetAside:
    """A node that gets no more work in this start.

    Args:
        node: what the executor calls it.
        host: its name.
        reason: the failure, in a line.
        count: how often in a row.
        trials: the numbers of trials that failed so.
        again: whether it was set aside before, and a job that had been on its way there has failed too.
    """

    node: str
    host: str
    reason: str
    count: int
    trials: tuple[int, ...] = ()
    again: bool = False

    def __str__(self) -> str:
        times = f"{self.count} times in a row: " if self.count > 1 else ""
        return f"{self.host} gets no more work: {times}{self.reason}"


class Streaks:
    """Counts equal failures in a row, by node and in the sweep as a whole.

    Args:
        limit: so many end the work of a node, or of the sweep; 0: never. Of those that are a node's own fault,
            `NODE_LIMIT` end its work at the latest.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.set_aside: dict[str, SetAside] = {}
        self._sweep = Streak()
        self._nodes: dict[str, Streak] = {}
        self._nodes_seen: set[str] = set()

    def worked(self, node: str) -> None:
        """A job went well on a node."""
        self._sweep.clear()
        if node:
            self._nodes_seen.add(node)
            self._nodes.setdefault(node, Streak()).clear()

    def failed(
        self, failure: Failure, job: str, trial: int | None = None, present: Set[str] = frozenset()
    ) -> Streak | SetAside | None:
        """A job failed.

        Args:
            failure: how, with its node.
            job: which.
            trial: the number of a trial that depends on it.
            present: nodes that are there, also where no job has ended on them yet.

        Returns:
            The node that is set aside now; or the streak that stops the sweep; or None.
        """
        if not self.limit:
            return None
        node = failure.node
        everywhere = self._sweep.add(failure, job, trial)
        if not node:
            return self._sweep if everywhere >= self.limit else None
        self._nodes_seen.add(node)
        here = self._nodes.setdefault(node, Streak()).add(failure, job, trial)
        own = failure.cause == "node"
        others = (self._nodes_seen | present if own else self._nodes_seen) - {node} - self.set_aside.keys()
        limit = min(self.limit, NODE_LIMIT) if own else self.limit
        if here >= limit and others and not self._fails_on(others):
            self._sweep.clear()
            return self._aside(failure, here)
        return self._sweep if everywhere >= self.limit else None

    def _fails_on(self, nodes: set[str]) -> bool:
        """Whether the sweep's failure happens on other nodes too: then no single node is to blame."""
        found = [self._nodes[node] for node in nodes if node in self._nodes]
        return any(streak.signature == self._sweep.signature and streak.jobs for streak in found)

    def _aside(self, failure: Failure, count: int) -> SetAside:
        found = SetAside(
            failure.node,
            failure.host or failure.node,
            str(failure),
            count,
            tuple(self._nodes[failure.node].trials),
            again=failure.node in self.set_aside,
        )
        self.set_aside.setdefault(failure.node, found)  # what was said of it first stays
        return found

    def __iter__(self) -> Iterator[SetAside]:
        return iter(self.set_aside.values())
