"""Starts a sweep of the fake experiments in a process of its own: `drive.py EXECUTOR FOLDER '{"trials": 6}'`.

EXECUTOR is `inprocess`, `ray`, or `ray@HOST:PORT` for a cluster that is there. The environment's `FAKE_SECONDS` sets
constants of modules, so that tests wait for less: `{"sweeps.worker.watchdog.GRACE_S": 1}`.
"""

import fcntl
import json
import os
import sys
from importlib import import_module
from pathlib import Path

from fake_experiments import FakeExperiments, make_spec

from acgkd.errors import RayLostError
from acgkd.exit_codes import ExitCode
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.executors.ray.executor import Ray


def main() -> int:
    executor, folder, changes = sys.argv[1:4]
    if os.environ.get("FAKE_NO_LOCKS"):  # as on a network filesystem whose locks do nothing
        fcntl.flock = lambda *_: None
    for name, seconds in json.loads(os.environ.get("FAKE_SECONDS", "{}")).items():
        module, _, constant = name.rpartition(".")
        vars(import_module(module)).update({constant: seconds})
    spec = make_spec(**json.loads(changes))

    def watch(shown: object) -> None:
        if len(sys.argv) > 4:
            print(json.dumps({"counts": shown.counts, "running": len(shown.running)}), flush=True)  # type: ignore[attr-defined]

    where = InProcess() if executor == "inprocess" else Ray(executor.partition("@")[2] or "local")
    try:
        summary = run_sweep(spec, Path(folder), where, experiments=FakeExperiments(), watch=watch)
    except RayLostError as error:
        print(error, file=sys.stderr)
        return int(ExitCode.START_AGAIN)
    print(json.dumps({"counts": summary.counts, "interrupted": summary.interrupted, "started": summary.trials_started}))
    return 130 if summary.interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
