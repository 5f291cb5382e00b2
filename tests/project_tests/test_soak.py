"""The soak at its smallest: an undisturbed sweep, a disturbed one, and the page that compares them."""

from pathlib import Path

import pytest


@pytest.mark.cluster
def test_a_disturbed_sweep_is_compared_with_an_undisturbed_one(tmp_path: Path) -> None:
    from tests.soak.__main__ import main

    out = tmp_path / "page.md"
    small = ["--trials", "3", "--kills", "1", "--damages", "1", "--executors", "inprocess"]
    assert main([*small, "--work", str(tmp_path / "sweeps"), "--out", str(out)]) == 0
    page = out.read_text()
    assert "| in process | 3 | 3 | 0 | 0 |" in page
    assert "**Answer:** No: every table is that of the undisturbed sweep." in page
