"""On which nodes jobs may run: none that is set aside, and others than those where they failed, if there are any."""

import time
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import NotRequired, TypedDict

from ray.tune import PlacementGroupFactory

from sweeps.engine.driver import Driver
from sweeps.engine.node_table import SeenNode
from sweeps.executors.ray.memory_needs import MemoryNeeds, slots
from sweeps.worker.messages import Job

LOOK_EVERY_S = 2.0
NODE = "ray.io/node-id"
# Ray's reasons of a node's death that somebody has asked for: it ended in order, or was drained.
ASKED = (1, 3, 4)


class RayNode(TypedDict):
    """A node as `ray.nodes` has it."""

    NodeID: str
    NodeManagerAddress: str
    NodeManagerHostname: str
    NodeName: NotRequired[str]
    Alive: bool
    Resources: dict[str, float]
    DeathReason: NotRequired[int]


class Placement:
    """Knows the nodes of the cluster, and which of them a job may have.

    Args:
        driver: the start that runs; knows which nodes are set aside.
        nodes: `ray.nodes`; asked again from time to time, for clusters grow and shrink.
    """

    def __init__(self, driver: Driver, nodes: Callable[[], list[RayNode]]) -> None:
        self._driver, self._ask = driver, nodes
        self._asked_at = -LOOK_EVERY_S
        self._nodes: list[RayNode] = []
        self.memory = MemoryNeeds(driver.spec, driver.folder.records)
        self.bundle: Mapping[str, float] = {"CPU": driver.spec.resources.cpu, "GPU": driver.spec.resources.gpu}

    def slots(self) -> int:
        """How many jobs such as the latest one fit at the same time; at least one, for nodes may still come."""
        aside = self._driver.failures.nodes
        return max(
            1, sum(slots(node["Resources"], self.bundle) for node in self._alive() if node["NodeID"] not in aside)
        )

    def of(self, job: Job) -> PlacementGroupFactory:
        """What a job asks Ray for: its cores, devices and memory, and on which nodes."""
        alive = {str(node["NodeID"]): node["Resources"] for node in self._alive()}
        refused = alive.keys() & self._driver.failures.nodes.keys()
        elsewhere = alive.keys() & set(job.elsewhere)
        if alive.keys() - refused - elsewhere:
            refused |= elsewhere
        admitted = {node: there for node, there in alive.items() if node not in refused} or alive
        share = self._driver.spec.resources
        # Alone it may have the whole of the device of which it usually has a share.
        gpu = 1.0 if job.alone and 0 < share.gpu < 1 else share.gpu
        wanted = {"CPU": share.cpu, "GPU": gpu, "memory": float(self.memory.of(job, admitted.values()))}
        bundle = {name: amount for name, amount in wanted.items() if amount}
        self.bundle = bundle if not job.alone else self.bundle
        not_there = None if len(admitted) == len(alive) else _not_in(refused)
        return self._request(tuple(bundle.items()), not_there)

    @staticmethod
    @lru_cache(maxsize=64)
    def _request(bundle: tuple[tuple[str, float], ...], not_there: str | None) -> PlacementGroupFactory:
        """The same object for the same needs: Ray compares requests for each job, and digests each new one."""
        if not_there is None:
            return PlacementGroupFactory([dict(bundle)])
        return PlacementGroupFactory([dict(bundle)], bundle_label_selector=[{NODE: not_there}])

    def _alive(self) -> list[RayNode]:
        if time.monotonic() - self._asked_at > LOOK_EVERY_S:
            self._asked_at = time.monotonic()
            known = self._ask()
            self._nodes = [node for node in known if node["Alive"]]
            self._driver.nodes.look(map(_seen, known))
        return self._nodes


def _seen(node: RayNode) -> SeenNode:
    address = str(node["NodeManagerAddress"])
    named = str(node.get("NodeName") or address)  # as `ray start --node-name` called it; else its address
    return SeenNode(
        id=str(node["NodeID"]),
        name=str(node["NodeManagerHostname"]) if named == address else named,
        address=address,
        cores=float(node["Resources"].get("CPU", 0.0)),
        alive=bool(node["Alive"]),
        asked=node.get("DeathReason") in ASKED,
    )


def _not_in(nodes: Collection[str]) -> str:
    """Ray's words for any other value than these."""
    return f"!in({','.join(sorted(nodes))})"
