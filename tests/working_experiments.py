"""The tests' experiments with a function as their only step: what a sweep takes beyond the work of its trials."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sweeps_tests.fake_experiments import FakeExperiment, FakeExperiments, FakeMeasurement, FakeRun


class WorkingExperiments(FakeExperiments):
    """They need no torch and write what real ones do.

    Args:
        work: done once by each trial.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.work = work

    def warm_up(self) -> None:
        import torch  # noqa: F401

    def use_threads(self, count: int) -> None:
        import torch

        torch.set_num_threads(1)

    def experiment(self, config: Any, seed: int, home: Path) -> "WorkingExperiment":
        return WorkingExperiment(config, seed, home, self.work)


class WorkingExperiment(FakeExperiment):
    def __init__(self, config: Any, seed: int, home: Path, work: Callable[[], object]) -> None:
        super().__init__(config, seed, home)
        self.work, self.options["steps"] = work, 1

    def note(self, event: str) -> None:
        self.home.mkdir(exist_ok=True)

    def start(self) -> "WorkingRun":
        return WorkingRun(self)

    def measure(self, run: FakeRun) -> FakeMeasurement:
        found = {"agreement": 0.5, "multiply_adds": 1.0}
        return FakeMeasurement({"agreement": 0.5}, {"multiply_adds": 1.0}, objectives=found)


class WorkingRun(FakeRun):
    def advance(self, *, until: float = 1.0, seconds: float | None = None) -> None:
        if not self.done:
            self.experiment.work()  # type: ignore[attr-defined]
        super().advance()
