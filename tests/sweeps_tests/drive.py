"""Starts a sweep of the fake experiments in a process of its own: `drive.py EXECUTOR FOLDER '{"trials": 6}'`."""

import json
import sys
from pathlib import Path

from fake_experiments import FakeExperiments, make_spec

from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.executors.ray.executor import Ray


def main() -> int:
    executor, folder, changes = sys.argv[1:4]
    spec = make_spec(**json.loads(changes))

    def watch(shown: object) -> None:
        if len(sys.argv) > 4:
            print(json.dumps({"counts": shown.counts, "running": len(shown.running)}), flush=True)  # type: ignore[attr-defined]

    summary = run_sweep(
        spec, Path(folder), Ray() if executor == "ray" else InProcess(), experiments=FakeExperiments(), watch=watch
    )
    print(json.dumps({"counts": summary.counts, "interrupted": summary.interrupted, "started": summary.trials_started}))
    return 130 if summary.interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
