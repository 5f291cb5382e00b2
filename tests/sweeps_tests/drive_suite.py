"""Runs a suite on the fake experiments: `python drive_suite.py FOLDER '{"delay_s": 0.05}'`."""

import json
import sys
from pathlib import Path
from typing import Any

import fake_experiments

from sweeps.executors.inprocess import InProcess
from sweeps.suites.running import SuiteOutcome, run_members
from sweeps.suites.suite_loading import load_suite

SUITE: dict[str, Any] = {
    "name": "fakes",
    "replicates": {"seeds": [0, 1]},
    "suite": {
        "methods": ["acgkd", "gfkd", "random_graphs"],
        "datasets": ["motifs", {"name": "motifs", "label": "others", "options": {"graphs": 60}}],
        "pairs": [{"teacher": "gin-2-8", "student": "gin-2-8"}],
    },
}


class Fakes(fake_experiments.FakeExperiments):
    """Fakes whose runs have options that no setting of a method says.

    Args:
        options: of all runs.
        only: what the name of a sweep has to end in for them to hold; empty: of all.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self.options = options

    def experiment(self, config: Any, seed: int, home: Path) -> Any:
        made = super().experiment(config, seed, home)
        made.options |= {"steps": 20, **self.options}
        return made


def run(folder: Path, options: dict[str, Any] | None = None, suite: dict[str, Any] | None = None) -> SuiteOutcome:
    return run_members(
        load_suite(suite or SUITE), folder, InProcess(), experiments_of=lambda member: Fakes(options or {})
    )


if __name__ == "__main__":
    outcome = run(Path(sys.argv[1]), json.loads(sys.argv[2]))
    raise SystemExit(130 if outcome.interrupted else 0 if outcome.sound else 1)
