"""Ways to do one thing, timed side by side, in turn in every round, so that a busy moment meets them alike."""

import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from acgkd.runtime import synchronize
from benchmarks._lib.pages import ROOT

Step = Callable[[], Any]


@dataclass
class Timed:
    """What one way came to.

    Args:
        seconds: of a step, by round: of this process's processors, the system's included; on a GPU, of the wall.
        wall: seconds of the wall, by round.
        kernel: share of the processors' seconds that the system spent, by round.
        result: of the last step.
        missing: why there are none.
    """

    seconds: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    kernel: list[float] = field(default_factory=list)
    result: float = math.nan
    missing: str = ""


def timed(step: Step, times: int, device: torch.device, row: Timed | None = None) -> float:
    """Seconds of each of so many steps, noted in `row`."""
    begun = _clocks(device)
    for _ in range(times):
        result = step()
    wall, processors, kernel = (after - before for before, after in zip(begun, _clocks(device), strict=True))
    seconds = wall if device.type == "cuda" else processors
    if row is not None:
        row.seconds.append(seconds / times)
        row.wall.append(wall / times)
        row.kernel.append(kernel / max(processors, 1e-9))
        row.result = float(result)
    return seconds / times


def _clocks(device: torch.device) -> tuple[float, float, float]:
    """Seconds of the wall, of this process's processors, and those of them that the system spent."""
    synchronize(device)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime, used.ru_stime


def in_turn(
    ways: Mapping[str, Step | str],
    times: int,
    rounds: int,
    device: torch.device,
    between: Callable[[], None] = lambda: None,
) -> dict[str, Timed]:
    """Times ways round by round; there and back, so that nobody always comes first.

    Args:
        ways: a step by label, or why there is none.
        times: steps of one measurement.
        rounds: how many.
        device: that they run on.
        between: called before each round.
    """
    rows = {label: Timed(missing=way if isinstance(way, str) else "") for label, way in ways.items()}
    steps = [(label, way) for label, way in ways.items() if not isinstance(way, str)]
    for turn in range(rounds):
        between()
        for label, step in steps[:: -1 if turn % 2 else 1]:
            seconds = timed(step, times, device, rows[label])
            print(f"round {turn + 1}: {label}: {1000 * seconds:.1f} ms", flush=True)
    return rows


def or_refusal(make: Callable[[], Step], optional: bool) -> Step | str:
    """A step; or why there is none, where it may be missing: that a compiler gives up is a result like any other."""
    try:
        return make()
    except Exception as error:
        if not optional:
            raise
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:100]}"


def own_process(function: str, *arguments: object, threads: int = 1) -> Any:
    """What a function (`module:name`) returns in a process of its own, by way of JSON; None where that was killed.

    Raises:
        RuntimeError: it fails.
    """
    module, name = function.split(":")
    before = f"import json, torch; torch.set_num_threads({threads}); from {module} import {name}"
    code = f"{before}; print(json.dumps({name}(*json.loads({json.dumps(arguments)!r}))))"
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment)
    if done.returncode > 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


class Kept:
    """Measurements, one line of JSON each, so that what is there is not measured again.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path, known = path, path.read_text() if path.exists() else ""
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in known.splitlines()]

    def once(self, measure: Callable[[], Mapping[str, Any]], **key: Any) -> dict[str, Any]:
        """The measurement of this key: read, or made and written down."""
        for line in self.lines:
            if all(line.get(name) == value for name, value in key.items()):
                return line
        made = {**key, **measure()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(made) + "\n")
        self.lines.append(made)
        return made
