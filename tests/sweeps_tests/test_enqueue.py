"""`acgkd enqueue` and `Sweep.enqueue`: a point of the user's becomes the next trial, once, whatever is killed when."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from acgkd.errors import SpecError
from analysis import reports
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.checks.point_check import check_point
from sweeps.store.folder import SweepFolder
from sweeps.store.point_queue import PointQueue
from sweeps.sweep import Sweep

HERE = Path(__file__).parent
RATE, WIDTH, KIND, DEPTH = (f"method/synthesis/{name}" for name in ("rate", "width", "kind", "depth"))
WHOLE = {RATE: 0.25, WIDTH: 3, KIND: "b", DEPTH: 0.5}


def go(lab: ModuleType, folder: Path, watch: Any = None, **changes: Any) -> Any:
    return run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments(), watch=watch)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    shown = capsys.readouterr()
    return " ".join((shown.out + shown.err).split())


def test_a_point_is_run_first_and_counts(lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "s"
    go(lab, folder, trials=2)
    assert main(["enqueue", str(folder), f"{RATE}=0.25", "method.synthesis.width=3", "synthesis/kind=b"]) == 0
    shown = said(capsys)
    assert f"Enqueued: {RATE}=0.25, {WIDTH}=3, {KIND}=b" in shown
    assert "the next `acgkd run` runs it first" in shown
    assert SweepFolder(folder).status().enqueued == 1
    assert main(["status", str(folder)]) == 0
    assert "1 point, run before anything is suggested" in said(capsys)

    summary = go(lab, folder, trials=4)
    assert summary.trials_started == 2
    found = lab.trials(folder)
    assert [trial["number"] for trial in found] == [0, 1, 2, 3]
    assert [bool(trial["enqueued"]) for trial in found] == [False, False, True, False]
    assert {name: found[2]["parameters"][name] for name in (RATE, WIDTH, KIND)} == {RATE: 0.25, WIDTH: 3, KIND: "b"}
    assert 0.1 <= found[2]["parameters"][DEPTH] <= 1.0  # suggested
    assert found[2]["state"] == "completed"
    assert PointQueue(SweepFolder(folder)).waiting() == []
    assert "trial 2: enqueued by the user" in (folder / "logs" / "driver.log").read_text()
    labels = list(reports.pareto_table(folder)["label"])
    assert [label for label in labels if "enqueued" in label] == ["trial 2 (enqueued)"]


def test_where_the_budget_is_met_it_is_run_all_the_same(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2)
    Sweep(tmp_path).enqueue(WHOLE)
    summary = go(lab, tmp_path, trials=2)
    assert not summary.nothing_to_do
    assert summary.counts == {"completed": 3}
    assert lab.trials(tmp_path)[2]["parameters"] == WHOLE
    assert go(lab, tmp_path, trials=2).nothing_to_do


def test_while_a_driver_runs_it_is_the_next_trial(lab: ModuleType, tmp_path: Path) -> None:
    points = [{**WHOLE, WIDTH: width} for width in (5, 6)]

    def watch(snapshot: Any) -> None:
        if snapshot.finished == 1 and points:
            for point in points:
                Sweep(tmp_path).enqueue(point)
            points.clear()

    go(lab, tmp_path, watch, trials=5)
    found = lab.trials(tmp_path)
    assert len(found) == 5
    assert [trial["number"] for trial in found if trial["enqueued"]] in ([1, 2], [2, 3])
    assert [trial["parameters"][WIDTH] for trial in found if trial["enqueued"]] == [5, 6]


def test_a_point_that_is_there_is_run_again_with_a_note(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = {KIND: {"type": "categorical", "choices": ("a", "b")}}
    go(lab, tmp_path, trials=5, space=space, sampler={"name": "grid"})
    assert len(lab.trials(tmp_path)) == 2
    assert main(["enqueue", str(tmp_path), "synthesis/kind=b"]) == 0
    assert "there is such a trial already" in said(capsys)
    go(lab, tmp_path, trials=5, space=space, sampler={"name": "grid"})
    found = lab.trials(tmp_path)
    assert [trial["parameters"][KIND] for trial in found[2:]] == ["b"]
    # In the same start, after the grid has come to its end.
    points = [{KIND: "a"}, {KIND: "b"}]

    def watch(snapshot: Any) -> None:
        while points and snapshot.finished == 2:
            Sweep(tmp_path / "live").enqueue(points.pop())

    go(lab, tmp_path / "live", watch, trials=9, space=space, sampler={"name": "grid"})
    assert len(lab.trials(tmp_path / "live")) == 4


@pytest.mark.parametrize(
    ("values", "law"),
    [
        ([f"{RATE}=2"], "must be 0 to 1, but got 2"),
        ([f"{RATE}=fast"], "must be a number, 0 to 1, but got 'fast'"),
        ([f"{WIDTH}=1.5"], "must be 1 to 8, but got 1.5"),
        ([f"{WIDTH}=true"], "must be a whole number, 1 to 8, but got true"),
        ([f"{KIND}=c"], "must be one of a, b, but got 'c'"),
        (["method/synthesis/raet=0.5"], "Did you mean 'method/synthesis/rate'?"),
        ([f"{DEPTH}=0.5"], f"asked for only where `{KIND}` is 'b'. Give that too."),
        ([f"{DEPTH}=0.5", f"{KIND}=a"], "conditions contradict the other values"),
        ([RATE], f"given as `path=value`, but got '{RATE}'"),
        ([f"{RATE}=0.5", f"{RATE}=0.6"], "more than once"),
        ([f"{RATE}=0.5", "synthesis.rate=0.6"], "more than once"),
        ([f"{RATE}=.inf"], "Numbers must be finite"),
    ],
)
def test_what_is_no_point_of_the_space_is_refused(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], values: list[str], law: str
) -> None:
    go(lab, tmp_path, trials=1)
    assert main(["enqueue", str(tmp_path), *values]) == 2
    assert law in said(capsys)
    assert not (tmp_path / "queue").exists()
    if all("=" in text for text in values) and len({text.split("=")[0] for text in values}) == len(values):
        given = {path: yaml.safe_load(value) for path, value in (text.split("=") for text in values)}
        with pytest.raises(SpecError) as caught:
            Sweep(tmp_path).enqueue(given)
        assert law in str(caught.value)


def test_a_sweep_without_a_space_has_no_points(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go(lab, tmp_path, trials=None, space=None)
    assert main(["enqueue", str(tmp_path), f"{RATE}=0.5"]) == 2
    assert "this sweep has no `space`" in said(capsys)
    with pytest.raises(SpecError, match="no `space`"):
        Sweep(tmp_path).enqueue({})


def test_values_are_written_as_the_space_writes_them(lab: ModuleType) -> None:
    space = {
        RATE: {"type": "float", "low": 0.1, "high": 0.9, "step": 0.1},
        WIDTH: {"type": "int", "low": 2, "high": 64, "log": True},
        KIND: {"type": "categorical", "choices": (None, True, 4)},
    }
    spec = lab.make_spec(space=space)
    assert check_point(spec, {RATE: 0.1 + 0.2, WIDTH: 8.0, KIND: 4.0}) == ({RATE: 0.3, WIDTH: 8, KIND: 4}, [])
    assert check_point(spec, {KIND: None})[1] == []
    assert "0.1 to 0.9 in steps of 0.1" in check_point(spec, {RATE: 0.25})[1][0].message
    assert check_point(spec, {KIND: 1})[1] != []  # true is not 1
    assert check_point(spec, {})[1] != []


@pytest.mark.parametrize("space", ["smoke", "acgkd_default", "acgkd_wide", "image_methods"])
def test_a_drawn_point_of_a_shipped_space_is_one(lab: ModuleType, space: str) -> None:
    from sweeps.spec.space_survey import draw

    spec = lab.make_spec(space=space)
    for seed in range(5):
        point = draw(spec.suggest, seed)
        values, faults = check_point(spec, point)
        assert faults == []
        assert values == pytest.approx(point)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "qmc"])
def test_with_a_lag_a_resumed_sweep_asks_the_same_points(lab: ModuleType, tmp_path: Path, sampler: str) -> None:
    def enqueue_at(folder: Path, count: int) -> None:
        if count == 3:
            Sweep(folder).enqueue({RATE: 0.25, KIND: "b"})

    changes: dict[str, Any] = {"seeds": (0,), "sampler": {"name": sampler, "startup_trials": 3, "lag": 1}}
    for count in range(1, 9):  # a start for each trial
        go(lab, tmp_path / "many", trials=count, **changes)
        enqueue_at(tmp_path / "many", count)
    go(lab, tmp_path / "one", trials=3, **changes)
    enqueue_at(tmp_path / "one", 3)
    go(lab, tmp_path / "one", trials=8, **changes)
    assert lab.table(tmp_path / "many") == lab.table(tmp_path / "one")
    found = lab.trials(tmp_path / "many")
    assert [trial["number"] for trial in found if trial["enqueued"]] == [3]
    assert [trial["parameters"] for trial in found] == [trial["parameters"] for trial in lab.trials(tmp_path / "one")]


KILLED = """
import json, os, signal, sys
from pathlib import Path
from fake_experiments import FakeExperiments, make_spec
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.folder import SweepFolder
from sweeps.store.point_queue import PointQueue

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

