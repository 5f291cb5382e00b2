"""`plugins:` and `--plugin`: trusted or refused, seen by sweeps, counted in records, refused when edited."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from acgkd import plugins
from acgkd.errors import FolderError, SpecError
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.launching import submission
from sweeps.spec.loading import load
from sweeps.spec.raw import read_tree

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "plugins"
QUICK = {"teacher/epochs": 1, "method/synthesis": {"steps": 2}, "controls": [], "budget/trials": 1}


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    yield
    plugins.use_plugins()
    plugins.activate(())


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The documented example, to be edited."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "own", ignore=shutil.ignore_patterns("__pycache__")))


def test_plugins_run_only_where_code_is_trusted(own: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load(own / "sweep.yaml")
    assert [(fault.path, fault.line) for fault in caught.value.faults] == [("plugins", 2)]
    assert "`--trust-code` allows it" in str(caught.value)
    with pytest.raises(SpecError, match=r"plugins: A plug-in is a Python file or a folder.*nowhere is none"):
        load(own / "sweep.yaml", {"plugins": "nowhere"}, trust_code=True)
    assert load(own / "sweep.yaml", trust_code=True).plugins == (str(own),)
    with pytest.raises(SpecError, match="No model is called 'oneround'"):
        load(own / "sweep.yaml", {"plugins": []}, trust_code=True)


def test_a_command_names_them_beside_those_of_the_spec(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = own.parent / "more.py"
    more.write_text(
        '"""Nothing but steps."""\n\ndef suggest(trial):\n    trial.suggest_int("method/synthesis/steps", 2, 4)\n'
    )
    said = [str(own / "sweep.yaml"), "--plugin", str(more), "--set", "space=more"]
    assert main(["check", *said]) == 2
    assert main(["check", *said, "--trust-code"]) == 0
    assert "synthesis/steps: 2 to 4" in capsys.readouterr().out
    assert main(["list", "spaces", "--plugin", str(more)]) == 0
    assert "Nothing but steps." in capsys.readouterr().out


def test_a_trial_is_reproduced_with_them_and_an_edited_one_is_refused_by_name_and_may_be_accepted(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, folder = own / "sweep.yaml", tmp_path / "run"
    run_sweep(load(spec, QUICK, trust_code=True), folder, InProcess(), trust_code=True)
    records = [json.loads(path.read_bytes()) for path in (folder / "records").glob("*.json")]
    assert {record["identity"]["kind"]: record["outcome"] for record in records} == {
        "trial": "completed",
        "teacher": "completed",
    }
    for record in records:
        assert list(record["code"]["files"]) == [f"plugins/own/{path.name}" for path in sorted(own.glob("*.py"))]
    assert (folder / "trackers" / "lines" / "runs.txt").read_text().count("completed") == 2

    again = ["reproduce", str(folder), "--trial", "0", "--out", str(tmp_path / "again")]
    plugins.activate(())  # as in another process
    assert main(again) == 2
    assert "Add `--trust-code` to allow it" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "again").exists()
    assert main([*again, "--trust-code"]) == 0

    (own / "chance.py").write_text((own / "chance.py").read_text() + "\n# edited\n")
    more = {**QUICK, "budget/trials": 2}
    with pytest.raises(FolderError, match=r"plugins/own/chance\.py: \w+ is now \w+ \(trial 0, teacher\)"):
        run_sweep(load(spec, more, trust_code=True), folder, InProcess(), trust_code=True)
    again = load(spec, more, trust_code=True)
    run_sweep(again, folder, InProcess(), trust_code=True, accept_code_change=True, say=lambda _: None)
    assert len(list((folder / "records").glob("trial*.json"))) == 2


def test_they_travel_with_a_submitted_spec(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_text("def suggest(trial):\n    trial.suggest_int('method/synthesis/steps', 2, 4)\n")
    changes = [f"plugins+={elsewhere}"]
    tree = read_tree(own / "sweep.yaml", changes)
    spec = load(own / "sweep.yaml", changes, trust_code=True)
    into = tmp_path / "bundle"
    into.mkdir()
    bundle = submission.pack(tree, spec, own / "sweep.yaml", changes, True, into)
    options = list(bundle.options)
    assert options.pop() == "--trust-code"
    monkeypatch.chdir(into)
    there = read_tree(into / bundle.spec, options[1::2])
    paths = [Path(path) for path in there.value["plugins"]]
    assert all(path.is_relative_to(into) for path in paths)
    assert [plugins.place_at(path).package for path in paths] == [place.package for place in plugins.places()]
    assert yaml.safe_load((into / bundle.spec).read_text())["plugins"] == "."
