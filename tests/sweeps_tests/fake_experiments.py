"""Experiments without torch, for tests of the engine: exact arithmetic, real files, real faults on demand.

A run is `steps` turns of a chaotic map, so that one lost or repeated step shows in the result. What it does besides
is set by the settings under `method/transfer`: `steps`, `delay_s` for each step, `start_s` for each start-up, and
`fault` at step `fault_step`, of all seeds or of `fault_seed` alone.
"""

import ctypes
import faulthandler
import hashlib
import json
import math
import os
import resource
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from acgkd.config import RunConfig, flatten
from acgkd.errors import CheckpointError, DivergedError
from sweeps.spec.sweep_spec import SweepSpec

# What every step is said to take, so that the seconds of a run can be held against its steps.
STEP_S = 0.125


@dataclass(frozen=True)
class FakeMeasurement:
    quality: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    prior: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    objectives: dict[str, float] = field(default_factory=dict)


class FakeExperiments:
    """Counts what happens in `home/events.log`, one line each, whichever process it happens in.

    Args:
        hurry: leave all delays out; the results are the same.
    """

    def __init__(self, hurry: bool = False) -> None:
        self.hurry = hurry

    def warm_up(self) -> None:
        pass

    def experiment(self, config: RunConfig, seed: int, home: Path) -> "FakeExperiment":
        made = FakeExperiment(config, seed, home)
        if self.hurry:
            made.options |= {"delay_s": 0.0, "save_s": 0.0, "start_s": 0.0}
        return made

    def why_alone(self, run: "FakeRun") -> str:
        return "" if run.experiment.options.get("stacks", True) else "its options say so"

    def together(self, runs: Sequence["FakeRun"]) -> "FakeTeam":
        return FakeTeam(list(runs))

    def settings(self, config: RunConfig) -> dict[str, Any]:
        return flatten(config.model_dump(mode="json"))

    def user_files(self, spec: SweepSpec, *, also: Iterable[str] = (), fresh: bool = False) -> dict[str, str]:
        return {}

    def require_user_files(self) -> None:
        pass

    def use_threads(self, count: int) -> None:
        pass

    def calibrate(self) -> float | None:
        return None


class FakeExperiment:
    def __init__(self, config: RunConfig, seed: int, home: Path) -> None:
        self.config, self.seed, self.home = config, seed, home
        self.options = {"steps": 20, "delay_s": 0.0, "fault": "none", "fault_step": 7, **config.method.transfer}

    def note(self, event: str) -> None:
        self.home.mkdir(exist_ok=True)
        with (self.home / "events.log").open("a") as file:
            file.write(f"{event}\n")

    def preparation_key(self) -> str:
        return f"teacher-{self.seed if 'teacher' in self.config.vary else 0}"

    @property
    def _teacher(self) -> Path:
        return self.home / f"{self.preparation_key()}.json"

    @property
    def prepared(self) -> bool:
        return self._teacher.exists()

    def prepare(self) -> None:
        if self.prepared:
            return
        if self.config.teacher.epochs == 13:
            raise ValueError("no teacher with 13 epochs")
        if self.config.teacher.epochs == 11:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.options.get("teacher_s", 0.0))
        self.note(f"teacher {self.preparation_key()}")
        self._teacher.write_text("{}")

    def teacher_measurement(self) -> FakeMeasurement:
        return FakeMeasurement({"teacher_test_accuracy": 0.9}, {"teacher_s": 1.0})

    def start(self) -> "FakeRun":
        if os.environ.get("FAKE_BROKEN_NODE"):
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
        time.sleep(self.options.get("start_s", 0.0))
        return FakeRun(self)

    def _objectives(self, run: "FakeRun") -> dict[str, float]:
        rate = float(self.config.method.synthesis.get("rate", 0.5))
        width = float(self.config.method.synthesis.get("width", 1))
        kind = 0.1 if self.config.method.synthesis.get("kind") == "b" else 0.0
        divergence = (rate - 0.3) ** 2 + kind + 0.01 * run.state + 0.2 * (1 - run.progress)
        return {
            "validation_divergence": math.nan if self.options["fault"] == "nan" else divergence,
            "multiply_adds": width * run.steps_done,
            "validation_accuracy": 1 - divergence,
        }

    def evaluate(self, run: "FakeRun", objectives: Sequence[str]) -> dict[str, float]:
        self.note(f"judged {self.name} {run.progress:.3f}")
        known = self._objectives(run)
        return {name: known[name] for name in objectives}

    @property
    def name(self) -> str:
        return f"{self.config.fingerprint()}-{self.seed}"

    def measure(self, run: "FakeRun") -> FakeMeasurement:
        self.note(f"measured {self.name}")
        known = self._objectives(run)
        quality = {name: value for name, value in known.items() if name != "multiply_adds"}
        quality["test_accuracy"] = round(1 - known["validation_divergence"], 6)
        cost = {
            "multiply_adds": known["multiply_adds"],
            "transfer_s": run.seconds["transfer"],
            "transfer_steps": run.steps_done,
        }
        if "peak_host_bytes" in self.options:
            cost["peak_host_bytes"] = int(self.options["peak_host_bytes"])
        return FakeMeasurement(quality, cost, objectives=known)

    def pseudo_samples(self, run: "FakeRun", per_class: int) -> dict[str, Any]:
        if self.options["fault"] == "no samples":
            raise MemoryError("no room for a picture")
        self.note(f"drawn {self.name}")
        return {"state": np.full(per_class, run.state)}


