"""Three nodes of Ray on this machine, for a sweep that loses them one by one, or all at once."""

import random
from collections import Counter

from raylets import Raylets  # beside the tests' fake experiments, whose folder is on the path

WORKERS = 2


class Nodes:
    """A head, which works as well, and two more nodes; lost ones are replaced.

    Args:
        chance: where randomness comes from.
        done: counts what was done.
    """

    def __init__(self, chance: random.Random, done: "Counter[str]") -> None:
        self._chance, self._done = chance, done
        self._raylets = Raylets()

    def __enter__(self) -> "Nodes":
        self._raylets.begin(WORKERS)
        return self

    def __exit__(self, *_: object) -> None:
        self._raylets.__exit__()

    @property
    def address(self) -> str:
        """Where the cluster is."""
        return self._raylets.address

    @property
    def environment(self) -> dict[str, str]:
        """What a driver needs to be let in."""
        return self._raylets.environment

    def kill(self) -> bool:
        """SIGKILL of all processes of a node, or of its raylet alone; another node joins."""
        others = self._raylets.nodes[1:]
        if not others:
            return False
        node = self._chance.choice(others)
        if self._chance.random() < 0.5:
            node.kill("raylet")
            self._done["raylet killed"] += 1
        else:
            self._done["node killed"] += 1
        node.kill()
        self._raylets.nodes.remove(node)
        self._raylets.add()
        return True

    def kill_head(self) -> bool:
        """SIGKILL of the head's processes: the cluster is gone."""
        self._raylets.head.kill("gcs_server", "raylet")
        self._done["head killed"] += 1
        return True

    def restore(self) -> None:
        """Makes a new cluster where the head is gone."""
        if not self._raylets.head.pids("gcs_server"):
            self._raylets.begin(WORKERS)
