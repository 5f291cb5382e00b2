"""The work of a trial that `overhead.py` measures, and an experiment for our engine that does nothing else."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Task:
    """What a sweep has to do.

    Args:
        folder: for its files.
        log: where every trial writes down its work.
        trials: how many.
        work_s: seconds that each of them works; 0 makes it a single product of matrices.
    """

    folder: Path
    log: Path
    trials: int
    work_s: float


def work(task: Task) -> float:
    """The same for everybody: matrix products for a while, on one thread; returns a number to report."""
    import torch

    begun, cpu = time.time(), time.thread_time()
    with task.log.open("a") as file:  # opened first: that the file is there says that the first trial works
        matrix = torch.linspace(-1, 1, 64 * 64, device="cpu").reshape(64, 64)
        total = float((matrix @ matrix).sum())
        while time.time() - begun < task.work_s:
            total = float((matrix @ matrix).sum())
        file.write(json.dumps([begun, time.time(), time.thread_time() - cpu, os.getpid()]) + "\n")
    return total


@dataclass(frozen=True)
class Measured:
    """Just enough of a measurement."""

    quality: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    prior: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


class Bench:
    """A experiments, an experiment and a run whose only step is the work."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.curves: dict[str, dict[str, list[float]]] = {"transfer": {"step": [1.0], "loss": [0.0]}}
        self.seconds: dict[str, float] = {}
        self.progress = 0.0
        self.prepared = True

    def warm_up(self) -> None:
        """As the real one does."""
        import torch  # noqa: F401

    def experiment(self, config: Any, seed: int, home: Path) -> "Bench":
        """One trial."""
        return Bench(self.task)

    def user_files(self, spec: Any, *, also: Any = (), fresh: bool = False) -> dict[str, str]:
        """None: nothing of a user's is loaded."""
        return {}

    def require_user_files(self) -> None:
        """There are none."""

    def settings(self, config: Any) -> dict[str, Any]:
        """None worth a column."""
        return {"method/name": "bench"}

    def use_threads(self, count: int) -> None:
        """One, as everybody else's trials."""
        import torch

        torch.set_num_threads(1)

    def calibrate(self) -> float | None:
        """Nothing to compare."""
        return None

    def preparation_key(self) -> str:
        """There is no teacher."""
        return "none"

    def prepare(self) -> None:
        """There is no teacher."""
        pass

    def teacher_measurement(self) -> Measured:
        """There is no teacher."""
        return Measured()

    def start(self) -> "Bench":
        """This very object."""
        return self

    def evaluate(self, run: Any, objectives: Sequence[str]) -> dict[str, float]:
        """Never asked without early stopping."""
        return dict.fromkeys(objectives, 0.0)

    def measure(self, run: Any) -> Measured:
        """Two objectives."""
        return Measured({"agreement": 0.5}, {"multiply_adds": 1.0})

    @property
    def done(self) -> bool:
        """Whether the work was done."""
        return self.progress >= 1

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        """The work."""
        work(self.task)
        self.progress = 1.0

    def export(self, path: Path) -> None:
        """A student of seven bytes."""
        path.write_bytes(b"student")
