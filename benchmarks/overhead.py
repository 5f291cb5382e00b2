"""What a trial costs beyond its own work: ours, plain Ray Tune, plain Optuna, side by side.

    python benchmarks/overhead.py              # 3 rounds of 60 trials each, then docs/results/overhead.md
    python benchmarks/overhead.py --case ours  # one measurement, as JSON

Every trial does the same fixed amount of work: products of matrices for about `WORK_S` seconds. Each of them writes
down when its work began and ended; all else between the first beginning and the last end is overhead. What comes
before the first beginning is start-up and reported apart.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.executors.ray.executor import Ray

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "docs" / "results" / "overhead.md"
TRIALS = 60
WORKERS = 2
WORK_S = 0.2
CASES = {
    "ours": "`acgkd run`: Ray Tune with warm workers",
    "ray-tune": "plain Ray Tune, defaults: a fresh worker for every trial, which imports torch",
    "ours-in-process": "`acgkd run --in-process`",
    "optuna": "plain Optuna, in this process, study in memory",
}


def work(log: Path) -> float:
    """The same for everybody: matrix products for a while; returns a number to report."""
    import torch

    matrix = torch.linspace(-1, 1, 64 * 64, device="cpu").reshape(64, 64)
    begun = time.time()
    while time.time() - begun < WORK_S:
        total = float((matrix @ matrix).sum())
    with log.open("a") as file:
        file.write(json.dumps([begun, time.time()]) + "\n")
    return total


@dataclass(frozen=True)
class Measured:
    """Just enough of a measurement."""

    quality: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    prior: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)


class Bench:
    """A experiments, an experiment and a run whose only step is the work."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.curves: dict[str, dict[str, list[float]]] = {"transfer": {"step": [1.0], "loss": [0.0]}}
        self.seconds: dict[str, float] = {}
        self.progress = 0.0
        self.prepared = True

    def warm_up(self) -> None:
        """As the real one does."""
        import torch  # noqa: F401

    def experiment(self, config: Any, seed: int, home: Path) -> "Bench":
        """One trial."""
        return Bench(self.log)

    def settings(self, config: Any) -> dict[str, Any]:
        """None worth a column."""
        return {"method/name": "bench"}

    def use_threads(self, count: int) -> None:
        """As the real one does."""
        import torch

        torch.set_num_threads(count)

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
        work(self.log)
        self.progress = 1.0

    def export(self, path: Path) -> None:
        """A student of seven bytes."""
        path.write_bytes(b"student")


def ours(folder: Path, log: Path, *, in_process: bool) -> None:
    from sweeps.spec.sweep_spec import SweepSpec

    space = {
        "method/synthesis/rate": {"type": "float", "low": 0.01, "high": 1.0, "log": True},
        "method/synthesis/depth": {"type": "int", "low": 1, "high": 8},
    }
    spec = SweepSpec.model_validate(
        {
            "name": "overhead",
            "teacher": {"preset": "gin-5-64"},
            "student": "gin-3-32",
            "method": "acgkd",
            "space": space,
            "objectives": ({"name": "agreement", "floor": None}, {"name": "multiply_adds"}),
            "budget": {"trials": TRIALS},
            "controls": (),
        }
    )
    if in_process:
        run_sweep(spec, folder / "sweep", InProcess(), experiments=Bench(log))
    else:
        run_sweep(spec, folder / "sweep", Ray(), experiments=Bench(log))


def ray_tune(folder: Path, log: Path) -> None:
    import ray
    from ray import tune

    def trainable(config: dict[str, Any]) -> None:
        tune.report({"total": work(log)})

    ray.init(address="local", num_cpus=WORKERS, log_to_driver=False)
    space = {"rate": tune.loguniform(0.01, 1.0), "depth": tune.randint(1, 9)}
    tune.Tuner(
        trainable,
        param_space=space,
        tune_config=tune.TuneConfig(num_samples=TRIALS),
        run_config=tune.RunConfig(storage_path=str(folder / "ray"), verbose=0),
    ).fit()
    ray.shutdown()


def optuna_(folder: Path, log: Path) -> None:
    import optuna
    import torch

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        trial.suggest_float("rate", 0.01, 1.0, log=True)
        trial.suggest_int("depth", 1, 8)
        work(log)
        return 0.5, 1.0

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=TRIALS)


def measure(case: str) -> dict[str, float]:
    """One case in this process."""
    begun = time.time()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        log = folder / "work.log"
        if case.startswith("ours"):
            ours(folder, log, in_process=case != "ours")
        elif case == "ray-tune":
            ray_tune(folder, log)
        else:
            optuna_(folder, log)
        ended = time.time()
        spans = [json.loads(line) for line in log.read_text().splitlines()]
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    own = sum(end - start for start, end in spans)
    workers = 1 if case in ("optuna", "ours-in-process") else WORKERS
    return {
        "trials": len(spans),
        "workers": workers,
        "startup_s": first - begun,
        "shutdown_s": ended - last,
        "wall_s": last - first,
        # Seconds that the workers were there and did no work, for each trial.
        "overhead_s": ((last - first) * workers - own) / len(spans),
        # Seconds that the sweep as a whole lasts longer, for each trial.
        "delay_s": ((last - first) - own / workers) / len(spans),
    }


def report(rounds: list[dict[str, dict[str, float]]], loads: Sequence[float]) -> str:
    """The result table; `loads` are the load averages with which the rounds began."""

    def cell(case: str, key: str) -> str:
        values = [turn[case][key] for turn in rounds]
        return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"

    lines = [
        "# What a trial costs beyond its own work",
        "",
        f"`python benchmarks/overhead.py`, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}. "
        f"{len(rounds)} rounds of {TRIALS} trials in turn; median (least to most).",
        f"Every trial works for {WORK_S} s (products of small matrices, one thread); {WORKERS} workers on Ray.",
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}; load average when each round "
        f"began: {', '.join(f'{load:.1f}' for load in loads)}. Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("torch", "ray", "optuna"))
        + ".",
        "",
        "| | workers | overhead, s per trial | longer sweep, s per trial | start-up, s | shutdown, s |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for case, label in CASES.items():
        cells = " | ".join(cell(case, key) for key in ("overhead_s", "delay_s", "startup_s", "shutdown_s"))
        lines.append(f"| {label} | {rounds[0][case]['workers']:.0f} | {cells} |")
    ratios = [turn["ray-tune"]["overhead_s"] / turn["ours"]["overhead_s"] for turn in rounds]
    lines += [
        "",
        f"Plain Ray Tune spends {statistics.median(ratios):.1f} times as much on a trial as we do "
        f"({min(ratios):.1f} to {max(ratios):.1f}, round by round).",
        "",
        "*Overhead* is the time that workers are there and do not work, from the first trial's beginning to the last "
        "one's end, for each trial: asking, starting processes, reporting, writing files and waiting. *Longer sweep* "
        "is the same as it shows on the clock on the wall. Start-up is all before the first trial works: imports, "
        "Ray, the first worker.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case)))
        return
    rounds: list[dict[str, dict[str, float]]] = []
    loads = []
    for turn in range(options.rounds):
        rounds.append({})
        loads.append(os.getloadavg()[0])
        for case in CASES:
            command = [sys.executable, str(Path(__file__).resolve()), "--case", case]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            rounds[-1][case] = json.loads(done.stdout.splitlines()[-1])
            print(f"round {turn + 1}: {case}: {rounds[-1][case]}", flush=True)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(report(rounds, loads))
    print(f"\n{report(rounds, loads)}\n{RESULT}")


if __name__ == "__main__":
    main()