when, folder = sys.argv[1], Path(sys.argv[2])
write = SweepFolder.note_trial
if when == "before the trial is written":
    SweepFolder.note_trial = lambda self, trial: die() if trial.enqueued else write(self, trial)
elif when == "before the file is removed":
    PointQueue.remove = die
elif when == "while it runs":
    SweepFolder.commit_record = lambda self, name, record, **more: die() if name == "trial-0001" else True
run_sweep(make_spec(trials=4), folder, InProcess(), experiments=FakeExperiments())
"""


@pytest.mark.parametrize("when", ["before the trial is written", "before the file is removed", "while it runs"])
def test_a_killed_driver_loses_and_doubles_no_point(lab: ModuleType, tmp_path: Path, when: str) -> None:
    go(lab, tmp_path, trials=1)
    Sweep(tmp_path).enqueue(WHOLE)
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-c", KILLED, when, str(tmp_path)]
    assert subprocess.run(command, env=environment, check=False, timeout=120).returncode == -9
    left = PointQueue(SweepFolder(tmp_path)).waiting()
    assert len(left) == (0 if when == "while it runs" else 1)
    go(lab, tmp_path, trials=4)
    found = lab.trials(tmp_path)
    assert [trial["number"] for trial in found] == [0, 1, 2, 3]
    assert [trial["parameters"] == WHOLE for trial in found] == [False, True, False, False]
    assert [bool(trial["enqueued"]) for trial in found] == [False, True, False, False]
    assert PointQueue(SweepFolder(tmp_path)).waiting() == []
    assert {trial["state"] for trial in found} == {"completed"}


def test_a_second_process_enqueues_while_a_driver_runs(lab: ModuleType, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    changes = json.dumps({"trials": 4, "seeds": [0], "transfer": {"steps": 20, "delay_s": 0.04}})
    command = [sys.executable, str(HERE / "drive.py"), "inprocess", str(tmp_path), changes]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as driver:
        end = time.monotonic() + 60
        while not lab.trials(tmp_path) and time.monotonic() < end:
            time.sleep(0.1)
        assert main(["enqueue", str(tmp_path), *(f"{name}={value}" for name, value in WHOLE.items())]) == 0
        assert driver.wait(60) == 0
    found = lab.trials(tmp_path)
    assert len(found) == 4
    assert [trial["parameters"] for trial in found if trial["enqueued"]] == [WHOLE]


@pytest.mark.parametrize("content", ["{", "{}", '{"parameters": {"method/synthesis/rate": 7}}'])
def test_a_file_that_holds_no_point_stops_nothing(lab: ModuleType, tmp_path: Path, content: str) -> None:
    go(lab, tmp_path, trials=1)
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "0001.json").write_text(content)
    assert go(lab, tmp_path, trials=2).counts == {"completed": 2}
    assert (tmp_path / "logs" / "refused-0001.json").read_text() == content
    assert "0001.json in the queue is no point of this sweep" in (tmp_path / "logs" / "driver.log").read_text()
    assert PointQueue(SweepFolder(tmp_path)).waiting() == []
