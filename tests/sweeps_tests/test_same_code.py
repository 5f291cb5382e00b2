"""Rows of one sweep come from one code: what has changed between two starts is refused, accepted by name, or said."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acgkd import code_digest
from acgkd.config import RunConfig
from acgkd.errors import ConfigError, FolderError
from analysis.formatting import ranges
from analysis.records import record_file
from sweeps.cli.app import main
from sweeps.code import same_code
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.folder import SweepFolder
from sweeps.sweep import run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def moved(lab: ModuleType) -> Callable[..., Any]:
    """Experiments whose method has further defaults, as a later version may have."""

    class Moved(lab.FakeExperiments):  # type: ignore[misc, name-defined]
        def __init__(self, **defaults: Any) -> None:
            super().__init__(hurry=True)
            self.defaults = defaults

        def settings(self, config: RunConfig) -> dict[str, Any]:
            return {f"method/transfer/{name}": value for name, value in self.defaults.items()} | super().settings(
                config
            )

    return Moved


def start(lab: ModuleType, folder: Path, experiments: Any, **options: Any) -> list[str]:
    """One start; returns what was said."""
    said: list[str] = []
    spec = lab.make_spec(trials=options.pop("trials", 4), controls=("random_graphs",))
    run_sweep(spec, folder, InProcess(), experiments=experiments, say=said.append, **options)
    return said


def records(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((folder / "records").glob("*.json"))}


# ---- settings that moved


def test_a_default_that_moved_is_refused_with_its_rows(
    lab: ModuleType, moved: Callable[..., Any], tmp_path: Path
) -> None:
    assert start(lab, tmp_path, moved(passes=60)) == []
    assert start(lab, tmp_path, moved(passes=60), trials=5) == []
    before = (tmp_path / "sweep.json").read_bytes()
    with pytest.raises(FolderError) as refused:
        start(lab, tmp_path, moved(passes=30, warmup=5), trials=6)
    message = str(refused.value)
    assert "method/transfer/passes: 60 is now 30 (trials 0 to 4, random_graphs)" in message
    assert "method/transfer/warmup: (not set) is now 5 (trials 0 to 4, random_graphs)" in message
    assert "--accept-code-change" in message
    assert "accept_code_change=True" in message
    assert (tmp_path / "sweep.json").read_bytes() == before, "nothing was started"
    with pytest.raises(FolderError, match="passes: 60 is now 30"):
        start(lab, tmp_path, moved(passes=30), trials=4)  # with nothing left to do, too


def test_what_is_under_way_begins_again_under_other_code(
    lab: ModuleType, moved: Callable[..., Any], tmp_path: Path
) -> None:
    start(lab, tmp_path, moved(passes=60))
    kept = tmp_path / "trials" / "0004" / "00-0.500000-e0001.ckpt"
    kept.parent.mkdir()
    kept.touch()
    start(lab, tmp_path, moved(passes=60))
    assert kept.exists()
    start(lab, tmp_path, moved(passes=30), accept_code_change=True)
    assert not kept.exists()


def test_what_is_accepted_stays_accepted_and_nothing_else(
    lab: ModuleType, moved: Callable[..., Any], tmp_path: Path
) -> None:
    start(lab, tmp_path, moved(passes=60))
    said = start(lab, tmp_path, moved(passes=30), trials=6, accept_code_change=True)
    assert len(said) == 1
    assert "method/transfer/passes: 60 is now 30 (trials 0 to 3, random_graphs)" in said[0]
    kept = json.loads((tmp_path / "sweep.json").read_text())["accepted"]
    assert kept == ["method/transfer/passes: 60 is now 30"]
    assert start(lab, tmp_path, moved(passes=30), trials=7) == []
    assert json.loads((tmp_path / "sweep.json").read_text())["accepted"] == kept
    with pytest.raises(FolderError) as refused:
        start(lab, tmp_path, moved(passes=60), trials=8)
    assert "passes: 30 is now 60 (trials 4 to 6)" in str(refused.value)


def test_a_default_that_moved_under_one_choice_concerns_its_rows_alone(
    lab: ModuleType, moved: Callable[..., Any], tmp_path: Path
) -> None:
    class Some(moved):  # type: ignore[misc, valid-type]
        def settings(self, config: RunConfig) -> dict[str, Any]:
            found = super().settings(config)
            if config.method.synthesis.get("kind") == "b":
                found["method/synthesis/layers"] = self.layers
            return found

    old, new = Some(), Some()
    old.layers, new.layers = 2, 3
    start(lab, tmp_path, old, trials=8)
    kinds = {trial["number"]: trial["parameters"]["method/synthesis/kind"] for trial in lab.trials(tmp_path)}
    mine = [number for number, kind in kinds.items() if kind == "b"]
    assert 0 < len(mine) < 8, "both choices were made"
    with pytest.raises(FolderError) as refused:
        start(lab, tmp_path, new, trials=9)
    assert f"layers: 2 is now 3 (trial{'' if len(mine) == 1 else 's'} {ranges(mine)})" in str(refused.value)


def test_a_setting_that_follows_from_a_number_is_no_change(
    lab: ModuleType, moved: Callable[..., Any], tmp_path: Path
) -> None:
    class Derived(moved):  # type: ignore[misc, valid-type]
        def settings(self, config: RunConfig) -> dict[str, Any]:
            found = super().settings(config)
            return {**found, "method/transfer/derived": 2 * float(found.get("method/synthesis/rate", 0))}

    assert start(lab, tmp_path, Derived()) == []
    assert start(lab, tmp_path, Derived(), trials=6) == []


# ---- the package


def test_other_code_with_equal_settings_is_said_and_no_more(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(lab, tmp_path, lab.FakeExperiments(hurry=True))
    assert {row["code"]["package"] for row in records(tmp_path).values()} == {code_digest.package_digest()}
    fingerprint = json.loads((tmp_path / "sweep.json").read_text())["fingerprint"]
    for path in (tmp_path / "records").glob("trial-*.json"):
        tree = json.loads(path.read_text())
        tree["code"] |= {"version": "0.0.9", "package": "0123456789abcdef"}
        path.write_text(json.dumps(tree))
    said = start(lab, tmp_path, lab.FakeExperiments(hurry=True), trials=5)
    assert len(said) == 1
    assert said[0].startswith("8 of 12 records were made by acgkd 0.0.9 (code 0123456789abcdef), and this is acgkd ")
    after = json.loads((tmp_path / "sweep.json").read_text())
    assert after["fingerprint"] == fingerprint
    assert "accepted" not in after
    codes = {row["code"]["package"] for name, row in records(tmp_path).items() if name.startswith("trial")}
    assert codes == {"0123456789abcdef", code_digest.package_digest()}


def test_records_without_code_stay_valid_and_are_written_as_before(lab: ModuleType, tmp_path: Path) -> None:
    start(lab, tmp_path, lab.FakeExperiments(hurry=True))
    for path in (tmp_path / "records").glob("*.json"):
        tree = json.loads(path.read_text())
        del tree["code"]
        old = json.dumps(tree, separators=(",", ":"), ensure_ascii=False)
        path.write_text(old)
        assert record_file.parse(old, path).model_dump_json() == old
    said = start(lab, tmp_path, lab.FakeExperiments(hurry=True), trials=5)
    assert "12 of 12 records were made by a version that kept no digest of its code" in said[0]


def test_the_digest_is_of_the_sources_alone(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "elsewhere" / "two"
    for home in (one, two):
        for name in code_digest.PACKAGES:
            (home / name / "part").mkdir(parents=True)
            (home / name / "__init__.py").write_text(f"# {name}\n")
            (home / name / "part" / "module.py").write_text("x = 1\n")
    (two / "acgkd" / "__pycache__").mkdir()
    (two / "acgkd" / "__pycache__" / "module.pyc").write_bytes(b"compiled")
    (two / "acgkd" / "notes.txt").write_text("not code")
    assert code_digest.source_digest(one) == code_digest.source_digest(two)
    (two / "sweeps" / "part" / "module.py").write_text("x = 2\n")
    assert code_digest.source_digest(one) != code_digest.source_digest(two)
    (two / "sweeps" / "part" / "module.py").write_text("x = 1\n")
    (two / "sweeps" / "part" / "module.py").rename(two / "sweeps" / "part" / "renamed.py")
    assert code_digest.source_digest(one) != code_digest.source_digest(two)


def test_the_digest_takes_a_few_hundredths_of_a_second() -> None:
    times = []
    for _ in range(5):
        began = time.process_time()
        code_digest.source_digest(ROOT)
        times.append(time.process_time() - began)
    assert min(times) < 0.05


PLUGIN = """
import sys
import acgkd.methods
acgkd.methods.__path__.append(sys.argv[1])
from acgkd.code_digest import plugin_digests
from acgkd.methods import METHODS
assert "mine" in METHODS
print(plugin_digests())
"""


def test_what_others_add_to_a_catalogue_has_a_digest_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("METHOD = None\n")
    done = subprocess.run(
        [sys.executable, "-c", PLUGIN, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == str({"acgkd.methods/mine.py": code_digest.bytes_digest(tmp_path / "mine.py")})
    assert code_digest.plugin_digests() == {}


def test_a_thousand_records_are_compared_quickly(lab: ModuleType, tmp_path: Path) -> None:
    start(lab, tmp_path, lab.FakeExperiments(hurry=True), trials=6)
    folder = SweepFolder(tmp_path)
    paths = sorted(folder.records.glob("trial-*.json"))
    for number in range(1000 // len(paths)):
        for path in paths:
            shutil.copy(path, folder.records / f"trial-9{number:03d}-{path.stem[6:]}.json")
    spec = lab.make_spec(trials=6, controls=("random_graphs",))
    began = time.process_time()
    same_code.require_same_code(folder, spec, lab.FakeExperiments(), say=lambda text: None)
    assert time.process_time() - began < 1.0


# ---- code of the user's

MODELS = """
import torch
from helper import WIDTH
import acgkd
from acgkd.models import build_model

