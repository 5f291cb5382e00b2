"""The scripts in benchmarks/ for tests."""

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

HOME = Path(__file__).resolve().parents[1] / "benchmarks"


def load(name: str) -> Any:
    """The module of this name, whatever folder of benchmarks/ it lies in."""
    (path,) = HOME.glob(f"*/{name}.py")
    return importlib.import_module(f"benchmarks.{path.parent.name}.{name}")


def imported(*names: str) -> SimpleNamespace:
    """Modules of benchmarks/ under their names without `_`."""
    return SimpleNamespace(**{name.lstrip("_"): load(name) for name in names})
