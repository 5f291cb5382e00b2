"""Files of every version so far can be read; a newer one is refused in a sentence, a damaged one is named."""

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from analysis.page.render import Note
from analysis.records import sweep_file, trial_file
from analysis.records.frame import load
from analysis.records.parts.code import Code
from analysis.records.parts.environment import Environment
from analysis.records.parts.quality import Quality
from analysis.records.parts.run_cost import Cost
from analysis.records.parts.run_identity import Identity
from analysis.records.record import Record
from analysis.records.trial_file import Attempt, Rung, TrialFile
from analysis.reports._health import unknowns
from analysis.statistics.view import view_of
from sweeps.cli.app import main
from sweeps.engine import startup
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial

GOLDEN = Path(__file__).parents[1] / "golden" / "sweep_version_1"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A sweep as version 1 wrote it, without numbers of versions; the weights were left out."""
    folder = tmp_path / "old"
    shutil.copytree(GOLDEN, folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    kept = ("trials", "records", "curves", "starts")
    paths = [path for part in kept for path in (folder / part).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_golden_folder_is_of_version_1() -> None:
    assert "schema_version" not in json.loads((GOLDEN / "sweep.json").read_text())
    for path in GOLDEN.glob("trials/*/trial.json"):
        trial = json.loads(path.read_text())
        assert "schema_version" not in trial
        assert all("epoch" in attempt for attempt in trial["attempts"])


def test_an_old_sweep_is_resumed_and_nothing_is_left_to_do(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(old)
    assert main(["run", str(old / "spec.yaml"), "--out", str(old), "--in-process"]) == 0
    printed = capsys.readouterr().out
    assert "Nothing is left to do" in printed
    assert "trial 0" in printed
    assert contents(old) == before
    assert (old / "epoch").read_text() == "1"


@pytest.mark.usefixtures("whole_reports")
def test_an_old_sweep_is_reported(old: Path, tmp_path: Path) -> None:
    assert main(["report", str(old), "--out", str(tmp_path / "report")]) == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert "Trial 0 is chosen: the lowest mean `validation_divergence` among 4 complete trials." in text
    assert "attempts recorded" in text
    view = view_of(load([old]))
    assert view.metadata.gaps == ()
    assert {attempt.generation for _, attempt in view.metadata.attempts} == {1}
    assert view.distributions["param/method/transfer/rate"].log


def test_an_old_sweep_is_exported(old: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    assert main(["export-study", str(old), url]) == 0
    study = optuna.load_study(study_name="tiny", storage=url)
    assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.COMPLETE] * 4


def test_the_status_of_an_old_sweep(old: Path) -> None:
    status = SweepFolder(old).status()
    assert (status.trials, status.replicates, status.budget_trials) == ({"completed": 4}, {"completed": 8}, 4)


def test_what_is_written_is_of_the_latest_version_and_reads_the_same(old: Path) -> None:
    folder = SweepFolder(old)
    before = folder.read_trials()
    for trial in before:
        folder.write_trial(trial)
    assert folder.read_trials() == before
    written = json.loads(folder.trial_file(0).read_text())
    assert written["schema_version"] == trial_file.SCHEMA_VERSION
    assert [attempt["generation"] for attempt in written["attempts"]] == [1, 1]
    sweep = folder.require_sweep()
    folder.write_sweep(sweep)
    assert folder.require_sweep() == sweep
    assert json.loads(folder.sweep.read_text())["schema_version"] == sweep_file.SCHEMA_VERSION


# ---- newer versions, damage


def rewrite(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))


@pytest.mark.usefixtures("whole_reports")
@pytest.mark.parametrize(
    ("name", "command"),
    [
        *itertools.product(["sweep.json", "trials/0001/trial.json"], ["run", "status", "report", "export-study"]),
        ("records/trial-0001-00.json", "report"),  # the others do not look at records of trials that have ended
    ],
)
def test_a_newer_version_is_refused_in_one_sentence(
    old: Path, tmp_path: Path, name: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(old / name, lambda tree: tree.update(schema_version=7))
    arguments = {
        "run": ["run", str(old / "spec.yaml"), "--out", str(old), "--in-process"],
        "status": ["status", str(old)],
        "report": ["report", str(old), "--out", str(tmp_path / "report")],
        "export-study": ["export-study", str(old), f"sqlite:///{tmp_path / 'study.db'}"],
    }
    assert main(arguments[command]) in (1, 2)
    output = " ".join(capsys.readouterr().err.split())
    assert "has version 7: a newer acgkd wrote it. Use that version or a later one." in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(path.read_text()[:100]),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_text("[]"),
        lambda path: rewrite(path, lambda tree: tree.update(surprise=1)),
        lambda path: rewrite(path, lambda tree: tree.update(state="odd")),
        lambda path: rewrite(path, lambda tree: tree.update(schema_version="two")),
        lambda path: rewrite(path, lambda tree: tree.update(attempts=[3])),
        lambda path: rewrite(path, lambda tree: tree.pop("number")),
    ],
)
def test_a_report_and_status_name_a_damaged_trial_file(
    old: Path, damage: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(old / "trials" / "0001" / "trial.json")
    view = view_of(load([old]))
    named = [block.text for block in unknowns(view) if isinstance(block, Note)]
    assert any(text.startswith("`trials/0001/trial.json` ") for text in named)
    assert 1 in set(view.trials["trial"]), "its records are there"
    assert main(["status", str(old)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "trials 3 completed" in said
    assert "0001/trial.json" in said.replace(" ", "")
    assert "Its trial is left out." in said


@pytest.mark.usefixtures("whole_reports")
def test_a_damaged_sweep_file_is_named_in_a_report_and_refused_by_a_run(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(old / "sweep.json", lambda tree: tree.pop("name"))
    (old / "trials" / "0001" / "trial.json").write_text("{")
    assert main(["report", str(old), "--out", str(tmp_path / "report")]) == 1
    assert "`trials/0001/trial.json` is not JSON" in " ".join(capsys.readouterr().err.split())
    text = (tmp_path / "report" / "report.md").read_text().split("## Can I trust it?")[1]
    assert "`sweep.json` is not valid: name: Field required" in text
    assert "`trials/0001/trial.json` is not JSON" in text
    capsys.readouterr()
    assert main(["run", str(old / "spec.yaml"), "--out", str(old), "--in-process"]) == 1
    assert "is damaged: it is not valid: name: Field required. Restore it." in " ".join(capsys.readouterr().err.split())


def test_parameters_keep_null_apart_from_what_was_not_asked() -> None:
    text = Trial(number=0, parameters={"null": None, "true": True, "one": 1, "text": "1"}).model_dump_json()
    found = trial_file.parse(text, "there", Trial).parameters
    assert [(type(value), value) for value in found.values()] == [
        (type(None), None), (bool, True), (int, 1), (str, "1"),
    ]  # fmt: skip


def test_a_command_that_is_no_utf_8_is_kept_as_far_as_it_can_be_written(old: Path) -> None:
    spec = SweepSpec.model_validate(SweepFolder(old).require_sweep().spec)
    startup.match(SweepFolder(old), spec, command="acgkd run \udcff.yaml", spec_text="")
    assert SweepFolder(old).require_sweep().command == r"acgkd run \xff.yaml"


# ---- the page


def test_the_page_on_formats_names_every_field_and_version() -> None:
    page = (ROOT / "docs" / "reference" / "files.md").read_text()
    parts = (TrialFile, Attempt, Rung, sweep_file.SweepFile, sweep_file.Objective)
    for model in (*parts, Record, Identity, Quality, Cost, Environment, Code):
        missing = [name for name in model.model_fields if f"`{name}`" not in page]
        assert not missing, model.__name__
    assert f"version {trial_file.SCHEMA_VERSION}" in page.lower()


def test_the_page_on_formats_names_every_file_of_a_sweep(old: Path) -> None:
    page = (ROOT / "docs" / "reference" / "files.md").read_text()
    folder = SweepFolder(old)
    places = [value for value in vars(folder).values() if isinstance(value, Path) and value != old]
    assert [path.name for path in places if f"`{path.name}" not in page] == []
