"""The limits of a sweep's budget: what they are, and which one is met."""

from collections.abc import Collection

from analysis.records.sweep_file import Budget
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.budgets import Taken, idle_trials, met
from sweeps.store.trial import Trial


def spent(spec: SweepSpec, trials: Collection[Trial], seconds: float) -> str:
    """Which limit of the budget is met, so that no new trial is suggested; empty where none is.

    Args:
        spec: the sweep.
        trials: all so far.
        seconds: that all starts together took.
    """
    return met(limits(spec), Taken(trials), seconds, lambda: idle(spec, trials))


def idle(spec: SweepSpec, trials: Collection[Trial]) -> int:
    """How many trials ended without an improvement since the last that brought one."""
    return idle_trials(trials, spec.directions)


def limits(spec: SweepSpec) -> Budget:
    """The budget of a sweep; without a space there is one trial."""
    return Budget(**{**spec.budget.model_dump(), "trials": spec.trials})
