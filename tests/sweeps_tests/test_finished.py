"""A sweep with nothing left to do is known by names, sizes and times of its files; if one has changed, it is read."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeps.cli.app import main

SPEC = Path(__file__).parents[1] / "cases" / "tiny.yaml"
SMALL = ("--in-process", "--set", "budget/trials=2", "--set", "replicates/seeds=[0]", "--set", "controls=[]")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "sweep"
    assert main(["run", str(SPEC), *SMALL, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Path:
    """A copy of the finished sweep, with the times of its files."""
    return Path(shutil.copytree(done, tmp_path / "sweep"))


def again(folder: Path, *more: str) -> int:
    return main(["run", str(SPEC), *SMALL, *more, "--out", str(folder)])


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Each reading of all records."""
    from analysis.records import frame

    calls: list[Any] = []
    real = frame.load
    monkeypatch.setattr(frame, "load", lambda places: calls.append(places) or real(places))
    return calls


def test_it_says_the_same_without_reading_a_record(
    folder: Path, reads: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "finished.json").unlink()
    assert again(folder) == 0  # it is only an index, and made again
    first = capsys.readouterr().out
    assert len(reads) == 1
    assert again(folder) == 0
    assert capsys.readouterr().out == first
    assert "Nothing is left to do: the budget of 2 trials is met. A larger budget extends the sweep" in first
    assert len(reads) == 1


def test_it_is_known_from_the_end_of_the_run_on_and_without_torch(done: Path) -> None:
    code = (
        "import sys; from sweeps.cli.app import main; code = main(sys.argv[1:]); "
        "found = {'torch', 'ray', 'pandas', 'optuna'} & set(sys.modules); assert not found, found; sys.exit(code)"
    )
    asked = ["run", str(SPEC), *SMALL, "--out", str(done)]
    ended = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "Nothing is left to do" in ended.stdout


@pytest.mark.parametrize("what", ["touched", "gone", "student", "trial", "index"])
def test_whatever_changes_is_looked_at(folder: Path, what: str, reads: list[Any]) -> None:
    record = next((folder / "records").glob("trial-*.json"))
    index = folder / "finished.json"
    match what:
        case "touched":
            record.touch()
        case "gone":
            record.unlink()
        case "student":
            next((folder / "students").glob("*.pt")).unlink()
        case "trial":
            next((folder / "trials").glob("*/trial.json")).touch()
        case "index":
            index.write_text(index.read_text()[:-40])
    again(folder)
    assert reads
    assert (folder / "report" / "report.html").is_file()
    assert record.is_file()


def test_what_is_no_trial_among_the_trials_breaks_nothing(folder: Path) -> None:
    (folder / "trials" / "notes.txt").touch()
    assert again(folder) == 0


def test_a_larger_budget_another_setting_and_other_code_are_no_finished_sweep(
    folder: Path, reads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert again(folder, "--set", "timeout_s=4000") == 0
    assert len(reads) == 1
    assert again(folder, "--trials", "3") == 0
    assert len(list((folder / "trials").iterdir())) == 3
    assert len(reads) == 2
    monkeypatch.setattr("acgkd.code_digest.package_digest", lambda: "another")
    assert again(folder, "--trials", "3") == 0
    assert len(reads) == 3
    assert again(folder, "--trials", "3", "--trust-code") == 0  # code of the user's is not among what is compared
    assert len(reads) == 4


def test_what_is_to_be_looked_at_stays_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["run", str(SPEC), *SMALL, "--set", "timeout_s=0.01", "--out", str(tmp_path / "sweep")]
    assert main(asked) == 1  # no trial was completed
    table = capsys.readouterr().out.partition("Trials, best first")[2]
    for _ in range(2):
        assert main(asked) == 1
        assert capsys.readouterr().out.partition("Trials, best first")[2] == table
    assert "timed out" in table or "infeasible" in table
