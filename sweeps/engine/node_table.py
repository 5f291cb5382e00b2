"""The nodes that one start has seen: what each did, and what became of it."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sweeps.faults.failure import Failure
from sweeps.faults.streaks import SetAside
from sweeps.worker.messages import Report

SHORT = 8
RECENTLY_S = 60.0


@dataclass(frozen=True)
class SeenNode:
    """A node as the executor sees it now.

    Args:
        id: the executor's name for it, different for any two.
        name: its host, or what the cluster calls it.
        address: its IP address.
        cores: that may have work.
        alive: whether it is there.
        asked: whether it left because it was asked to.
    """

    id: str
    name: str
    address: str
    cores: float = 1.0
    alive: bool = True
    asked: bool = False


@dataclass
class _Account:
    seen: SeenNode
    state: str = "working"
    jobs: int = 0
    seconds: float = 0.0
    lost_s: float = 0.0
    cut: dict[str, float] = field(default_factory=dict)  # jobs whose worker died there: when


class NodeTable:
    """Keeps the accounts of nodes.

    Args:
        say: takes a line for the user where a node comes, is lost, or is set aside.
        tell: takes what happened (`node_lost`, `node_left`, `node_set_aside`) and the node's id, name and line.
    """

    def __init__(self, say: Callable[[str], None], tell: Callable[[str, str, str, str], None] | None = None) -> None:
        self._say, self._tell = say, tell or (lambda event, node, host, line: None)
        self._accounts: dict[str, _Account] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._since: dict[str, float] = {}
        self._mutex = threading.RLock()

    # ---- nodes

    def look(self, nodes: Iterable[SeenNode]) -> None:
        """Takes in which nodes there are now; one that nobody mentions any more is lost.

        Args:
            nodes: all that the executor knows, those that died as well.
        """
        with self._mutex:
            first, now = not self._accounts, {node.id: node for node in nodes}
            lines, farewells = [], []
            for node in now.values():
                if node.alive and node.id not in self._accounts:
                    self._accounts[node.id] = _Account(node)
                    lines += [] if first else [f"node {self.called(node.id)} joined, with {_cores(node.cores)}"]
            for name, account in self._accounts.items():
                known = now.get(name)
                if account.state == "working" and (known is None or not known.alive):
                    account.state = "left" if known is not None and known.asked else "lost"
                    farewell = self._farewell(name, account)
                    farewells.append((f"node_{account.state}", name, self.called(name), farewell))
        for facts in farewells:
            self._tell(*facts)
        for line in (*lines, *(facts[-1] for facts in farewells)):
            self._say(line)

    @property
    def present(self) -> set[str]:
        """The ids of nodes that are there."""
        with self._mutex:
            return {name for name, account in self._accounts.items() if account.state == "working"}

    def set_aside(self, found: SetAside) -> None:
        """Takes in that a node gets no more work."""
        if not found.again:
            self._say(str(found))
            self._tell("node_set_aside", found.node, found.host, str(found))

    def called(self, node: str) -> str:
        """What people call a node: its name and address, with some digits of its id where two share both."""
        account = self._accounts.get(node)
        if account is None:
            return node[:SHORT]
        name, address = account.seen.name, account.seen.address
        twins = [item for item in self._accounts.values() if (item.seen.name, item.seen.address) == (name, address)]
        return f"{name} ({address})" if len(twins) == 1 else f"{name} ({address}, {node[:SHORT]})"

    def host(self, node: str, otherwise: str) -> str:
        """How failures name a node: by its host, which is enough where there is only one."""
        return self.called(node) if node in self._accounts and len(self._accounts) > 1 else otherwise

    def _farewell(self, node: str, account: _Account) -> str:
        now = time.monotonic()
        jobs = {key for key, (_, place) in self._places.items() if place == node and key in self._since}
        jobs |= {key for key, when in account.cut.items() if now - when < RECENTLY_S}
        what = f"node {self.called(node)} {'left' if account.state == 'left' else 'was lost'}"
        if not jobs:
            return f"{what}; nothing was at work there"
        noun = "trial" if all(key.startswith("trial") for key in jobs) else "job"
        whose = f"its {noun} continues" if len(jobs) == 1 else f"its {len(jobs)} {noun}s continue"
        others = any(item.state == "working" for item in self._accounts.values())
        return f"{what}; {whose} elsewhere" if others else f"{what}; {whose} once there is another"

    # ---- jobs

    def began(self, key: str) -> None:
        """A worker has begun with a job; where, its first report says."""
        with self._mutex:
            self._since[key] = time.monotonic()

    def reported(self, key: str, report: Report) -> None:
        """A worker has said how far a job is."""
        with self._mutex:
            self._places[key] = (report.host, report.node)
            if report.record is not None and (account := self._accounts.get(report.node)) is not None:
                account.jobs += 1

    def place(self, key: str) -> tuple[str, str]:
        """Host and node of a job, as it last said; empty where it has not."""
        return self._places.get(key, ("", ""))

    def failed(self, key: str, failure: Failure, lost_s: float) -> None:
        """An attempt failed that another one may follow.

        Args:
            key: of the job.
            failure: how, with its node.
            lost_s: seconds of work since its last checkpoint.
        """
        with self._mutex:
            account = self._accounts.get(failure.node)
            if account is not None and failure.cause != "trial":
                account.lost_s += lost_s
                if failure.cause == "platform":
                    account.cut[key] = time.monotonic()

    def ended(self, key: str) -> None:
        """A job is no longer at work."""
        with self._mutex:
            since, account = self._since.pop(key, None), self._accounts.get(self.place(key)[1])
            if since is not None and account is not None:
                account.seconds += time.monotonic() - since

    # ---- what is kept

    def to_json(self, set_aside: Mapping[str, SetAside]) -> dict[str, object]:
        """A row for each node, and a sentence for each that is set aside, as the file of the start has them.

        Args:
            set_aside: nodes that get no more work, by id.
        """
        with self._mutex:
            rows = [self._row(*item, set_aside.get(item[0])) for item in self._accounts.items()]
        return {"set_aside": [str(found) for found in set_aside.values()], "nodes": rows}

    def _row(self, node: str, account: _Account, aside: SetAside | None) -> dict[str, object]:
        now = time.monotonic()
        running = [now - since for key, since in self._since.items() if self.place(key)[1] == node]
        return {
            "name": account.seen.name,
            "address": account.seen.address,
            "id": node[:SHORT],
            "state": "set aside" if aside is not None and account.state == "working" else account.state,
            "why": "" if aside is None else aside.reason,
            "jobs": account.jobs,
            "seconds": round(account.seconds + sum(running), 1),
            "lost_s": round(account.lost_s, 1),
        }


def _cores(count: float) -> str:
    return "1 core" if count == 1 else f"{count:g} cores"
