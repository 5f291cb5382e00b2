"""Sweeps over distillation settings that survive what happens to them: run, resume, extend and do nothing are one call.

Importing this package loads neither torch nor Ray; the public names are resolved on first use.
"""

from typing import TYPE_CHECKING

__distribution__ = "acgkd"

if TYPE_CHECKING:
    from acgkd.errors import FolderError, SpecError, SweepError
    from sweeps.engine.snapshot import Snapshot
    from sweeps.executors.base import Executor
    from sweeps.executors.inprocess import InProcess
    from sweeps.executors.ray.executor import Ray
    from sweeps.followups.forks import fork_sweep as fork
    from sweeps.interchange.forking import Forked
    from sweeps.interchange.method_defaults import published_methods
    from sweeps.spec.loading import load
    from sweeps.spec.sweep_spec import SweepSpec
    from sweeps.store.progress.status import Status
    from sweeps.suites.suite import Suite, open_suite, run_suite
    from sweeps.suites.suite_loading import SuiteSpec, load_suite
    from sweeps.sweep import Sweep, run
    from sweeps.sweep import open_sweep as open

__all__ = [
    "Executor",
    "FolderError",
    "Forked",
    "InProcess",
    "Ray",
    "Snapshot",
    "SpecError",
    "Status",
    "Suite",
    "SuiteSpec",
    "Sweep",
    "SweepError",
    "SweepSpec",
    "fork",
    "load",
    "load_suite",
    "open",
    "open_suite",
    "published_methods",
    "run",
    "run_suite",
]

_HOMES = {
    "Executor": "sweeps.executors.base",
    "FolderError": "acgkd.errors",
    "Forked": "sweeps.interchange.forking",
    "InProcess": "sweeps.executors.inprocess",
    "Ray": "sweeps.executors.ray.executor",
    "Snapshot": "sweeps.engine.snapshot",
    "SpecError": "acgkd.errors",
    "Status": "sweeps.store.progress.status",
    "Suite": "sweeps.suites.suite",
    "SuiteSpec": "sweeps.suites.suite_loading",
    "Sweep": "sweeps.sweep",
    "SweepError": "acgkd.errors",
    "SweepSpec": "sweeps.spec.sweep_spec",
    "fork": "sweeps.followups.forks",
    "load": "sweeps.spec.loading",
    "load_suite": "sweeps.suites.suite_loading",
    "open": "sweeps.sweep",
    "open_suite": "sweeps.suites.suite",
    "published_methods": "sweeps.interchange.method_defaults",
    "run": "sweeps.sweep",
    "run_suite": "sweeps.suites.suite",
}
_CALLED = {"fork": "fork_sweep", "open": "open_sweep"}


def __getattr__(name: str) -> object:
    """Imports the home of a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sweeps' has no attribute {name!r}. Public names: {', '.join(__all__)}.")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), _CALLED.get(name, name))


def __dir__() -> list[str]:
    return sorted([*__all__, "__distribution__"])
