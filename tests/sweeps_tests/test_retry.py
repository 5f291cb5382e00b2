"""`acgkd retry`, `why`, `status` of failures, and records that are gone: as the user types them."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import FolderError, SweepError
from sweeps.cli.app import main
from sweeps.engine.resuming.retrying import UNSUCCESSFUL, retry
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.folder import SweepFolder

HERE = Path(__file__).parent


class Fixable:
    """Experiments with a bug of the user's in some trials, until it is mended."""

    def __init__(self, lab: ModuleType) -> None:
        owner = self
        self.broken = True

        class Experiments(lab.FakeExperiments):  # type: ignore[misc, name-defined]
            def experiment(self, config: Any, seed: int, home: Path) -> Any:
                made = super().experiment(config, seed, home)
                if not owner.broken:
                    made.options["fault"] = "none"
                return made

        self.experiments = Experiments()


CHOICES = {"method/transfer/fault": {"type": "categorical", "choices": ("none", "bug", "diverge")}}


def spec_of(lab: ModuleType, **changes: Any) -> Any:
    settings: dict[str, Any] = {"trials": 9, "seeds": (0, 1), "sampler": {"name": "random"}} | changes
    return lab.make_spec(space={**lab.SPACE, **CHOICES}, failures={"stop_after": 0}, **settings)


@pytest.fixture
def failed(lab: ModuleType, tmp_path: Path) -> tuple[Path, Fixable]:
    """A sweep in which some trials failed and some diverged."""
    folder, fixable = tmp_path / "sweep", Fixable(lab)
    run_sweep(spec_of(lab), folder, InProcess(), experiments=fixable.experiments)
    states = {trial["state"] for trial in lab.trials(folder)}
    assert states == {"completed", "failed", "infeasible"}
    return folder, fixable


def states(lab: ModuleType, folder: Path) -> dict[int, str]:
    return {trial["number"]: trial["state"] for trial in lab.trials(folder)}


def test_after_a_fix_failed_trials_run_again(lab: ModuleType, failed: tuple[Path, Fixable]) -> None:
    folder, fixable = failed
    before = states(lab, folder)
    numbers = [number for number, state in before.items() if state == "failed"]
    assert main(["retry", str(folder)]) == 0
    assert {number for number, state in states(lab, folder).items() if state == "waiting"} == set(numbers)
    fixable.broken = False
    summary = run_sweep(spec_of(lab), folder, InProcess(), experiments=fixable.experiments)
    assert summary.trials_started == 0
    after = states(lab, folder)
    assert after == {number: "completed" if number in numbers else state for number, state in before.items()}
    tried = lab.trials(folder)[numbers[0]]["attempts"]
    assert [attempt["outcome"] for attempt in tried] == ["failed", "completed", "completed"]
    # What failed and was mended is not made anew, and no completed trial was touched.
    measured = lab.events(folder, "measured")
    assert len(measured) == len(set(measured))


def test_by_number_by_outcome_and_all(lab: ModuleType, failed: tuple[Path, Fixable]) -> None:
    folder, _ = failed
    of = {state: [n for n, s in states(lab, folder).items() if s == state] for state in ("failed", "infeasible")}
    files = SweepFolder(folder)
    assert retry(files, ["diverged"], of["failed"]).trials == []
    assert retry(files, list(UNSUCCESSFUL), of["failed"][:1]).trials == of["failed"][:1]
    assert retry(files, ["diverged"]).trials == of["infeasible"]
    assert retry(files, list(UNSUCCESSFUL)).trials == of["failed"][1:]
    assert retry(files, list(UNSUCCESSFUL)).trials == []
    with pytest.raises(FolderError, match=r"9 trials, numbered from 0, but not number 99"):
        retry(files, ["failed"], [99])