def build(prior):
    return build_model(f"gin-2-{WIDTH}", prior.feature_count, prior.classes)
"""
SPEC: dict[str, Any] = {
    "name": "own",
    "dataset": {"name": "motifs", "options": {"graphs": 40}},
    "teacher": {"preset": "models:build", "epochs": 1},
    "student": "gin-2-4",
    "method": {
        "name": "acgkd",
        "synthesis": {"graphs": 4, "steps": 1},
        "transfer": {"steps": 1, "batch_size": 4, "projection": "none"},
    },
    "space": {"method/transfer/rate": {"type": "float", "low": 0.003, "high": 0.03, "log": True}},
    "controls": [],
    "replicates": {"seeds": [0]},
    "artefacts": {"samples": 0},
}


def write_own(folder: Path) -> Path:
    """A spec, its code and a helper of that."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "models.py").write_text(MODELS)
    (folder / "helper.py").write_text("WIDTH = 4\n")
    (folder / "unrelated.py").write_text("raise RuntimeError\n")
    (folder / "own.yaml").write_text(json.dumps(SPEC))  # JSON is YAML
    return folder / "own.yaml"


def go(spec: Path, sweep: Path, trials: int, **options: Any) -> Any:
    return run(
        spec,
        sweep,
        executor=InProcess(),
        on_progress=None,
        overrides={"budget/trials": trials},
        trust_code=True,
        **options,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with spec, code and a sweep of one trial, to be copied."""
    home = tmp_path_factory.mktemp("made")
    go(write_own(home), home / "sweep", 1)
    return home


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "own")
    return tmp_path / "own"


def test_records_name_the_files_that_were_loaded(own: Path) -> None:
    for row in records(own / "sweep").values():
        assert sorted(row["code"]["files"]) == ["helper.py", "models.py"]
        assert str(own.parent) not in json.dumps(row)
    assert code_digest.bytes_digest(own / "helper.py") == row["code"]["files"]["helper.py"]


def edit_models(home: Path) -> None:
    (home / "models.py").write_text(MODELS.replace("gin-2", "gin-3"))


def edit_helper(home: Path) -> None:
    (home / "helper.py").write_text("WIDTH = 8\n")


def edit_a_comment(home: Path) -> None:
    (home / "helper.py").write_text("WIDTH = 4  # the same\n")


def make_a_package(home: Path) -> None:
    """A folder of that name comes before a file of that name; no file was edited."""
    (home / "helper").mkdir()
    (home / "helper" / "__init__.py").write_text("WIDTH = 8\n")


def remove_the_helper(home: Path) -> None:
    (home / "helper.py").unlink()
    (home / "models.py").write_text(MODELS.replace("from helper import WIDTH", "WIDTH = 4"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (edit_models, "models.py: {models} is now "),
        (edit_helper, "helper.py: {helper} is now "),
        (edit_a_comment, "helper.py: {helper} is now "),
        (make_a_package, "helper/__init__.py: (not loaded) is now "),
        (remove_the_helper, "helper.py: {helper} is no longer there"),
    ],
)
def test_edited_code_is_refused_with_its_file(own: Path, change: Callable[[Path], None], line: str) -> None:
    known = {name: code_digest.bytes_digest(own / f"{name}.py") for name in ("models", "helper")}
    change(own)
    with pytest.raises(FolderError) as refused:
        go(own / "own.yaml", own / "sweep", 2)
    assert line.format(**known) in str(refused.value)
    assert "(trial 0, teacher)" in str(refused.value)
    assert len(records(own / "sweep")) == 2


def test_edited_code_can_be_accepted_and_runs(own: Path) -> None:
    edit_helper(own)
    with pytest.warns(UserWarning, match="helper.py"):
        go(own / "own.yaml", own / "sweep", 2, accept_code_change=True)
    digests = [row["code"]["files"]["helper.py"] for name, row in records(own / "sweep").items() if "trial" in name]
    assert digests[1] == code_digest.bytes_digest(own / "helper.py") != digests[0]
    go(own / "own.yaml", own / "sweep", 3)


def test_an_unrelated_file_and_another_place_are_no_change(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own / "unrelated.py").write_text("x = 1\n")
    (own / "new.py").write_text("x = 1\n")
    shutil.move(own, tmp_path / "moved")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "models.py").write_text("raise RuntimeError('the spec lies elsewhere')\n")
    monkeypatch.chdir(elsewhere)
    go(tmp_path / "moved" / "own.yaml", tmp_path / "moved" / "sweep", 2)
    files = [row["code"]["files"] for row in records(tmp_path / "moved" / "sweep").values()]
    assert len(files) == 3
    assert all(found == files[0] for found in files)


def test_code_of_a_mapping_lies_where_it_was_started(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own)
    mapping = {**SPEC, "budget": {"trials": 2}}
    run(mapping, own / "sweep", executor=InProcess(), on_progress=None, trust_code=True)
    assert len(records(own / "sweep")) == 3
    edit_helper(own)
    with pytest.raises(FolderError, match=r"helper\.py"):
        run(mapping, own / "sweep", executor=InProcess(), on_progress=None, trust_code=True)


def test_code_that_cannot_be_imported_is_refused_before_anything_starts(own: Path) -> None:
    (own / "models.py").write_text("def build(:\n")
    with pytest.raises(ConfigError, match=r"`models:build` cannot be imported: SyntaxError"):
        go(own / "own.yaml", own / "other", 1)
    assert not (own / "other" / "sweep.json").exists()


@pytest.mark.usefixtures("whole_reports")
def test_the_command_refuses_edited_code_and_takes_it_by_name(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(own)
    command = ["run", "own.yaml", "--trust-code", "--in-process", "--out", "sweep", "--trials", "2"]
    edit_models(own)
    assert main(command) == 2
    refused = capsys.readouterr().err
    assert "models.py: " in refused
    assert "(trial 0, teacher)" in refused
    assert main([*command, "--accept-code-change"]) == 0
    said = capsys.readouterr()
    assert "Note: Accepted" in said.err
    assert "Rows are of 2 codes" in " ".join(said.out.split())
    assert "| code " in (own / "sweep" / "report" / "report.md").read_text()
