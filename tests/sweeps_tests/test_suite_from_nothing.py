"""A suite from nothing to its page: three methods on two data sets, with real runs, calibration and comparison."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml

from acgkd.method import Stage
from acgkd.run.bookkeeping import clocks
from sweeps.cli.app import main
from sweeps.executors.inprocess import InProcess
from sweeps.spec.loading import load
from sweeps.suites import pace
from sweeps.suites.suite import Suite, run_suite

GRAPHS = {"graphs": 8, "steps": 4}
TRANSFER = {"steps": 4, "batch_size": 8}
SMALL = {"recipe": "compact", "steps": 4, "batch_size": 8, "generator": {"latent": 4, "width": 4}}
SUITE: dict[str, Any] = {
    "name": "tiny",
    "replicates": {"seeds": [0]},
    "suite": {
        "budgets": ["own", "equal_seconds"],
        "methods": [
            {"name": "acgkd", "synthesis": GRAPHS, "transfer": {**TRANSFER, "projection": "none"}},
            {"name": "gfkd", "synthesis": {**GRAPHS, "decay_every": 2}, "transfer": TRANSFER},
            {"name": "dfad_gnn", "transfer": {"steps": 10}, "budgets": "equal_seconds"},
            {"name": "rdskd", "synthesis": SMALL, "transfer": TRANSFER},
            "random_graphs",
            {"name": "noise", "synthesis": {"recipe": "compact"}},
        ],
        "datasets": [
            {"name": "motifs", "options": {"graphs": 24}},
            {"name": "digits", "options": {"size": 32}},
        ],
        "pairs": [
            {"teacher": {"preset": "gin-2-8", "epochs": 1}, "student": "gin-2-8"},
            {"teacher": {"preset": "lenet5-half", "epochs": 1, "batch_size": 256}, "student": "lenet5-half"},
        ],
    },
}
GRAPH_SWEEP, IMAGE_SWEEP = "tiny-motifs-gin-2-8-gin-2-8", "tiny-digits-lenet5-half-lenet5-half"


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.mktemp("suites") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "TIMED_S", 0.002)
        patch.setattr(pace, "ROUNDS", 2)
        patch.setattr(pace, "TURNS", 2)
        return run_suite(SUITE, folder, executor=InProcess(), on_progress=None)


def test_every_row_ran_on_every_data_set_of_its_kind(suite: Suite) -> None:
    status = suite.status()
    assert status.states == {"completed": 2}
    assert (status.done, status.runs) == (7, 7)
    assert list(suite.sweeps) == [GRAPH_SWEEP, IMAGE_SWEEP]
    assert suite.outcome is not None
    assert suite.outcome.sound
    assert repr(suite).startswith("Suite('tiny', 2 completed, 7 of 7 runs")


def test_the_sweeps_are_ordinary_ones_whose_specs_lie_in_them(suite: Suite) -> None:
    for name, folder in suite.sweeps.items():
        kept = json.loads((folder / "sweep.json").read_text())
        assert load(folder / "spec.yaml").fingerprint() == kept["fingerprint"]
        assert kept["name"] == name
    assert yaml.safe_load((suite.folder / "suite.yaml").read_text())["suite"]["budgets"] == ["own", "equal_seconds"]


def test_steps_are_those_that_take_the_seconds_of_the_reference(suite: Suite) -> None:
    found = {item.row: item for item in suite.calibrations}
    assert set(found) == {"gfkd (equal seconds)", "dfad_gnn"}
    for item in found.values():
        assert item.source == "measured"
        assert item.steps is not None
        assert item.step_s is not None
        assert item.target_s is not None
        assert item.steps == pace_steps(item.target_s / item.step_s)
        assert item.lowest_s is not None
        assert item.highest_s is not None
        assert item.lowest_s <= item.step_s <= item.highest_s
        assert item.machine.endswith("1 thread of its CPU, in CPU seconds")
    assert found["dfad_gnn"].stage == "joint"
    assert found["dfad_gnn"].target_s > found["gfkd (equal seconds)"].target_s  # the reference's transfer is in it
    spec = load(suite.sweeps[GRAPH_SWEEP] / "spec.yaml")
    gfkd = spec.control_config("gfkd (equal seconds)").method
    steps = found["gfkd (equal seconds)"].steps
    assert gfkd.synthesis["steps"] == steps
    assert gfkd.synthesis["decay_every"] == max(1, round(steps / 2))
    assert spec.control_config("gfkd").method.synthesis["steps"] == GRAPHS["steps"]
    assert spec.control_config("dfad_gnn").method.transfer["steps"] == found["dfad_gnn"].steps


def test_every_run_that_is_begun_is_timed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "TIMED_S", 0.0)
    begun: list[list[int]] = []

    def begin() -> Any:
        begun.append(steps := [])
        run = SimpleNamespace(stages=(Stage("synthesis", 4, judged=False),), step=lambda: steps.append(1))
        return SimpleNamespace(method_run=run, context=SimpleNamespace(device=torch.device("cpu")))

    timed = pace._Timed(begin)
    for _ in range(4):  # each an untimed step and a timed one
        timed.round()
    assert [len(steps) for steps in begun] == [4, 4]


@pytest.mark.parametrize(("threads", "clock"), [(1, "cpu_seconds"), (2, "perf_counter")])
def test_on_one_thread_a_step_takes_the_seconds_of_the_cpu_whatever_else_runs(
    threads: int, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {"cpu_seconds": 0.0, "perf_counter": 0.0}

    def step() -> None:
        seconds["cpu_seconds"] += 0.2
        seconds["perf_counter"] += 5.0

    stages = (Stage("synthesis", 100, judged=False),)
    run = SimpleNamespace(method_run=SimpleNamespace(stages=stages, step=step))
    run.context = SimpleNamespace(device=torch.device("cpu"))
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(clocks, "cpu_seconds", lambda: seconds["cpu_seconds"])
    monkeypatch.setattr(pace.time, "perf_counter", lambda: seconds["perf_counter"])
    timed = pace._Timed(lambda: run)
    timed.round()
    assert timed.rounds == [pytest.approx({"cpu_seconds": 0.2, "perf_counter": 5.0}[clock])]


def test_a_step_that_waits_ends_its_round_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST_S", 0.0)
    monkeypatch.setattr(clocks, "cpu_seconds", lambda: 0.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    stages = (Stage("synthesis", 100, judged=False),)
    run = SimpleNamespace(method_run=SimpleNamespace(stages=stages, step=lambda: None))
    run.context = SimpleNamespace(device=torch.device("cpu"))
    timed = pace._Timed(lambda: run)
    timed.round()
    assert timed.rounds == [0.0]


def pace_steps(steps: float) -> int:
    return max(1, round(float(f"{steps:.2g}")))


def test_the_same_command_finds_nothing_to_do_and_writes_the_page(
    suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str], without_figures: None
) -> None:
    folder, file = tmp_path / "tiny", tmp_path / "tiny.yaml"
    shutil.copytree(suite.folder, folder)
    file.write_text(json.dumps(SUITE))  # which is YAML without anchors
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("records/*")}
    assert main(["run", str(file), "--in-process", "--out", str(folder)]) == 0
    said = "".join(capsys.readouterr().out.split())
    assert "Nothingislefttodo." in said
    for page in ("comparison", "comparison-rdskd"):
        assert f"Comparison:{folder / page / 'report.html'}" in said
        assert (folder / page / "report.html").is_file()
    text = (folder / "comparison" / "report.md").read_text()
    assert "gfkd (equal seconds)" in text
    assert "Calibration" in text
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("records/*")} == before
    assert Suite(folder).calibrations == suite.calibrations


@pytest.mark.usefixtures("whole_reports")
def test_commands_read_the_suite_as_they_read_sweeps(
    suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str], without_figures: None
) -> None:
    import analysis

    assert set(analysis.load(suite.folder).rows["source"]) == {GRAPH_SWEEP, IMAGE_SWEEP}
    assert set(suite.compare().rows["column"]) == {"motifs", "digits"}
    assert main(["report", str(suite.folder), "--out", str(tmp_path / "report")]) == 0
    assert "Methods: tiny-digits" in (tmp_path / "report" / "report.md").read_text()
    assert main(["status", str(suite.folder)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "completed, 5 of 5 runs" in said
    assert "calibrated 2 rows" in said


def test_given_steps_are_taken_and_nothing_is_timed(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweeps.suites.calibration import by_row, calibrated, known_rows
    from sweeps.suites.suite_loading import load_suite

    given = load_suite(SUITE, {"suite/calibrated": {"motifs": {"gfkd": 8}}})
    member = given.members[0]
    known = known_rows(member, given.section.calibrated, by_row(suite.calibrations))
    assert {(item.row, item.source) for item in known} == {("gfkd (equal seconds)", "given"), ("dfad_gnn", "measured")}
    spec = calibrated(member, by_row(known)).spec()
    assert spec.control_config("gfkd (equal seconds)").method.synthesis == {**GRAPHS, "steps": 8, "decay_every": 4}
    # What was timed holds as long as nothing that decides a row's seconds has changed.
    slower = load_suite(SUITE, {"suite/methods/0/synthesis/steps": 5}).members[0]
    assert known_rows(slower, {}, by_row(suite.calibrations)) == []
    more = load_suite(SUITE, {"replicates/seeds": [0, 1]}).members[0]
    assert len(known_rows(more, {}, by_row(suite.calibrations))) == 2


def test_a_packed_suite_is_unpacked_and_continued(
    suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, file, folder = tmp_path / "tiny.parquet", tmp_path / "tiny.yaml", tmp_path / "again"
    assert main(["pack", str(suite.folder), "--out", str(packed)]) == 0
    steps = {item.row.removesuffix(" (equal seconds)"): item.steps for item in suite.calibrations}
    given = {**SUITE, "suite": {**SUITE["suite"], "calibrated": {"motifs": steps}}}
    file.write_text(json.dumps(given))
    assert main(["unpack", str(packed), "--spec", str(file), "--out", str(folder)]) == 0
    assert "left out" not in capsys.readouterr().out
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("records/*.json")}
    assert len(before) == 9  # of seven runs, and of two teachers
    again = run_suite(given, folder, executor=InProcess(), on_progress=None)
    assert again.status().states == {"completed": 2}
    assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("records/*.json")} == before

    file.write_text(json.dumps({**given, "name": "other"}))
    assert main(["unpack", str(packed), "--spec", str(file), "--out", str(tmp_path / "other")]) == 2
    assert "but none of the sweeps of `other`" in " ".join(capsys.readouterr().err.split())
