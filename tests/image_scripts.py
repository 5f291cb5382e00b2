"""The scripts of the benchmarks on methods for tests, and records as they would read them."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from analysis.records.record import Cost, Environment, Identity, Quality, Record

HOME = Path(__file__).resolve().parents[1] / "benchmarks"
MODULES = (
    "_claim", "_comparison", "_curves", "_image_figure", "_image_page", "_image_study", "_image_tables",
    "_image_targets", "_rivals", "_robustness", "_tables", "_targets", "graph_methods", "image_methods", "image_pilot",
)  # fmt: skip


@contextmanager
def imported(*more: str) -> Iterator[SimpleNamespace]:
    """The scripts, and more of them by name, imported as they import each other, under their names without `_`."""
    sys.path.insert(0, str(HOME))
    yield SimpleNamespace(**{name.lstrip("_"): importlib.import_module(name) for name in (*MODULES, *more)})
    sys.path.remove(str(HOME))
    for name in [name for name, module in sys.modules.items() if _lies_in(module, HOME)]:
        del sys.modules[name]


def _lies_in(module: Any, folder: Path) -> bool:
    return Path(getattr(module, "__file__", None) or "").parent == folder


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
