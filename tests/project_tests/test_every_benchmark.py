"""Every script in benchmarks/ runs, at a tiny size and through its own `main`, and writes what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from acgkd.run.reference_pool import PRESETS
from tests.benchmark_smokes import SMOKES, Stage, measure_overhead
from tests.image_scripts import HOME

SCRIPTS = sorted(path.stem for path in HOME.glob("[!_]*/[!_]*.py"))
RESULTS = HOME.parent / "docs" / "results"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An empty folder, and references that cost little."""
    # Process-wide, and there is no way back.
    monkeypatch.setattr("acgkd.runtime.keep_freed_memory", lambda: True)
    # What students are judged by may be as poor as they are.
    tiny = {kind: tuple((name, {**how, "steps": 2}) for name, how in pool) for kind, pool in PRESETS.items()}
    monkeypatch.setattr("acgkd.run.reference_pool.PRESETS", tiny)
    return Stage(tmp_path, monkeypatch)


# The one whose tiny run takes longest.
LONG = {"overhead": [pytest.mark.cluster, pytest.mark.timeout(900)]}


@pytest.mark.parametrize("script", [pytest.param(name, marks=LONG.get(name, ())) for name in SCRIPTS])
def test_it_runs_at_a_tiny_size_and_writes_what_it_promises(script: str, stage: Stage) -> None:
    assert script in SMOKES, f"{script}.py in benchmarks/ has no tiny run: add one to tests/benchmark_smokes.py."
    before = {path: path.stat().st_mtime_ns for path in RESULTS.rglob("*")}
    SMOKES[script](stage)
    assert {path: path.stat().st_mtime_ns for path in RESULTS.rglob("*")} == before, "that is no place for a tiny run"


def test_no_tiny_run_is_of_a_script_that_is_gone() -> None:
    assert set(SMOKES) == set(SCRIPTS)


def test_scripts_are_short_because_sweeps_suites_and_templates_do_the_rest() -> None:
    files = [path for path in HOME.rglob("*") if path.suffix in (".py", ".sh")]
    assert sum(len(path.read_text().splitlines()) for path in files) < 2760


@pytest.mark.slow
@pytest.mark.ray
def test_overhead_is_compared_with_ray_tune(tmp_path: Path) -> None:
    measure_overhead(tmp_path / "page.md", "ours", "ray-optuna")
    page = (tmp_path / "page.md").read_text()
    five = [line.partition(":**")[0].removeprefix("* ") for line in page.splitlines()[2:7]]
    assert five == ["**Question", "**Answer", "**Figure", "**Caveat", "**Command"]
    assert page.count("| Ray Tune, well configured, with OptunaSearch | 2 | ") == 2


def test_the_page_of_overhead_has_each_target_where_it_is_missed(tmp_path: Path) -> None:
    plain = {"load": 1.0, "gap_s": 0.1, "startup_s": 1.0, "shutdown_s": 1.0, "work": 0.0, "second_s": 0.05}
    rows = [
        {"trials": trials, "round": 0, "case": case, "longer_s": longer, "cpu_s": longer, "drift": 1.3}
        for trials, case, longer in (
            (100, "ours", 0.02),
            (100, "ray-optuna", 0.01),
            (1000, "ours", 0.03),
            (1000, "ray-optuna", 0.03),
        )
    ]
    (tmp_path / "lines").write_text("".join(f"{json.dumps(plain | row)}\n" for row in rows))
    asked = ["--runs", "--finished", "--records", str(tmp_path / "lines"), "--out", str(tmp_path / "page.md")]
    subprocess.run([sys.executable, "-m", "benchmarks.speed.overhead", *asked], cwd=HOME.parent, check=True)
    page = (tmp_path / "page.md").read_text()
    assert "an empty trial on two workers of Ray takes 2.00 (of 100), 1.00 (of 1,000) times the wall time" in page
    assert "the target of 1.5 is **missed** in the worst of them" in page
    assert "Flat within 1,000, last tenth against second at most 1.2: 1.30, **missed**." in page
    assert "The second worker begins its first trial 50 ms after the first one does" in page
