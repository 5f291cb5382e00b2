"""A suite on Ray, as its user runs it: by command, killed in its second sweep, and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import analysis
from sweeps.executors.inprocess import InProcess
from sweeps.suites.suite import open_suite, run_suite

pytestmark = [pytest.mark.ray, pytest.mark.cluster, pytest.mark.timeout(1200)]

SUITE: dict[str, Any] = {
    "name": "tiny",
    "resources": {"cpu": 1},
    "replicates": {"seeds": [0, 1]},
    "suite": {
        "budgets": "own",
        "methods": [
            {"name": "acgkd", "synthesis": {"graphs": 20, "steps": 40}, "transfer": {"steps": 60, "batch_size": 8}},
            "random_graphs",
        ],
        "datasets": [
            {"name": "motifs", "options": {"graphs": 24}},
            {"name": "motifs", "label": "others", "options": {"graphs": 30}},
        ],
        "pairs": [{"teacher": {"preset": "gin-2-8", "epochs": 1}, "student": "gin-2-8"}],
    },
}
IDENTITY = ["source", "kind", "label", "trial", "seed"]
LIMIT_S = 500


def test_a_killed_suite_on_ray_resumes_to_the_table_of_one_process(tmp_path: Path) -> None:
    spec, folder = tmp_path / "tiny.yaml", tmp_path / "tiny"
    spec.write_text(yaml.safe_dump(SUITE))
    line = [sys.executable, "-m", "acgkd", "run", str(spec), "--out", str(folder)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as first:
        until = time.monotonic() + LIMIT_S
        while not list(folder.glob("sweeps/tiny-others-*/records/*.json")):
            assert first.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        os.killpg(first.pid, signal.SIGKILL)
    kept = {path: path.read_bytes() for path in folder.glob("sweeps/*/records/*.json")}
    done = subprocess.run(line, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert open_suite(folder).status().states == {"completed": 2}
    assert kept.items() <= {path: path.read_bytes() for path in folder.glob("sweeps/*/records/*.json")}.items()
    whole = run_suite(spec, tmp_path / "whole", executor=InProcess(), on_progress=None)
    pd.testing.assert_frame_equal(outcomes(folder), outcomes(whole.folder))


def outcomes(folder: Path) -> pd.DataFrame:
    """Of all replicates of all sweeps, without what differs from run to run."""
    rows = analysis.load(*sorted((folder / "sweeps").iterdir())).rows
    return rows[[*IDENTITY, "test_accuracy", "validation_divergence"]].sort_values(IDENTITY, ignore_index=True)