class FakeRun:
    def __init__(self, experiment: FakeExperiment) -> None:
        self.experiment = experiment
        self.total = int(experiment.options["steps"])
        self.steps_done = 0
        text = json.dumps(experiment.config.method.model_dump(mode="json"), sort_keys=True)
        digest = hashlib.sha256(f"{text}-{experiment.seed}".encode()).digest()
        self.state = digest[0] / 256 * 0.8 + 0.1
        self.curves: dict[str, dict[str, list[float]]] = {"transfer": {"step": [], "loss": []}}
        self.seconds = {"transfer": 0.0}

    def measure_cost(self) -> dict[str, Any]:
        width = int(self.experiment.config.method.synthesis.get("width", 1))
        return {"multiply_adds": width * self.steps_done, "transfer_steps": self.steps_done}

    @property
    def progress(self) -> float:
        return self.steps_done / self.total

    @property
    def done(self) -> bool:
        return self.steps_done >= self.total

    def judged_fractions_to_progress(self, fraction: float) -> float:
        return (1 + fraction) / 2

    def statistics_at(self, share: float) -> float | None:
        rate = float(self.experiment.config.method.synthesis.get("rate", 0.5))
        known = self.steps_done >= share * self.total / 2 and self.experiment.options.get("remembers", True)
        return abs(rate - 0.4) + 0.01 * share if known else None

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        end = math.inf if seconds is None else time.monotonic() + seconds
        last = min(self.total, math.ceil(until * self.total - 1e-9))
        while self.steps_done < last:
            if self.experiment.options["delay_s"]:
                time.sleep(self.experiment.options["delay_s"])
            self.steps_done += 1
            self.seconds["transfer"] += STEP_S
            self.state = 3.9 * self.state * (1 - self.state)
            self.curves["transfer"]["step"].append(self.steps_done)
            self.curves["transfer"]["loss"].append(self.state)
            if self.experiment.options["fault"] == "die further":
                self._die_further()
            struck = self.experiment.options.get("fault_seed", self.experiment.seed) == self.experiment.seed
            if struck and self.steps_done == self.experiment.options["fault_step"]:
                self._fault(self.experiment.options["fault"])
            if time.monotonic() >= end:
                return

    def _fault(self, kind: str) -> None:
        first = self.experiment.home / f"{self.experiment.name}.fault"
        match kind:
            case "diverge":
                raise DivergedError("`loss` must stay finite, but was nan.")
            case "oom":
                raise MemoryError("cannot allocate")
            case "bug":
                raise KeyError("a bug")
            case "hang":
                time.sleep(3600)
            case "hang below":  # the signal is blocked, as it is for Python inside one long call
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
                time.sleep(3600)
            case "hang in C":  # Python cannot run its handlers here, and the process cannot be interrupted
                self.experiment.note("hanging")
                mutex = ctypes.create_string_buffer(64)
                for _ in range(2):  # who locks it twice waits for ever, whatever signals come
                    ctypes.CDLL(None).pthread_mutex_lock(mutex)
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "crash":
                faulthandler._sigsegv()  # type: ignore[attr-defined]
            case "die once" if not first.exists():
                first.write_text("")
                os.kill(os.getpid(), signal.SIGKILL)
            case "full":  # a real limit of the system, put back by the test
                resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    def _die_further(self) -> None:
        """Is killed three times, each time eleven steps later than the time before."""
        deaths = self.experiment.home / f"{self.experiment.name}.deaths"
        died = int(deaths.read_text()) if deaths.exists() else 0
        if died < 3 and self.steps_done == 11 * (died + 1):
            deaths.write_text(str(died + 1))
            os.kill(os.getpid(), signal.SIGKILL)

    def save(self, path: Path) -> None:
        part = path.with_name(f".{path.name}.tmp")
        facts = {"steps": self.steps_done, "state": self.state, "curves": self.curves, "pad": "x" * 2000}
        facts["seconds"] = self.seconds
        text = json.dumps(facts)
        whole = json.dumps({"sum": hashlib.sha256(text.encode()).hexdigest(), "text": text})
        self.experiment.note(f"saving {self.experiment.name} {self.steps_done}")
        with part.open("w") as file:
            file.write(whole[:1000])
            file.flush()
            time.sleep(self.experiment.options.get("save_s", 0.0))
            file.write(whole[1000:])
        os.replace(part, path)
        self.experiment.note(f"saved {self.experiment.name} {self.steps_done}")

    def load(self, path: Path) -> None:
        try:
            outer = json.loads(path.read_text())
            facts = json.loads(outer["text"])
        except (ValueError, KeyError) as error:
            raise CheckpointError(f"{path} is damaged.") from error
        if hashlib.sha256(outer["text"].encode()).hexdigest() != outer["sum"]:
            raise CheckpointError(f"{path} is damaged.")
        self.steps_done, self.state, self.curves = facts["steps"], facts["state"], facts["curves"]
        self.seconds = facts["seconds"]
        self.experiment.note(f"loaded {self.experiment.name} {self.steps_done}")

    def export(self, path: Path) -> None:
        if self.experiment.options["fault"] == "full weights":
            import torch

            resource.setrlimit(resource.RLIMIT_FSIZE, (600, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            torch.save({"weights": torch.zeros(1000)}, path)
        path.write_text(json.dumps(self.state))


class FakeTeam:
    """Runs that take turns, step by step, the one that is furthest behind first."""

    def __init__(self, runs: list[FakeRun]) -> None:
        self.runs = runs
        runs[0].experiment.note(f"together {' '.join(run.experiment.name for run in runs)}")

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        end = math.inf if seconds is None else time.monotonic() + seconds
        while time.monotonic() < end:
            behind = min(self.runs, key=lambda run: run.steps_done)
            if behind.progress >= until - 1e-9:
                return
            behind.advance(until=behind.progress + 1 / behind.total)


SPACE = {
    "method/synthesis/rate": {"type": "float", "low": 0.0, "high": 1.0},
    "method/synthesis/width": {"type": "int", "low": 1, "high": 8},
    "method/synthesis/kind": {"type": "categorical", "choices": ("a", "b")},
    "method/synthesis/depth": {"type": "float", "low": 0.1, "high": 1.0, "when": {"method/synthesis/kind": "b"}},
}


def make_spec(
    *,
    trials: int | None = 6,
    hours: float | None = None,
    seeds: tuple[int, ...] = (0, 1),
    sampler: dict[str, Any] | None = None,
    scheduler: str | dict[str, Any] = "none",
    stacked: str = "off",
    transfer: dict[str, Any] | None = None,
    **changes: Any,
) -> SweepSpec:
    """A sweep of the fake experiments."""
    return SweepSpec.model_validate(
        {
            "name": "fake",
            "teacher": {"preset": "gin-5-64"},
            "student": "gin-3-32",
            "method": {"name": "acgkd", "transfer": transfer or {}},
            "space": SPACE,
            "objectives": [{"name": "validation_divergence", "floor": None}, {"name": "multiply_adds"}],
            "sampler": {"name": "tpe", "startup_trials": 3, **(sampler or {})},
            "scheduler": scheduler,
            "replicates": {"seeds": seeds, "vary": ("split", "teacher", "draws"), "stacked": stacked},
            "budget": {"trials": trials, "hours": hours},
            "controls": (),
            **changes,
        }
    )


def events(folder: Path, word: str) -> list[str]:
    """What happened, of one kind."""
    path = folder / "cache" / "events.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line for line in lines if line.startswith(word)]


def table(folder: Path) -> list[dict[str, Any]]:
    """All records without what depends on time and place."""
    rows = []
    for path in sorted((folder / "records").glob("*.json")):
        record = json.loads(path.read_text())
        identity = {key: value for key, value in record["identity"].items() if key != "attempt"}
        cost = {key: value for key, value in record["cost"].items() if not key.endswith("_s")}
        rows.append(
            {
                "file": path.name,
                "identity": identity,
                "cost": cost,
                **{key: record[key] for key in ("parameters", "settings", "outcome", "objectives", "quality")},
            }
        )
    return rows


def lost(folder: Path, number: int | None = None) -> list[float]:
    """`lost_s` in the records of all trials, or of one."""
    name = "*" if number is None else f"{number:04d}"
    paths = sorted((folder / "records").glob(f"trial-{name}-*.json"))
    return [json.loads(path.read_text())["cost"]["lost_s"] for path in paths]


def trials(folder: Path) -> list[dict[str, Any]]:
    """All trial files in order of number."""
    return [json.loads(path.read_text()) for path in sorted((folder / "trials").glob("*/trial.json"))]
