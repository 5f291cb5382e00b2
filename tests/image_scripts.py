"""The scripts in benchmarks/ for tests, and records as they would read them."""

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from analysis.records.record import Cost, Environment, Identity, Quality, Record

HOME = Path(__file__).resolve().parents[1] / "benchmarks"
IMAGES = (
    "_claim", "_curves", "_image_figure", "_image_page", "_image_study", "_image_tables", "_image_targets",
    "_robustness", "comparison", "image_methods", "image_pilot", "tables",
)  # fmt: skip
# The smallest comparison of image methods.
TINY = """
dataset: digits
teacher: {preset: wrn-10-1, epochs: 1, batch_size: 256}
student: wrn-10-1
method:
  name: rdskd
  synthesis: {recipe: compact, steps: 2, batch_size: 8, generator: {latent: 10, width: 8}}
  transfer: {steps: 4, batch_size: 8}
replicates: {seeds: [0], vary: [draws]}
controls:
  - {name: dafl, synthesis: {recipe: compact, steps: 4, batch_size: 8, generator: {latent: 10, width: 8}}}
  - noise
"""


def load(name: str) -> Any:
    """The module of this name, whatever folder of benchmarks/ it lies in."""
    (path,) = HOME.glob(f"*/{name}.py")
    return importlib.import_module(f"benchmarks.{path.parent.name}.{name}")


def imported(*names: str) -> SimpleNamespace:
    """Modules of benchmarks/ under their names without `_`."""
    return SimpleNamespace(**{name.lstrip("_"): load(name) for name in names})


def record(label: str, outcome: str, accuracy: float | None, seed: int = 0, **cost: Any) -> Record:
    """A record of a run: what it came to, or how it ended, and what it took."""
    identity = Identity(
        sweep="s", kind="teacher" if label == "teacher" else "control", label=label, replicate=seed, seed=seed,
        vary=["draws"], fingerprint=label, method="rdskd", teacher="t",
    )  # fmt: skip
    known = {"majority_accuracy": 0.1, "teacher_test_accuracy": 1.0, "test_size": 500}
    quality = Quality() if accuracy is None else Quality(test_accuracy=accuracy, **known)
    times = {name: cost.pop(name) for name in ("started_at", "finished_at", "trials_alongside") if name in cost}
    return Record(
        identity=identity, outcome=outcome, quality=quality, cost=Cost(**cost),
        environment=Environment(device="cpu", **times),
    )  # fmt: skip
