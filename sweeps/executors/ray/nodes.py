"""Asks every node of a cluster what it has: code, devices, the folder, its clock. Bounded in time."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from acgkd.files.addresses import address_of
from sweeps.executors.ray.executor import connected_to
from sweeps.executors.ray.node_probe import Facts
from sweeps.executors.ray.process_state import inside

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.remote_function import RemoteFunction

    from sweeps.executors.ray.placement import RayNode

# Ray starts a worker on the node first.
LIMIT_S = 60.0
CLOCK_LIMIT_S = 5.0


@dataclass(frozen=True)
class Node:
    """One node that is alive.

    Args:
        id: Ray's.
        address: its IP address.
        resources: what Ray has there: `CPU`, `GPU`.
        facts: what it said (`sweeps.executors.ray.node_probe`), and ``clock_s``, how far its clock is ahead of ours,
            with ``clock_error_s``; None where it did not answer.
        silence: why it did not answer; empty where it did.
    """

    id: str
    address: str
    resources: Mapping[str, float]
    facts: Facts | None
    silence: str = ""

    @property
    def name(self) -> str:
        """Its host, or its address where that is not known."""
        return str(self.facts["host"]) if self.facts is not None else self.address


def ask_nodes(address: str, folder: Path, limit_s: float = LIMIT_S) -> list[Node]:
    """Asks all nodes at the same time.

    Args:
        address: where Ray is, as for `acgkd run`.
        folder: that sweeps shall live in.
        limit_s: seconds until a node counts as silent.

    Raises:
        SweepError: Ray cannot be reached.
    """
    import ray

    folder = folder if address_of(folder) else folder.resolve()
    # As in a sweep: workers look for modules where the driver stands.
    with inside(folder) if folder.is_dir() else nullcontext(), connected_to(address, Path(os.devnull)):
        alive = [node for node in ray.nodes() if node["Alive"]]
        return _ask(alive, folder, limit_s)


def _ask(alive: "list[RayNode]", folder: Path, limit_s: float) -> list[Node]:
    import ray
    from ray import cloudpickle

    from acgkd import code_digest
    from sweeps.executors.ray import node_probe

    for module in (code_digest, node_probe):
        cloudpickle.register_pickle_by_value(module)  # a node's own copy may be another one, or none
    try:
        with _trial_folder(folder) as trial:
            asked = [
                _there(ray.remote(node_probe.probe), node).remote(str(folder), trial, node["NodeID"]) for node in alive
            ]
            deadline = time.monotonic() + limit_s
            answers = [_answer(answer, deadline, limit_s) for answer in asked]
            clocks = [
                _clock(_there(ray.remote(node_probe.now), node)) if isinstance(answer, dict) else {}
                for node, answer in zip(alive, answers, strict=True)
            ]
    finally:
        for module in (code_digest, node_probe):
            cloudpickle.unregister_pickle_by_value(module)
    return [
        Node(
            node["NodeID"],
            node["NodeManagerAddress"],
            {kind: node["Resources"].get(kind, 0.0) for kind in ("CPU", "GPU")},
            {**answer, **clock} if isinstance(answer, dict) else None,
            "" if isinstance(answer, dict) else answer,
        )
        for node, answer, clock in zip(alive, answers, clocks, strict=True)
    ]


def _there(task: "RemoteFunction", node: "RayNode") -> "RemoteFunction":
    """The task on that node and no other; it takes no core from those who work there."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    return task.options(num_cpus=0, max_retries=0, scheduling_strategy=place)


def _answer(asked: "ObjectRef", deadline: float, limit_s: float) -> Facts | str:
    import ray

    try:
        said: Facts = ray.get(asked, timeout=max(0.1, deadline - time.monotonic()))
        return said
    except ray.exceptions.GetTimeoutError:
        ray.cancel(asked, force=True)
        return f"no answer within {limit_s:g} s"
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {lines[-1].strip() if lines else ''}"


def _clock(ask: "RemoteFunction") -> Facts:
    """How far its clock is ahead of ours, from two readings of ours around one of its."""
    best: tuple[float, float] | None = None
    for _ in range(3):
        before = time.time()
        said = _answer(ask.remote(), time.monotonic() + CLOCK_LIMIT_S, CLOCK_LIMIT_S)
        after = time.time()
        if not isinstance(said, float):
            break
        error = (after - before) / 2
        if best is None or error < best[1]:
            best = (said - (before + after) / 2, error)
    return {} if best is None else {"clock_s": best[0], "clock_error_s": best[1]}


@contextmanager
def _trial_folder(folder: Path) -> Iterator[str]:
    """The name of a folder made in the sweeps' folder, with a file in it; empty where it cannot be made."""
    with ExitStack() as stack:
        name = ""
        with suppress(OSError):
            made = TemporaryDirectory(prefix=".acgkd-doctor-", dir=folder, ignore_cleanup_errors=True)
            path = Path(stack.enter_context(made))
            (path / "driver").touch()
            name = path.name
        yield name
