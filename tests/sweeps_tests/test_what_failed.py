"""What failed and what is gone: of trials, controls, teachers and added seeds, and nothing of it without a word."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import DamagedFileError, FolderError, SweepError
from sweeps.cli.app import main
from sweeps.engine.side_attempts import SideAttempts
from sweeps.engine.teachers_and_controls import teacher_job
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange.packed_records import pack
from sweeps.store import atomic, starts
from sweeps.store.folder import SweepFolder
from sweeps.store.progress.status import Status

HERE = Path(__file__).parent
CONTROL = ({"name": "random_graphs", "transfer": {"fault": "diverge"}},)


def go(lab: ModuleType, folder: Path, **changes: Any) -> list[str]:
    """A start; what it says."""
    said: list[str] = []
    run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments(), say=said.append)
    return said


def status(folder: Path) -> Status:
    return SweepFolder(folder).status()


def shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["status", str(folder)]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_a_control_that_fails_is_named(lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go(lab, tmp_path, trials=1, controls=CONTROL)
    (group,) = status(tmp_path).failures
    assert (group.outcome, group.trials) == ("diverged", [])
    assert group.labels == ["random_graphs (replicate 0)", "random_graphs (replicate 1)"]
    text = shown(tmp_path, capsys)
    assert "`loss` must stay finite, but was nan" in text
    assert "random_graphs (replicate 0), random_graphs (replicate 1)" in text


def test_a_teacher_that_cannot_be_made_is_named(lab: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="no teacher with 13 epochs"):
        go(lab, tmp_path, trials=1, teacher={"preset": "gin-5-64", "epochs": 13})
    groups = status(tmp_path).failures
    assert [group.labels for group in groups] == [["teacher (replicate 0)"]]
    assert "no teacher with 13 epochs" in groups[0].message


def dies(folder: Path) -> subprocess.CompletedProcess[str]:
    """A start in a process of its own, whose teacher kills whoever trains it."""
    changes = {"trials": 1, "seeds": [0], "teacher": {"preset": "gin-5-64", "epochs": 11}}
    command = [sys.executable, str(HERE / "drive.py"), "inprocess", str(folder), json.dumps(changes)]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.cluster
def test_a_teacher_that_kills_its_driver_is_named_and_guarded_ever_after(tmp_path: Path) -> None:
    assert dies(tmp_path).returncode == -9
    (group,) = status(tmp_path).failures
    assert (group.cause, group.outcome, group.labels) == ("platform", "lost", ["teacher (replicate 0)"])
    assert dies(tmp_path).returncode == -9
    for _ in range(2):  # guarded, and again: the count does not begin anew
        ended = dies(tmp_path)
        assert ended.returncode == 1, ended.stderr
        assert "The teacher of seed 0 cannot be made" in ended.stderr
        assert "SIGKILL" in ended.stderr
    failures = status(tmp_path).failures
    assert sorted((group.outcome, group.count) for group in failures) == [("crashed", 2), ("lost", 2)]
    assert starts.crashed(starts.read(tmp_path / "starts")) == {"teacher-00"}


def test_what_crashed_in_an_earlier_start_runs_guarded_at_once(lab: ModuleType, tmp_path: Path) -> None:
    attempts = SideAttempts(None)  # type: ignore[arg-type]
    attempts.crashed_before(["teacher-00"])
    guarded = [attempts.issued(teacher_job(replicate, 3), 0) for replicate in (0, 1)]
    assert [job is not None and job.guarded for job in guarded] == [True, False]


def test_failures_that_a_later_attempt_has_overcome_are_set_apart(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go(lab, tmp_path, trials=1)
    path = tmp_path / "trials" / "0000" / "trial.json"
    tree = json.loads(path.read_text())
    first = {**tree["attempts"][0], "outcome": "lost", "cause": "platform", "message": "its worker died"}
    tree["attempts"] = [first, {**tree["attempts"][0], "attempt": 1}, *tree["attempts"][1:]]
    path.write_text(json.dumps(tree))
    found = status(tmp_path)
    assert (found.failures, [group.message for group in found.overcome]) == ([], ["its worker died"])
    text = shown(tmp_path, capsys)
    assert "failures none" in text
    assert "Failures that a later attempt has overcome 1 x its worker died" in text


def test_replicates_with_added_seeds_are_counted(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2)
    assert status(tmp_path).replicates == {"completed": 4}
    go(lab, tmp_path, trials=2, seeds=(0, 1, 2))
    assert status(tmp_path).replicates == {"completed": 6}


def test_what_was_removed_by_hand_is_missed_aloud(lab: ModuleType, tmp_path: Path) -> None:
    controls = ({"name": "random_graphs"},)
    assert go(lab, tmp_path, trials=2, controls=controls) == []
    (tmp_path / "records" / "control-random_graphs-01.json").unlink()
    (tmp_path / "students" / "trial-0001-00.pt").unlink()
    said = go(lab, tmp_path, trials=2, controls=controls)
    assert said[0].endswith("records/control-random_graphs-01.json is gone: it is made again.")
    assert "Students of trial 1 are gone" in said[1]
    assert f"`acgkd reproduce {tmp_path} --trial 1 --out DIR` makes them again" in said[1]
    assert (tmp_path / "records" / "control-random_graphs-01.json").exists()
    assert len(go(lab, tmp_path, trials=2, controls=controls)) == 1


@pytest.mark.usefixtures("whole_reports")
def test_a_torn_trial_file_is_said_by_the_report_and_its_exit_code(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sweep"
    go(lab, folder, trials=2)
    assert main(["report", str(folder), "--out", str(tmp_path / "whole")]) == 0
    path = folder / "trials" / "0001" / "trial.json"
    path.write_text(path.read_text()[:40])
    assert main(["report", str(folder), "--out", str(tmp_path / "torn")]) == 1
    assert "`trials/0001/trial.json`" in capsys.readouterr().err
    assert "`trials/0001/trial.json`" in (tmp_path / "torn" / "report.md").read_text()


def test_what_readers_would_refuse_is_not_packed(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=1)
    assert len(pack(tmp_path).files) > 2
    path = tmp_path / "records" / "trial-0000-01.json"
    tree = json.loads(path.read_text())
    path.write_text(json.dumps({**tree, "outcome": "splendid"}))
    with pytest.raises(DamagedFileError, match="outcome"):
        pack(tmp_path)


def test_a_refused_space_says_its_reason_once(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, trials=2)
    space = {"method/synthesis/rate": {"type": "float", "low": 0.0, "high": 1.0}}
    with pytest.raises(FolderError) as caught:
        go(lab, tmp_path, trials=2, space=space, method={"name": "acgkd", "transfer": {"steps": 4}})
    text = str(caught.value)
    assert text.count("a wider space has the same parameters") == 1
    assert text.count("method/synthesis/width") >= 2
    assert text.count("it shapes every result") == 1


def test_status_reads_each_start_once(lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(lab, tmp_path, trials=1, seeds=(0,))
    go(lab, tmp_path, trials=2, seeds=(0,))
    read: list[str] = []

    def counted(path: Path) -> object:
        read.append(path.name)
        return atomic.read_json(path)

    monkeypatch.setattr(starts, "read_json", counted)
    assert status(tmp_path).starts == 2
    assert read == ["0001.json", "0002.json"]
