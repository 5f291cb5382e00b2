"""`on_end`: a command that is run when a start has ended, and never changes how it ended."""

import json
import os
import shlex
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd.errors import ConfigError, RepeatedFailureError, SpecError
from sweeps.cli.app import main
from sweeps.engine.snapshot import Summary
from sweeps.executors import on_end
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.loading import load
from sweeps.store.folder import SweepFolder
from sweeps.store.stop_request import StopRequest

WRITE = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('ACGKD_')}))"
TELL = (sys.executable, "-c", WRITE)
SPEC = """\
dataset: {name: motifs, options: {graphs: 60}}
teacher: {preset: gin-2-8, epochs: 1}
student: gin-2-4
method: {name: acgkd, synthesis: {graphs: 6, steps: 2}, transfer: {steps: 2, batch_size: 4}}
space: smoke
controls: []
budget: {trials: 1}
"""


def go(lab: ModuleType, folder: Path, command: Any, said: list[str] | None = None, **changes: Any) -> Summary:
    spec = lab.make_spec(**{"trials": 2, "seeds": (0,), "sampler": {"name": "random"}} | changes, on_end=command)
    say = (lambda _: None) if said is None else said.append
    return run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments(), trust_code=True, say=say)


def heard(folder: Path) -> dict[str, str]:
    facts: dict[str, str] = json.loads((folder / "logs" / "on-end.txt").read_text())
    return {name.removeprefix("ACGKD_").lower(): value for name, value in facts.items()}


def test_a_command_learns_how_the_sweep_ended(lab: ModuleType, tmp_path: Path) -> None:
    said: list[str] = []
    go(lab, tmp_path, TELL, said)
    facts = heard(tmp_path)
    assert facts["outcome"] == "completed"
    assert facts["message"] == "the budget of 2 trials is met"
    assert Path(facts["folder"]) == tmp_path.resolve()
    assert facts["name"] == "fake"
    assert json.loads(facts["counts"]) == {"completed": 2}
    assert said == []


def test_a_line_is_for_the_shell_and_the_folder_is_free(lab: ModuleType, tmp_path: Path) -> None:
    look = "from sweeps import open; print(open(__import__('os').environ['ACGKD_FOLDER']).status().driver_alive)"
    go(lab, tmp_path, f'echo "$ACGKD_OUTCOME of $ACGKD_NAME"; {sys.executable} -c {shlex.quote(look)}')
    assert (tmp_path / "logs" / "on-end.txt").read_text() == "completed of fake\nFalse\n"


def test_it_may_change_between_starts_and_is_not_run_where_nothing_was_done(lab: ModuleType, tmp_path: Path) -> None:
    go(lab, tmp_path, "echo first")
    log = tmp_path / "logs" / "on-end.txt"
    log.unlink()
    assert go(lab, tmp_path, "echo second").nothing_to_do
    assert not log.exists()
    go(lab, tmp_path, "echo third", trials=3)
    assert log.read_text() == "third\n"
    assert not go(lab, tmp_path, None, trials=4).nothing_to_do
    assert log.read_text() == "third\n"


def test_after_a_stop_and_after_failures(lab: ModuleType, tmp_path: Path) -> None:
    slow = {"transfer": {"steps": 60, "delay_s": 0.1}}
    folder = tmp_path / "stopped"

    class Stopping(lab.FakeExperiments):  # type: ignore[misc, name-defined]
        def experiment(self, *arguments: Any) -> Any:
            StopRequest(SweepFolder(folder)).make(1)
            return super().experiment(*arguments)

    spec = lab.make_spec(trials=2, seeds=(0,), on_end=TELL, **slow)
    summary = run_sweep(spec, folder, InProcess(), experiments=Stopping(), trust_code=True)
    assert summary.interrupted
    assert heard(folder)["outcome"] == "interrupted"

    folder = tmp_path / "failed"
    assert go(lab, folder, TELL, transfer={"fault": "bug"}).counts == {"failed": 2}
    assert (heard(folder)["outcome"], heard(folder)["message"]) == ("failed", "2 of 2 trials failed")

    folder = tmp_path / "refused"
    with pytest.raises(RepeatedFailureError):
        go(lab, folder, TELL, transfer={"fault": "bug"}, trials=9)
    assert heard(folder)["outcome"] == "failed"
    assert "5 jobs in a row failed in the same way" in heard(folder)["message"]
    assert json.loads(heard(folder)["counts"]) == {"failed": 5}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("echo lost; exit 3", "failed with code 3; what it wrote is in"),
        (("no-such-command-anywhere",), "cannot be run: [Errno 2] No such file"),
        ("kill -9 $$", "failed with code -9"),
    ],
)
def test_its_failure_is_one_line_and_changes_nothing(
    lab: ModuleType, tmp_path: Path, command: Any, problem: str
) -> None:
    said: list[str] = []
    assert go(lab, tmp_path, command, said).counts == {"completed": 2}
    assert len(said) == 1
    assert problem in said[0]
    assert problem in (tmp_path / "logs" / "driver.log").read_text()


def test_it_has_a_time_limit_with_all_that_it_started(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_end, "LIMIT_S", 0.5)
    said: list[str] = []
    before = time.monotonic()
    go(lab, tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait", said)
    assert time.monotonic() - before < 60
    assert said == ["the command of `on_end` was ended after 0.5 s"]
    child = int((tmp_path / "child").read_text())
    time.sleep(0.2)
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_command_is_never_run_untrusted(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(f"{SPEC}on_end: touch {tmp_path}/touched\n")
    law = "This runs a command, which a spec may not do by itself. `--trust-code` allows it."
    for command in ("check", "run"):
        assert main([command, str(path)]) == 2
        assert law in " ".join(capsys.readouterr().err.split())
    with pytest.raises(SpecError, match="may not do by itself"):
        load(path)
    trusted = load(path, trust_code=True)
    with pytest.raises(ConfigError, match="may not do by itself"):
        run_sweep(trusted, tmp_path / "s", InProcess())
    assert not (tmp_path / "s").exists()
    assert not (tmp_path / "touched").exists()


def test_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(f"{SPEC}on_end: 'touch $ACGKD_FOLDER/touched; exit 7'\n")
    assert main(["run", str(path), "--in-process", "--trust-code"]) == 0
    assert "the command of `on_end` failed with code 7" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "runs" / "tiny" / "touched").exists()
    assert os.listdir(tmp_path / "runs" / "tiny" / "report")
