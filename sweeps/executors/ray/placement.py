"""On which nodes jobs may run: none that is set aside, and others than those where they failed, if there are any."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ray.tune import PlacementGroupFactory

from sweeps.engine.driver import Driver
from sweeps.worker.messages import Job

LOOK_EVERY_S = 5.0
NODE = "ray.io/node-id"

Node = Mapping[str, Any]


class Placement:
    """Knows the nodes of the cluster, and which of them a job may have.

    Args:
        driver: the start that runs; knows which nodes are set aside.
        nodes: `ray.nodes`; asked again from time to time, for clusters grow and shrink.
    """

    def __init__(self, driver: Driver, nodes: Callable[[], list[Node]]) -> None:
        self._driver, self._ask = driver, nodes
        self._asked_at = -LOOK_EVERY_S
        self._nodes: list[Node] = []

    def resources(self) -> dict[str, float]:
        """What the nodes have together that get work."""
        found: dict[str, float] = {}
        for node in self._alive():
            if node["NodeID"] not in self._driver.failures.nodes:
                for name, amount in node["Resources"].items():
                    found[name] = found.get(name, 0.0) + amount
        return found

    def of(self, job: Job) -> PlacementGroupFactory | None:
        """What a job asks Ray for; None where any node will do."""
        alive = {str(node["NodeID"]) for node in self._alive()}
        refused = alive & self._driver.failures.nodes.keys()
        elsewhere = alive & set(job.elsewhere)
        if alive - refused - elsewhere:
            refused |= elsewhere
        if not refused or not alive - refused:
            return None
        share = self._driver.spec.resources
        bundle = {"CPU": share.cpu, **({"GPU": share.gpu} if share.gpu else {})}
        return PlacementGroupFactory([bundle], bundle_label_selector=[{NODE: _not_in(refused)}])

    def _alive(self) -> list[Node]:
        if time.monotonic() - self._asked_at > LOOK_EVERY_S:
            self._asked_at = time.monotonic()
            self._nodes = [node for node in self._ask() if node["Alive"]]
        return self._nodes


def _not_in(nodes: Collection[str]) -> str:
    """Ray's words for any other value than these."""
    return f"!in({','.join(sorted(nodes))})"
