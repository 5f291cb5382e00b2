"""The quickstarts keep what the README says of them."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis.reports import pareto_table

ROOT = Path(__file__).resolve().parents[2]


def run(name: str, folder: Path) -> pd.DataFrame:
    """Runs a shipped spec as the README says; the table of its trials and controls by label."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "acgkd"), "run", f"specs/{name}.yaml", "--out", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert "report.html" in done.stdout
    assert (folder / "report/report.html").exists()
    return pareto_table(folder).set_index("label")


@pytest.mark.slow
@pytest.mark.ray
def test_the_chosen_trial_recovers_most_and_random_graphs_clearly_less(tmp_path: Path) -> None:
    table = run("quickstart", tmp_path / "sweep")
    chosen = table[table["chosen"]]
    assert len(chosen) == 1
    assert float(chosen["share"].iloc[0]) >= 0.9
    assert float(table.loc["random_graphs", "share"]) <= 0.35
    assert float(table.loc["teacher", "test_accuracy"]) >= 0.9
    assert table[table["trial"].notna()].shape[0] == 10


@pytest.mark.slow
@pytest.mark.ray
def test_on_images_the_chosen_trial_recovers_most_and_noise_clearly_less(tmp_path: Path) -> None:
    table = run("digits", tmp_path / "sweep")
    share = table["share"].astype(float)
    chosen = share[table["chosen"]]
    assert len(chosen) == 1
    assert chosen.iloc[0] >= 0.85
    assert share["noise"] <= chosen.iloc[0] - 0.15
    assert share["real_data"] >= 0.95
    assert float(table.loc["teacher", "test_accuracy"]) >= 0.95
    assert table[table["trial"].notna()].shape[0] == 12
    assert "Pseudo-images of trial" in (tmp_path / "sweep/report/report.html").read_text()
