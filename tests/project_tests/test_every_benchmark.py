"""Every script in benchmarks/ runs, at a tiny size and through its own `main`, and writes what it promises."""

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
LONG = {"overhead": pytest.mark.cluster}


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
    assert sum(len(path.read_text().splitlines()) for path in files) < 2720


@pytest.mark.slow
@pytest.mark.ray
def test_overhead_is_compared_with_ray_tune(tmp_path: Path) -> None:
    measure_overhead(tmp_path / "page.md", "ours", "ray-optuna")
    page = (tmp_path / "page.md").read_text()
    five = [line.partition(":**")[0].removeprefix("* ") for line in page.splitlines()[2:7]]
    assert five == ["**Question", "**Answer", "**Figure", "**Caveat", "**Command"]
    assert page.count("| Ray Tune, well configured, with OptunaSearch | 2 | ") == 2
