"""Suites on the fake experiments: resumed after a kill, extended, stopped; one failure keeps no other sweep back."""

import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import FolderError, FolderInUseError, SpecError, SweepError
from analysis.comparison.comparison_page import report
from analysis.records.suites import suite_file
from sweeps.cli.app import main
from sweeps.store.atomic import Lock
from sweeps.store.progress import record_facts
from sweeps.suites.suite import Suite, open_suite
from sweeps.suites.suite_folder import SuiteFolder

HERE = Path(__file__).parent
pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture(scope="module")
def drive(lab: ModuleType) -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location("drive_suite", HERE / "drive_suite.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def driver(folder: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A driver in a process of its own, killed at the end if it still works."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "drive_suite.py"), str(folder), json.dumps(options)],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(holds: Callable[[], object], process: subprocess.Popen[bytes], limit_s: float = 200.0) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def records(folder: Path) -> dict[str, bytes]:
    """Every record of every sweep, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("sweeps/*/records/[!.]*.json"))
    }


def added(suite: dict[str, Any], *methods: Any) -> dict[str, Any]:
    changed = copy.deepcopy(suite)
    changed["suite"]["methods"] += methods
    return changed


def test_a_killed_suite_resumes_with_nothing_run_twice(drive: ModuleType, tmp_path: Path) -> None:
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    with driver(folder, delay_s=0.03) as process:
        until(lambda: len(records(folder)) >= 5, process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = records(folder)
    status = open_suite(folder).status()
    assert not status.driver_alive
    assert 0 < status.done < status.runs == 12
    assert status.states.keys() <= {"waiting", "interrupted", "completed"}

    outcome = drive.run(folder)
    assert outcome.sound
    assert not outcome.interrupted
    after = records(folder)
    assert before.items() <= after.items()
    drive.run(whole)
    assert after.keys() == records(whole).keys()
    assert open_suite(folder).status().states == {"completed": 2}
    assert drive.run(folder).nothing_to_do
    assert records(folder) == after


def test_a_method_that_is_added_runs_alone(drive: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drive.run(tmp_path / "suite")
    with monkeypatch.context() as patch:
        patch.setattr(record_facts, "read_json", lambda path: pytest.fail(f"{path} says nothing of how far a suite is"))
        assert open_suite(tmp_path / "suite").status().done == 12
    before = records(tmp_path / "suite")
    digest = suite_file.read_suite(tmp_path / "suite").digest
    outcome = drive.run(tmp_path / "suite", suite=added(drive.SUITE, "deepinv_graphs"))
    after = records(tmp_path / "suite")
    assert outcome.sound
    assert {name for name in after if name not in before} == {
        f"sweeps/fakes-{label}-gin-2-8-gin-2-8/records/control-deepinv_graphs-{seed:02d}.json"
        for label in ("motifs", "others")
        for seed in (0, 1)
    }
    assert before.items() <= after.items()
    found = suite_file.read_suite(tmp_path / "suite")
    assert found.digest != digest
    assert any("deepinv_graphs" in line for line in found.changes[0].lines)
    assert found.members[0].rows == ("acgkd", "gfkd", "random_graphs", "deepinv_graphs")


def test_one_sweep_that_fails_keeps_none_back(
    drive: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = copy.deepcopy(drive.SUITE)
    broken["suite"]["datasets"][0] = {
        "name": "motifs",
        "overrides": {"teacher/epochs": 13},
    }  # a teacher that the fakes refuse
    outcome = drive.run(tmp_path / "suite", suite=broken)
    assert "no teacher with 13 epochs" in outcome.failures["fakes-motifs-gin-2-8-gin-2-8"]
    assert not outcome.sound
    status = open_suite(tmp_path / "suite").status()
    assert [member.state for member in status.members] == ["failed", "completed"]
    assert main(["status", str(tmp_path / "suite")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 failed, 1 completed" in said
    assert main(["status", str(tmp_path / "suite"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["members"][1]["done"] == 6


def test_a_sweep_that_refuses_a_change_is_said_and_the_others_run(drive: ModuleType, tmp_path: Path) -> None:
    drive.run(tmp_path / "suite")
    changed = added(drive.SUITE, "deepinv_graphs")
    changed["suite"]["datasets"][0] = {"name": "motifs", "overrides": {"teacher/epochs": 7}}
    outcome = drive.run(tmp_path / "suite", suite=changed)
    assert list(outcome.failures) == ["fakes-motifs-gin-2-8-gin-2-8"]
    assert "teacher/epochs" in outcome.failures["fakes-motifs-gin-2-8-gin-2-8"]
    assert suite_file.read_suite(tmp_path / "suite").failures == outcome.failures
    assert not outcome.sound
    status = open_suite(tmp_path / "suite").status()
    assert [member.state for member in status.members] == ["failed", "completed"]
    assert status.members[1].done == 8


@pytest.mark.cluster
def test_stop_ends_a_suite_and_not_one_sweep_of_it(
    drive: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "suite"
    # Four seconds a run: the suite must not be done before it is asked to stop, however slow the machine.
    with driver(folder, delay_s=0.2) as process:
        until(lambda: records(folder) and open_suite(folder).status().done, process)
        with pytest.raises(FolderInUseError, match="One driver at a time"):
            drive.run(folder)
        assert open_suite(folder).status().driver_alive
        assert main(["stop", str(folder), "--wait", "60"]) == 0
        assert process.wait(timeout=60) == 130
    assert "It has stopped. The command that started the suite resumes it." in " ".join(capsys.readouterr().out.split())
    assert 0 < open_suite(folder).status().done < 12
    with pytest.raises(SweepError, match="Only a suite that runs can be stopped"):
        Suite(folder).stop(0.0)
    assert main(["stop", str(folder)]) == 1
    assert drive.run(folder).sound
    assert open_suite(folder).status().done == 12


def test_a_signal_between_two_sweeps_ends_the_suite(
    drive: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = SuiteFolder.sweep

    def sweep(self: SuiteFolder, name: str) -> Path:
        if "others" in name and self.lock.held():
            signal.raise_signal(signal.SIGTERM)
        return taken(self, name)

    monkeypatch.setattr(SuiteFolder, "sweep", sweep)
    outcome = drive.run(tmp_path / "suite")
    assert outcome.interrupted
    assert list(outcome.summaries) == ["fakes-motifs-gin-2-8-gin-2-8"]


def test_a_second_signal_stops_a_suite_at_once(
    drive: ModuleType, lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def advance(run: Any, **options: Any) -> None:
        signal.raise_signal(signal.SIGINT)  # asks the sweep
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(lab.FakeRun, "advance", advance)
    with pytest.raises(KeyboardInterrupt):
        drive.run(tmp_path / "suite")
    assert not Lock(tmp_path / "suite" / "suite.lock").held()


def test_a_signal_at_the_last_step_of_a_sweep_ends_the_suite(
    drive: ModuleType, lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, measure = [0], lab.FakeExperiment.measure

    def counted(experiment: Any, run: Any) -> Any:
        done[0] += 1
        if done[0] == 2 * 3:  # seeds, rows
            signal.raise_signal(signal.SIGINT)
        return measure(experiment, run)

    monkeypatch.setattr(lab.FakeExperiment, "measure", counted)
    outcome = drive.run(tmp_path / "suite")
    assert outcome.interrupted
    assert [item.interrupted for item in outcome.summaries.values()] == [False]


# ---- the folder


def test_a_folder_of_another_suite_is_refused(drive: ModuleType, tmp_path: Path) -> None:
    drive.run(tmp_path / "suite")
    with pytest.raises(FolderError, match="is of the suite 'fakes', but this one is 'others'"):
        drive.run(tmp_path / "suite", suite={**drive.SUITE, "name": "others"})


def test_a_folder_with_other_things_is_refused(drive: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(FolderError, match=r"holds other things \(thesis.tex\)"):
        drive.run(tmp_path)
    with pytest.raises(FolderError, match="is a file"):
        drive.run(tmp_path / "thesis.tex")
    with pytest.raises(FolderError, match="needs a folder on a filesystem"):
        drive.run(Path("s3://bucket/suite"))


def test_a_suite_that_was_killed_in_its_first_instants_starts_again(drive: ModuleType, tmp_path: Path) -> None:
    home = SuiteFolder(tmp_path / "suite")
    home.make()
    with home.lock:
        pass
    home.spec.write_text("name: fakes\n")
    assert drive.run(home.path).sound
    home.file.unlink()  # with sweeps in it, it is somebody's
    with pytest.raises(FolderError, match=r"holds other things \(sweeps\) and no `suite.json`"):
        drive.run(home.path)


def test_a_damaged_suite_file_is_said(drive: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "suite.json").write_text('{"name": ')
    with pytest.raises(SweepError, match="must hold a suite, but is damaged"):
        drive.run(tmp_path)
    assert main(["status", str(tmp_path)]) == 1
    (tmp_path / "suite.json").write_text('{"name": "a", "digest": "", "schema_version": 99}')
    assert main(["status", str(tmp_path)]) == 2
    assert "a newer acgkd wrote it" in " ".join(capsys.readouterr().err.split())


def test_a_suite_without_records_cannot_be_read(
    drive: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sweeps.suites.suite_loading import load_suite

    home = SuiteFolder(tmp_path / "suite")
    home.make()
    home.match(load_suite(drive.SUITE), (), "")
    assert main(["compare", str(home.path)]) == 2
    assert "none has begun" in " ".join(capsys.readouterr().err.split())
    assert [member.state for member in open_suite(home.path).status().members] == ["waiting", "waiting"]
    with pytest.raises(FolderError, match=r"A suite folder holds `suite\.json`"):
        open_suite(tmp_path)
    with Lock(home.lock_file), pytest.raises(FolderInUseError):
        drive.run(home.path)


def test_commands_of_one_sweep_refuse_a_suite(drive: ModuleType, tmp_path: Path) -> None:
    import sweeps

    with pytest.raises(SpecError, match="This needs one sweep, but here is a suite of several"):
        sweeps.load(drive.SUITE)
    with pytest.raises(SpecError, match="A suite has a section `suite`, but here is none"):
        sweeps.load_suite({"name": "one", "dataset": "motifs"})
    with pytest.raises(SweepError, match="`overrides` are laid over a file or a mapping"):
        sweeps.run_suite(sweeps.load_suite(drive.SUITE), tmp_path, overrides=["replicates/seeds=[0]"])


def test_perturbed_settings_are_sweeps_of_their_own_which_pages_leave_out(drive: ModuleType, tmp_path: Path) -> None:
    suite = copy.deepcopy(drive.SUITE)
    asked = {"draws": 2, "one_at_a_time": False, "seeds": [1]}
    suite["suite"]["datasets"] = [{"name": "motifs", "sensitivity": asked}]
    suite["suite"]["pairs"][0]["sweep"] = "mine"
    suite["suite"]["methods"].append({"name": "gfkd", "label": "gfkd (dense)", "synthesis": {"density": "prior"}})
    assert drive.run(tmp_path / "fakes", suite=suite).sound
    found = suite_file.read_suite(tmp_path / "fakes")
    assert [(item.name, item.study, item.seeds) for item in found.members] == [
        ("mine", "", 2), ("mine-acgkd", "acgkd", 1), ("mine-gfkd", "gfkd", 1),
    ]  # fmt: skip
    assert [item.rows[0] for item in found.members[1:]] == ["acgkd", "gfkd"]
    assert all(item.rows[1:] == ("draw 00", "draw 01") for item in found.members[1:])
    assert found.references == {"acgkd": ["mine"]}
    comparison = open_suite(tmp_path / "fakes").compare()
    assert comparison.studies == ("mine-acgkd", "mine-gfkd")
    assert set(comparison.rows["row"]) == {"acgkd", "gfkd", "gfkd (dense)", "random_graphs"}
    assert any("`mine-gfkd`) are in no table" in str(block) for block in report(comparison).sections[-1].blocks)
    alone = comparison.part("mine-gfkd")
    assert set(alone.rows["row"]) == {"gfkd", "draw 00", "draw 01"}, "alone they are compared"
    done = {path.parts[-3:] for path in tmp_path.rglob("records/control-draw*.json")}
    assert len(done) == 4
    records = [json.loads(path.read_text()) for path in tmp_path.rglob("mine-*/records/[ct]*-00.json")]
    runs = [record for record in records if record["identity"]["kind"] != "teacher"]
    assert {record["identity"]["seed"] for record in runs} == {1}
    rates = {
        record["settings"].get("method/transfer/rate") for record in runs if record["identity"]["method"] == "gfkd"
    }
    assert len(rates) == 3, "the trial's, and one for each draw"
