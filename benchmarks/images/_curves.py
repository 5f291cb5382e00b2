"""Validation accuracy along the way, off the clock: what a method's student is worth after so many seconds.

A record says what a run came to, not how. So the experiments of a comparison may be one whose runs stop at shares of
the stage in which the student learns, look at the validation split, and resume; nothing else of the run changes. What
they saw lies with the loss curves in the sweep folder, and is packed beside the records.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acgkd.config import RunConfig
from analysis.records.record import Record
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.atomic import read_json, write
from sweeps.store.folder import SweepFolder
from sweeps.worker.experiments import AcgkdExperiments

# The stage that a validation curve has among the loss curves.
STAGE = "validation"
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class JudgedRun:
    """A run that looks at the validation split on its way.

    Args:
        run: a `Distillation`.
        experiment: that it belongs to.
        shares: of the stage in which the student learns, rising.
    """

    def __init__(self, run: Any, experiment: Any, shares: Sequence[float] = SHARES) -> None:
        self._run = run
        self._experiment = experiment
        self._points = [run.judged_fractions_to_progress(share) for share in shares]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        """Advances to a progress, or for a time; where a point is reached, the student is judged."""
        deadline = math.inf if seconds is None else time.perf_counter() + seconds
        while self._run.progress < until - 1e-9 and time.perf_counter() < deadline:
            ahead = [point for point in self._points if point > self._run.progress + 1e-9]
            stop = min(until, ahead[0])
            left = None if seconds is None else max(0.0, deadline - time.perf_counter())
            self._run.advance(until=stop, seconds=left)
            if stop == ahead[0] and self._run.progress >= stop - 1e-9:
                self._note()

    def _note(self) -> None:
        curve = self._run.curves.setdefault(STAGE, {"step": [], "seconds": [], "accuracy": []})
        seen = self._experiment.evaluate(self._run, ["validation_accuracy"])
        curve["step"].append(float(self._run.steps_done))
        curve["seconds"].append(sum(self._run.seconds.values()))
        curve["accuracy"].append(seen["validation_accuracy"])


class JudgedExperiment:
    """An experiment whose runs look at the validation split on their way.

    Args:
        experiment: an `Experiment`.
    """

    def __init__(self, experiment: Any) -> None:
        self._experiment = experiment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._experiment, name)

    def start(self) -> JudgedRun:
        """A fresh run."""
        return JudgedRun(self._experiment.start(), self._experiment)


class JudgingExperiments(AcgkdExperiments):
    """The real experiments, with experiments of that kind."""

    def experiment(self, config: RunConfig, seed: int, home: Path) -> Any:
        """One run of a config; cheap."""
        return JudgedExperiment(super().experiment(config, seed, home))


@dataclass(frozen=True)
class Curve:
    """What the student of one run was worth.

    Args:
        seconds: of synthesis and transfer, or of the joint stage, at each point.
        accuracy: on the validation split there.
    """

    seconds: tuple[float, ...]
    accuracy: tuple[float, ...]

    def at(self, seconds: float) -> float:
        """Accuracy after so many seconds, straight between two points; NaN before the first.

        A run that has ended by then keeps what it came to.
        """
        if not self.seconds or seconds < self.seconds[0]:
            return math.nan
        return float(np.interp(seconds, self.seconds, self.accuracy))


def run_of(record: Record) -> str:
    """Names a run by what made it: a curve belongs to one record, and to none that replaces it."""
    return f"{record.identity.fingerprint}-{record.identity.seed}"


def gather(
    specs: Sequence[SweepSpec], found: Sequence[Record], home: Path, packed: Path
) -> dict[str, dict[str, Curve]]:
    """Curves of the records of some sweeps, from their folders and from the packed file, which is brought up to date.

    Args:
        specs: the sweeps; curves of others stay in the file as they are.
        found: their records.
        home: where the sweep folders are.
        packed: the file.

    Returns:
        By sweep, and by what `run_of` calls the record.
    """
    before = packed.read_text() if packed.exists() else "{}"
    kept: dict[str, dict[str, dict[str, list[float]]]] = json.loads(before)
    for spec in specs:
        known = kept.pop(spec.name, {})
        runs = {run_of(item): item for item in found if item.identity.sweep == spec.name and _taught(item)}
        for key, record in runs.items():
            curve = _in_folder(home / spec.name, record) or known.get(key)
            if curve is not None:
                kept.setdefault(spec.name, {})[key] = curve
    after = json.dumps(kept, sort_keys=True, separators=(",", ":")) + "\n"
    if kept and after != before:
        packed.parent.mkdir(parents=True, exist_ok=True)
        write(packed, after)
    return {
        name: {key: Curve(tuple(curve["seconds"]), tuple(curve["accuracy"])) for key, curve in runs.items()}
        for name, runs in kept.items()
    }


def _taught(record: Record) -> bool:
    return record.identity.kind != "teacher" and record.outcome == "completed"


def _in_folder(folder: Path, record: Record) -> dict[str, list[float]] | None:
    """The curve that lies in a sweep folder, rounded to what it is worth."""
    who = record.identity
    name = SweepFolder.control_name(who.label) if who.trial is None else SweepFolder.trial_name(who.trial)
    curve = (read_json(SweepFolder(folder).curves_file(name, who.replicate)) or {}).get(STAGE)
    if curve is None:
        return None
    return {"seconds": [round(s, 3) for s in curve["seconds"]], "accuracy": [round(a, 6) for a in curve["accuracy"]]}
