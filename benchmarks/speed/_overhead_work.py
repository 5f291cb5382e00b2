"""The work of a trial that `overhead.py` measures; this is all that fresh processes of the others import."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

WORKERS = 2


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
