"""`acgkd run` on the fake experiments in a process of its own: `drive_cli.py CHANGES --out DIR`, changes as JSON."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from fake_experiments import FakeExperiments, make_spec

from acgkd import __main__
from sweeps.cli.commands import check
from sweeps.spec import advisories, loading, raw
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import AcgkdExperiments


def slow_import(*_: Any) -> Any:
    """Stands for the seconds in which a command only imports."""
    print("importing", flush=True)
    time.sleep(float(os.environ["FAKE_IMPORT_S"]))


def stand_ins(spec: SweepSpec) -> list[tuple[Any, str, Any]]:
    """What lets the command run a sweep of the fake experiments, whatever file it is given: places, names, values."""
    return [
        (raw, "read_tree", lambda *_: raw.SpecTree("fake", {}, {}, "name: fake\n")),
        (loading, "check_tree", lambda *_: spec),
        (check, "print_summary", lambda *_: None),
        (advisories, "notes", lambda *_: []),
        (AcgkdExperiments, "of", lambda *_: FakeExperiments()),
    ]


def main() -> int:
    replaced = stand_ins(make_spec(**json.loads(sys.argv.pop(1))))
    sys.argv.insert(1, "run")
    sys.argv.insert(2, str(Path(__file__)))  # any file: its text is not read
    if "FAKE_IMPORT_S" in os.environ:
        replaced.append((loading, "check_tree", slow_import))
    for place, name, value in replaced:
        setattr(place, name, value)
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
