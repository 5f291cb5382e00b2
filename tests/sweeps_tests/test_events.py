"""`events.jsonl`: every end of anything is there once, whatever happened to the driver."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sweeps
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.journal.event_log import EventLog

HERE = Path(__file__).parent
CONTROL = ({"name": "random_graphs", "label": "random_graphs"},)
SLOW = {"delay_s": 0.02, "steps": 40}


def go(lab: ModuleType, folder: Path, **changes: Any) -> Any:
    return run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments(), command="test")


def events(folder: Path, *names: str) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines]
    return [event for event in read if not names or event["event"] in names]


def every_end_is_there_once(folder: Path, lab: ModuleType) -> None:
    """What the trial files and the records say is what the events say."""
    ended = Counter(
        (event["trial"], event["replicate"], event["attempt"], event["outcome"])
        for event in events(folder, "replicate_ended")
        if event["kind"] == "trial"
    )
    assert ended == Counter(
        (trial["number"], attempt["replicate"], attempt["attempt"], attempt["outcome"])
        for trial in lab.trials(folder)
        for attempt in trial["attempts"]
    )
    final = {event["trial"]: event for event in events(folder, "trial_ended")}
    assert len(final) == len(events(folder, "trial_ended"))
    for trial in lab.trials(folder):
        assert final[trial["number"]]["state"] == trial["state"]
        assert list(final[trial["number"]].get("values", {}).values()) == list(trial["values"] or [])
    beside = Counter(
        f"{event['name']}-{event['replicate']:02d}.json"
        for event in events(folder, "replicate_ended")
        if event["kind"] != "trial" and "finished_at" in event
    )
    assert beside == Counter(path.name for path in (folder / "records").glob("[ct][oe]*.json"))
    began, over = events(folder, "sweep_started", "sweep_resumed", "sweep_extended"), events(folder, "sweep_ended")
    assert len(began) == len(over)


def test_a_sweep_tells_its_story(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2, controls=CONTROL)
    every_end_is_there_once(tmp_path, lab)
    assert [event["event"] for event in events(tmp_path)][:3] == ["sweep_started", "replicate_started", "node_joined"]
    for event in events(tmp_path):
        assert event["schema_version"] == 1
        assert datetime.fromisoformat(event["when"]).utcoffset().total_seconds() == 0  # type: ignore[union-attr]
    last = events(tmp_path)[-1]
    assert (last["event"], last["outcome"], last["counts"]) == ("sweep_ended", "completed", {"completed": 2})
    assert "2 trials" in last["message"]
    one = events(tmp_path, "replicate_ended")[-1]
    assert one["host"] == one["node"] == os.uname().nodename
    assert one["seconds"] == 2.5
    assert set(one["values"]) == {"validation_divergence", "multiply_adds"}
    assert events(tmp_path, "trial_suggested")[0]["parameters"] == lab.trials(tmp_path)[0]["parameters"]
    before = (tmp_path / "events.jsonl").read_bytes()
    go(lab, tmp_path, trials=2, controls=CONTROL)  # nothing to do
    assert (tmp_path / "events.jsonl").read_bytes() == before
    go(lab, tmp_path, trials=3, controls=CONTROL)
    assert next(event["event"] for event in events(tmp_path) if event["generation"] == 2) == "sweep_extended"
    every_end_is_there_once(tmp_path, lab)


def test_early_stopping_and_failures_are_there(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path / "pruned", trials=6, scheduler="halving")
    every_end_is_there_once(tmp_path / "pruned", lab)
    assert {event["state"] for event in events(tmp_path / "pruned", "trial_ended")} == {"pruned", "completed"}
    rungs = events(tmp_path / "pruned", "rung_reached")
    decided = Counter((event["trial"], event["rung"], event["promoted"]) for event in rungs)
    assert decided == Counter(
        (trial["number"], rung, entry["promoted"])
        for trial in lab.trials(tmp_path / "pruned")
        for rung, entry in trial["rungs"].items()
    )
    with pytest.raises(sweeps.SweepError):
        go(lab, tmp_path / "failed", trials=9, seeds=(0,), transfer={"fault": "bug"})
    every_end_is_there_once(tmp_path / "failed", lab)
    failed = events(tmp_path / "failed", "replicate_ended")[-1]
    assert (failed["outcome"], failed["cause"]) == ("failed", "trial")
    assert "a bug" in failed["message"]
    assert events(tmp_path / "failed")[-1]["outcome"] == "failed"


@pytest.mark.parametrize("torn", [pytest.param(False, marks=pytest.mark.cluster), True], ids=["whole", "torn"])
def test_a_killed_driver_loses_no_event(lab: ModuleType, tmp_path: Path, torn: bool) -> None:
    folder = tmp_path / "s"
    changes = {"trials": 3, "transfer": SLOW, "controls": CONTROL}
    process = subprocess.Popen(
        [sys.executable, str(HERE / "drive.py"), "inprocess", str(folder), json.dumps(changes)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])},
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 200
        while len(lab.events(folder, "measured")) < 4:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    if torn:  # a whole end went with the line that was torn, and half a line is left
        lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
        keep = max(place for place, line in enumerate(lines) if b"replicate_ended" in line)
        (folder / "events.jsonl").write_bytes(b"".join(lines[:keep]) + lines[keep][:40])
    go(lab, folder, trials=3, transfer=SLOW, controls=CONTROL)
    every_end_is_there_once(folder, lab)
    assert [event["outcome"] for event in events(folder, "sweep_ended")] == ["killed", "completed"]
    assert len(events(folder, "sweep_resumed")) == 1


@pytest.mark.cluster
def test_on_ray_too_every_end_is_there_once(lab: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    changes = {"trials": 4, "transfer": {"fault": "die once"}, "controls": CONTROL}
    line = [sys.executable, str(HERE / "drive.py"), "ray", str(folder), json.dumps(changes)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    assert subprocess.run(line, env=environment, check=False, stdout=subprocess.DEVNULL).returncode == 0
    every_end_is_there_once(folder, lab)
    lost = [event for event in events(folder, "replicate_ended") if event["outcome"] == "lost"]
    assert len([event for event in lost if event["kind"] == "trial"]) == 8  # each replicate died once
    assert {event["cause"] for event in lost} == {"platform"}
    assert events(folder, "trial_waiting")
    [joined] = events(folder, "node_joined")
    assert joined["host"] == os.uname().nodename
    ended = [event for event in events(folder, "replicate_ended") if event["outcome"] == "completed"]
    assert {event["node"] for event in ended} == {joined["node"]}


def test_a_resumed_replicate_says_from_where(lab: ModuleType, tmp_path: Path) -> None:
    class StopAtHalf(InProcess):
        def execute(self, driver: Any) -> None:
            report = driver.report

            def stopping(job: Any, said: Any) -> bool:
                if job.kind == "trial" and said.progress >= 0.5:
                    driver.stop()
                return bool(report(job, said))

            driver.report = stopping
            super().execute(driver)

    spec = lab.make_spec(trials=1, seeds=(0,), transfer={"delay_s": 0.1, "steps": 20})
    run_sweep(spec, tmp_path, StopAtHalf(), experiments=lab.FakeExperiments())
    assert events(tmp_path)[-1]["outcome"] == "interrupted"
    assert events(tmp_path, "trial_waiting")[0]["replicate"] == 0
    go(lab, tmp_path, trials=1, seeds=(0,), transfer={"delay_s": 0.1, "steps": 20})
    [resumed] = events(tmp_path, "replicate_resumed")
    assert (resumed["trial"], resumed["attempt"]) == (0, 1)
    assert 0.5 <= resumed["progress"] < 1
    every_end_is_there_once(tmp_path, lab)


def test_a_folder_of_before_there_were_events_gets_them(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=3, controls=CONTROL)
    first = events(tmp_path, "replicate_ended", "trial_ended")
    (tmp_path / "events.jsonl").unlink()
    go(lab, tmp_path, trials=3, controls=CONTROL)  # nothing to do but this
    every = {(event["event"], event["name"], event.get("replicate"), event["when"]) for event in first}
    again = events(tmp_path, "replicate_ended", "trial_ended")
    assert {(event["event"], event["name"], event.get("replicate"), event["when"]) for event in again} == every
    assert len(again) == len(first)


def test_events_that_cannot_be_written_hurt_nothing(lab: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    assert go(lab, tmp_path / "x", trials=1).counts == {"completed": 1}
    (tmp_path / "x" / "events.jsonl").unlink()
    (tmp_path / "x" / "events.jsonl").mkdir()
    assert go(lab, tmp_path / "x", trials=2).counts == {"completed": 2}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "/dev/full", "/dev/null", "folder"])
def test_a_place_for_events_that_is_no_file_hurts_nothing(lab: ModuleType, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "s"
    go(lab, folder, trials=1)
    place = folder / "events.jsonl"
    place.unlink()
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(kind)
    assert go(lab, folder, trials=2).counts == {"completed": 2}
    assert sweeps.open(folder).events().empty


def test_a_line_is_whole_or_cut_off(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "e.jsonl")
    assert log.add({"event": "a", "value": float("nan")})
    with log.path.open("a") as file:
        file.write('{"event": "torn", "text": "' + "x" * 70_000)
    log.repair()
    assert log.add({"event": "b"})
    assert [event["event"] for event in log] == ["a", "b"]
    assert [event.get("value") for event in log] == [None, None]


def test_lines_of_others_are_no_events(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path / "s", trials=1)
    sweep = sweeps.open(tmp_path / "s")
    known = len(sweep.events())
    with (tmp_path / "s" / "events.jsonl").open("a") as file:
        file.write('{}\n[1]\n{"event": "mine"}\n{"event": "mine", "when": "yesterday"}\n\x00\n')
    table = sweep.events()
    assert len(table) == known + 1
    assert table["when"].isna().sum() == 1
    go(lab, tmp_path / "s", trials=2)
    (tmp_path / "s" / "events.jsonl").write_text("")
    assert list(sweep.events().columns) == ["when", "event"]


def test_events_as_a_table(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2)
    table = sweeps.open(tmp_path).events()
    assert len(table) == len(events(tmp_path))
    ended = table[table["event"] == "trial_ended"]
    assert list(ended["trial"]) == [0, 1]
    assert str(table["when"].dtype).startswith("datetime64")
    assert str(table["when"].dt.tz) == "UTC"
