"""`acgkd run` on the fake experiments in a process of its own: `drive_cli.py CHANGES --out DIR`, changes as JSON."""

import json
import sys
from pathlib import Path
from typing import Any

from fake_experiments import FakeExperiments, make_spec

from acgkd import __main__
from sweeps.cli.commands import check
from sweeps.spec import advisories, loading, raw
from sweeps.worker.experiments import AcgkdExperiments


def main() -> int:
    spec = make_spec(**json.loads(sys.argv.pop(1)))
    sys.argv.insert(1, "run")
    sys.argv.insert(2, str(Path(__file__)))  # any file: its text is not read
    replaced: list[tuple[Any, str, Any]] = [
        (raw, "read_tree", lambda *_: raw.SpecTree("fake", {}, {}, "name: fake\n")),
        (loading, "check_tree", lambda *_: spec),
        (check, "print_summary", lambda *_: None),
        (advisories, "notes", lambda *_: []),
        (AcgkdExperiments, "of", lambda *_: FakeExperiments()),
    ]
    for place, name, value in replaced:
        setattr(place, name, value)
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
