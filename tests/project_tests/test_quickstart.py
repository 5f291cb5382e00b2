"""The quickstart keeps what the README says of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from analysis.reports import pareto_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.ray
def test_the_chosen_trial_recovers_most_and_random_graphs_clearly_less(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "acgkd"), "run", "specs/quickstart.yaml", "--out", str(tmp_path / "sweep")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert "report.html" in done.stdout
    assert (tmp_path / "sweep/report/report.html").exists()
    table = pareto_table(tmp_path / "sweep").set_index("label")
    chosen = table[table["chosen"]]
    assert len(chosen) == 1
    assert float(chosen["share"].iloc[0]) >= 0.7
    assert float(table.loc["random_graphs", "share"]) <= 0.35
    assert float(table.loc["teacher", "test_accuracy"]) >= 0.9
    assert table[table["trial"].notna()].shape[0] == 10
