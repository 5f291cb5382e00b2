"""Seconds of the stages of a run, and the CPU seconds beside them."""

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from acgkd.runtime import synchronize


def cpu_seconds() -> float:
    """CPU seconds of this process so far, all threads, and of its children that have ended."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


class Clocks:
    """Seconds by name, device-synchronised, and the CPU seconds of the process beside them; kept across resume.

    Args:
        device: what a block waits for.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}
        self._cpu: dict[str, float] = {}

    @property
    def cpu_seconds(self) -> float | None:
        """CPU seconds of all names together; None where they were not measured for all of the seconds."""
        total = sum(self._cpu.get(name, math.nan) for name in self.seconds)
        return None if math.isnan(total) else total

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Adds the block's seconds to the clock called `name`."""
        synchronize(self.device)
        start, cpu = time.perf_counter(), cpu_seconds()
        try:
            yield
        finally:
            synchronize(self.device)
            self.add(name, time.perf_counter() - start, cpu_seconds() - cpu)

    def add(self, name: str, seconds: float, cpu: float) -> None:
        """Adds seconds, and CPU seconds, to the clock called `name`."""
        # What was measured before CPU seconds were stays without them.
        self._cpu[name] = self._cpu.get(name, math.nan if name in self.seconds else 0.0) + cpu
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def state_dict(self) -> dict[str, dict[str, float]]:
        """All that `load_state_dict` needs."""
        return {"seconds": dict(self.seconds), "cpu_seconds": dict(self._cpu)}

    def load_state_dict(self, state: Mapping[str, Mapping[str, float]]) -> None:
        """Continues from a state; one of an earlier version has no CPU seconds."""
        self.seconds, self._cpu = dict(state["seconds"]), dict(state.get("cpu_seconds", {}))