def test_what_cannot_be_retried_is_refused(failed: tuple[Path, Fixable], capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = failed
    assert main(["retry", str(folder), "--outcome", "completed"]) == 2
    assert "takes one of crashed, diverged, failed, out_of_memory, timed_out" in " ".join(
        capsys.readouterr().err.split()
    )
    with SweepFolder(folder).lock(), pytest.raises(SweepError, match="another one does"):
        retry(SweepFolder(folder), ["failed"])


def test_status_shows_failures_that_are_alike_together(
    failed: tuple[Path, Fixable], lab: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = failed
    groups = SweepFolder(folder).status().failures
    assert {(group.cause, group.outcome) for group in groups} == {("trial", "failed"), ("trial", "diverged")}
    numbers = [number for number, state in states(lab, folder).items() if state == "failed"]
    bug = next(group for group in groups if group.outcome == "failed")
    assert (bug.count, bug.trials, bug.message) == (len(numbers), numbers, "KeyError: 'a bug'")
    assert "KeyError" in (folder / bug.log).read_text()
    assert main(["status", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("KeyError") == 1
    assert bug.log in "".join(shown.split())
    assert main(["status", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["failures"][0]["count"] == groups[0].count


def test_why_tells_a_trials_story(
    failed: tuple[Path, Fixable], lab: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = failed
    number = next(number for number, state in states(lab, folder).items() if state == "failed")
    assert main(["why", str(folder), str(number)]) == 0
    shown = capsys.readouterr().out
    for part in ("method/transfer/fault", "bug", "fault of the trial", "replicate 0, attempt 1", "Traceback (most"):
        assert part in shown
    assert main(["why", str(folder), str(number), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["attempts"][0]["cause"] == "trial"
    assert main(["why", str(folder), "teacher"]) == 2
    assert "takes the number of a trial" in " ".join(capsys.readouterr().err.split())
    assert main(["why", str(folder), "99"]) == 2
    assert "has no trial 99" in " ".join(capsys.readouterr().err.split())


def test_status_watch_shows_it_again(lab: ModuleType, tmp_path: Path) -> None:
    run_sweep(lab.make_spec(trials=1), tmp_path, InProcess(), experiments=lab.FakeExperiments())
    command = [sys.executable, "-m", "acgkd", "status", str(tmp_path), "--watch"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # A shell that runs these tests in the background lets its children ignore Ctrl-C.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        signal.signal(signal.SIGINT, heard)
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            seen += line.startswith("trials ")
            if seen == 2:
                break
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(20) == 130


@pytest.mark.parametrize("damage", ["gone", "empty", "torn", "NaN", "NaN inside"])
def test_a_record_that_is_gone_or_damaged_runs_again(lab: ModuleType, tmp_path: Path, damage: str) -> None:
    spec = lab.make_spec(trials=3)
    for name in ("hit", "calm"):
        run_sweep(spec, tmp_path / name, InProcess(), experiments=lab.FakeExperiments())
    folder = tmp_path / "hit"
    path = folder / "records" / "trial-0001-01.json"
    if damage == "gone":
        path.unlink()
    else:
        record = json.loads(path.read_text())
        record["objectives"]["validation_divergence"] = math.nan
        text = {"empty": "", "torn": path.read_text()[:80], "NaN": "NaN", "NaN inside": json.dumps(record)}
        path.write_text(text[damage])
    said: list[str] = []
    summary = run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments(), say=said.append)
    assert not summary.nothing_to_do
    assert len(said) == 1
    assert "trial-0001-01.json" in said[0]
    assert lab.table(folder) == lab.table(tmp_path / "calm")
    assert summary.counts == {"completed": 3}
    if damage != "gone":
        assert (folder / "logs" / "damaged-trial-0001-01.json").exists()
    assert run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments(), say=said.append).nothing_to_do


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_the_record_of_a_pruned_trial_is_made_again(lab: ModuleType, tmp_path: Path, damage: str) -> None:
    spec = lab.make_spec(trials=12, seeds=(0,), scheduler="halving")
    run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments())
    whole = lab.table(tmp_path)
    name = next(row["file"] for row in whole if row["outcome"] == "pruned")
    path = tmp_path / "records" / name
    path.unlink() if damage == "gone" else path.write_text("{")
    said: list[str] = []
    summary = run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments(), say=said.append)
    assert summary.nothing_to_do
    assert [name in line and "made again" in line for line in said] == [True]
    assert lab.table(tmp_path) == whole


def test_what_a_trial_completed_before_it_was_pruned_is_not_said_to_run_again(lab: ModuleType, tmp_path: Path) -> None:
    spec = lab.make_spec(trials=12, seeds=(0, 1, 2), scheduler="halving")
    run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments())
    pruned = [row["file"] for row in lab.table(tmp_path) if row["outcome"] == "pruned" and "-00." not in row["file"]]
    name = f"{pruned[0].rpartition('-')[0]}-00.json"
    (tmp_path / "records" / name).write_text("{")
    said: list[str] = []
    run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments(), say=said.append)
    assert [name in line and "was pruned and is not run again" in line for line in said] == [True]


def test_status_counts_and_names_a_damaged_record_of_a_control(lab: ModuleType, tmp_path: Path) -> None:
    spec = lab.make_spec(trials=1, controls=({"name": "random_graphs"},))
    run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments())
    path = tmp_path / "records" / "control-random_graphs-01.json"
    path.write_text("")
    status = SweepFolder(tmp_path).status()
    assert status.controls == {"completed": 1, "damaged": 1}
    assert status.damaged == [f"{path} is damaged: the next start makes it again."]
    assert main(["retry", str(tmp_path)]) == 0


def test_records_of_teachers_and_controls_run_again_too(lab: ModuleType, tmp_path: Path) -> None:
    spec = lab.make_spec(trials=1, controls=({"name": "random_graphs"},))
    run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments())
    for name in ("teacher-00.json", "control-random_graphs-01.json"):
        (tmp_path / "records" / name).write_text("{")
        said: list[str] = []
        run_sweep(spec, tmp_path, InProcess(), experiments=lab.FakeExperiments(), say=said.append)
        assert name in said[0]
        assert json.loads((tmp_path / "records" / name).read_text())["outcome"] == "completed"
