"""`acgkd confirm` and `acgkd reproduce`: a trial again, on fresh seeds or on its own."""

import json
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from analysis.records import confirmations
from analysis.records.frame import load
from analysis.reports import confirmation
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store import shared_cache
from sweeps.worker.experiments import AcgkdExperiments

CONTROLS = ["acgkd", {"name": "acgkd", "label": "own", "transfer": {"steps": 8}}]
FIXED = {"name": "acgkd", "synthesis": {"other": 3}}


@pytest.fixture(autouse=True)
def _fakes(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AcgkdExperiments, "of", lambda spec, trust_code=False: lab.FakeExperiments(hurry=True))
    # What fakes make is not named by what made it, so it stays in the sweep's folder.
    monkeypatch.setattr(shared_cache, "place", lambda sweep, **_: sweep / "cache")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="module")
def finished(lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search with controls, which stays as it is."""
    folder: Path = tmp_path_factory.mktemp("followups") / "search"
    replicates = {"seeds": (0, 1, 4), "vary": ("teacher", "draws")}
    spec = lab.make_spec(method=FIXED, controls=CONTROLS, replicates=replicates)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_cache, "place", lambda sweep, **_: sweep / "cache")
        run_sweep(spec, folder, InProcess(), experiments=lab.FakeExperiments(hurry=True))
    return folder


@pytest.fixture
def search(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "search"))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, on one line."""
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def chosen(lab: ModuleType, folder: Path) -> dict[str, Any]:
    trials: list[dict[str, Any]] = lab.trials(folder)
    return min(trials, key=lambda trial: trial["values"][0])


def of_kind(lab: ModuleType, folder: Path, kind: str) -> list[dict[str, Any]]:
    return [row for row in lab.table(folder) if row["identity"]["kind"] == kind]


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a search without its confirmations and its report."""
    left_out = ("confirm", "report")
    paths = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in left_out]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


# ---- confirm


@pytest.mark.usefixtures("whole_reports")
def test_the_chosen_trial_runs_on_fresh_seeds(
    lab: ModuleType, search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, trial = contents(search), chosen(lab, search)
    assert main(["confirm", str(search), "--seeds", "4", "--in-process"]) == 0
    shown = said(capsys)
    assert f"The search's figures were selected: trial {trial['number']} is the best of 6 complete trials" in shown
    assert "The confirmation was not selected" in shown
    assert "on 4 seeds that the search never saw (5 to 8)" in shown
    assert contents(search) == before, "the search is as it was"

    folder = confirmations.folder_of(search, trial["number"])
    fresh = of_kind(lab, folder, "trial")
    assert [row["identity"]["seed"] for row in fresh] == [5, 6, 7, 8]
    own = next(row for row in lab.table(search) if row["identity"]["trial"] == trial["number"])
    assert all(row["settings"] == own["settings"] for row in fresh), "the trial's settings, though nothing is searched"
    settings = {row["identity"]["label"]: row["settings"] for row in of_kind(lab, search, "control")}
    controls = of_kind(lab, folder, "control")
    assert len(controls) == 8
    assert all(row["settings"] == settings[row["identity"]["label"]] for row in controls), "not those of the trial"

    _, (objective, test) = confirmation(search)
    assert [row[0] for row in test.cells()] == [f"trial {trial['number']}", "acgkd", "own"]
    values = [row["objectives"]["validation_divergence"] for row in fresh]
    row = objective.data.iloc[0]
    assert row["search"] == pytest.approx(trial["values"][0])
    assert (row["search_n"], row["fresh_n"], row["planned"]) == (3, 4, 4)
    assert (row["fresh"], row["fresh_sd"]) == pytest.approx((statistics.mean(values), statistics.stdev(values)))
    assert row["drop"] == pytest.approx(statistics.mean(values) - trial["values"][0]), "more divergence is worse"
    assert row["drop_low"] < row["drop"] < row["drop_high"]
    first = test.data.iloc[0]
    assert first["drop"] == pytest.approx(first["search"] - first["fresh"]), "less accuracy is worse"
    for name in ("report.html", "report.md"):
        assert "Confirmation on fresh seeds" in (search / "report" / name).read_text()
    assert (search / "report" / "tables" / "confirmation-test.csv").is_file()


def test_the_same_command_resumes_and_then_has_nothing_to_do(
    lab: ModuleType, search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["confirm", str(search), "--seed-list", "101,102", "--in-process"]
    assert main(command) == 0
    folder = next((search / "confirm").iterdir())
    events = lab.events(folder, "measured")
    assert main(command) == 0
    assert "Nothing is left to do." in said(capsys)
    assert lab.events(folder, "measured") == events
    (folder / "records" / "trial-0000-01.json").unlink()
    assert main(command) == 0
    assert len(lab.events(folder, "measured")) == len(events) + 1
    capsys.readouterr()
    assert main(["confirm", str(search), "--seed-list", "103", "--in-process"]) == 2
    assert "on the seeds [101, 102], but [103] were asked for" in said(capsys)


def test_the_front_shares_teachers_and_controls(lab: ModuleType, search: Path) -> None:
    assert main(["confirm", str(search), "--seeds", "2", "--front", "--in-process"]) == 0
    folders = sorted((search / "confirm").iterdir())
    assert len(folders) > 1
    measured = {line for folder in folders for line in lab.events(folder, "measured")}
    assert len(measured) == 2 * (len(folders) + len(CONTROLS))
    done = max((lab.events(folder, "measured") for folder in folders), key=len)
    assert len(done) <= len(measured)
    for folder in folders:
        assert len(of_kind(lab, folder, "control")) == 4
        assert len(lab.events(folder, "teacher")) == 2
    _, (_, test) = confirmation(search)
    assert [row[0] for row in test.cells()][-2:] == ["acgkd", "own"]
    assert len(test.cells()) == len(folders) + 2


def test_a_confirmation_under_way_is_reported_as_far_as_it_is(lab: ModuleType, search: Path) -> None:
    assert main(["confirm", str(search), "--seeds", "3", "--in-process"]) == 0
    records = next((search / "confirm").iterdir()) / "records"
    (records / "trial-0000-02.json").unlink()
    _, tables = confirmation(search)
    assert [table.cells()[0][4] for table in tables] == ["2 of 3", "2 of 3"]
    for path in [*records.glob("trial-*"), *records.glob("control-*")]:
        path.unlink()
    _, tables = confirmation(search)
    assert [table.cells()[0][3:] for table in tables] == [["–", "0 of 3", "–", "–"]] * 2


def test_seeds_that_the_search_got_later_are_no_longer_fresh(lab: ModuleType, search: Path) -> None:
    assert main(["confirm", str(search), "--seeds", "2", "--in-process"]) == 0
    assert "no longer fresh" not in confirmation(search)[0]
    spec = SweepSpec.model_validate(json.loads((search / "sweep.json").read_text())["spec"])
    more = spec.replicates.model_copy(update={"seeds": (0, 1, 4, 6)})
    run_sweep(spec.model_copy(update={"replicates": more}), search, InProcess())
    assert "on 6 it is no longer fresh." in confirmation(search)[0]


def test_what_cannot_be_confirmed_is_one_error(
    lab: ModuleType, search: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_sweep(lab.make_spec(transfer={"fault": "diverge"}, trials=1), tmp_path / "diverged", InProcess())
    for arguments, message in (
        (["diverged"], "has chosen none yet: no trial has all its replicates completed"),
        (["nowhere"], "there is no such folder"),
        (["search", "--seed-list", "4,9"], "seeds that the search never saw, but 4 chose its trials"),
        (["search", "--seed-list", "9,9"], "Seeds are different whole numbers"),
        (["search", "--seed-list", "9,-1"], "Seeds are different whole numbers"),
        (["search", "--seed-list", "9;10"], "whole numbers with commas between"),
        (["search", "--seed-list", "9", "--seeds", "3"], "but got both"),
        (["search", "--seeds", "0"], "1 or more"),
        (["search", "--in-process", "--address", "auto"], "takes no --address"),
    ):
        assert main(["confirm", str(tmp_path / arguments[0]), *arguments[1:]]) == 2, arguments
        assert message in said(capsys).replace("│ ", ""), message
    assert not (search / "confirm").exists()


def test_a_report_of_several_sweeps_and_of_packed_records(
    search: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert main(["confirm", str(search), "--seeds", "2", "--in-process"]) == 0
    request.getfixturevalue("whole_reports")
    assert main(["report", str(search), str(search / "confirm"), "--out", str(tmp_path / "r")]) == 2
    single = next((search / "confirm").iterdir())
    assert main(["report", str(search), str(single), "--out", str(tmp_path / "r")]) == 0
    assert (tmp_path / "r" / "report.md").read_text().count("Confirmation on fresh seeds") == 1
    assert main(["pack", str(search), "--out", str(tmp_path / "p.parquet")]) == 0
    assert main(["report", str(tmp_path / "p.parquet"), "--out", str(tmp_path / "q")]) == 0
    assert "Confirmation" not in (tmp_path / "q" / "report.md").read_text()
    assert len(load([search]).rows) == len(load([tmp_path / "p.parquet"]).rows)


def test_controls_of_another_student_are_not_compared(lab: ModuleType, tmp_path: Path) -> None:
    students = {"student/preset": {"type": "categorical", "choices": ("gin-2-8", "gin-2-16")}}
    spec = lab.make_spec(space=lab.SPACE | students, controls=CONTROLS)
    run_sweep(spec, tmp_path / "search", InProcess())
    assert main(["confirm", str(tmp_path / "search"), "--seeds", "2", "--in-process"]) == 0
    _, (_, test) = confirmation(tmp_path / "search")
    label = test.cells()[1][0]
    assert label in ("acgkd (gin-2-8)", "acgkd (gin-2-16)")
    assert test.data["search_n"].tolist()[1:] == [0, 0]


# ---- reproduce


def test_a_trial_is_reproduced_to_the_last_bit(
    lab: ModuleType, search: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(search)
    assert main(["reproduce", str(search), "--trial", "3", "--out", str(tmp_path / "again")]) == 0
    shown = said(capsys)
    assert "All 7 figures agree to the last bit." in shown
    assert "objective validation_divergence bit-equal" in shown
    assert contents(search) == before
    rows = of_kind(lab, tmp_path / "again", "trial")
    assert [row["identity"]["seed"] for row in rows] == [0, 1, 4]
    assert len(of_kind(lab, tmp_path / "again", "teacher")) == 3, "teachers are made anew"
    assert main(["reproduce", str(search), "--trial", "3", "--out", str(tmp_path / "again")]) == 0
    assert len(lab.events(tmp_path / "again", "measured")) == 3, "the same command resumes"
    one = ["reproduce", str(search), "--trial", "3", "--replicate", "2", "--out", str(tmp_path / "one")]
    assert main(one) == 0
    assert [row["identity"]["seed"] for row in of_kind(lab, tmp_path / "one", "trial")] == [4]


def change(path: Path, how: Callable[[dict[str, Any]], object]) -> None:
    tree = json.loads(path.read_text())
    how(tree)
    path.write_text(json.dumps(tree))


def test_a_figure_that_differs_is_named_with_what_may_explain_it(
    search: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = search / "records" / "trial-0002-01.json"

    def differ(tree: dict[str, Any]) -> None:
        tree["quality"]["test_accuracy"] += 0.001
        tree["environment"].update(torch="1.13", host="elsewhere")

    change(path, differ)
    command = ["reproduce", str(search), "--trial", "2", "--out", str(tmp_path / "again")]
    assert main(command) == 1
    shown = said(capsys)
    assert "test_accuracy differs by 0.001 (seed 1:" in shown
    assert "Versions and devices that differ torch 1.13; here not recorded" in shown
    assert "elsewhere" not in shown
    assert "1 of 7 figures do not agree to the last bit." in shown
    assert main([*command, "--tolerance", "0.01"]) == 0
    assert "All 7 figures agree within 0.01." in said(capsys)
    change(path, lambda tree: tree["quality"].update(agreement=0.5))
    assert main([*command, "--tolerance", "0.01"]) == 1
    assert "agreement differs (seed 1: 0.5, here not measured)" in said(capsys)


def test_what_diverged_diverges_again(lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_sweep(lab.make_spec(transfer={"fault": "diverge"}, trials=1), tmp_path / "search", InProcess())
    assert main(["reproduce", str(tmp_path / "search"), "--trial", "0", "--out", str(tmp_path / "again")]) == 0
    assert "outcome bit-equal" in said(capsys)


def test_what_cannot_be_reproduced_is_one_error(
    lab: ModuleType, search: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (search / "records" / "trial-0001-02.json").unlink()
    failing = lab.make_spec(transfer={"fault": "bug"}, trials=1, seeds=(0,))
    run_sweep(failing, tmp_path / "failed", InProcess())
    out = str(tmp_path / "again")
    for arguments, message in (
        (["search", "--trial", "9", "--out", out], "has 6 trials, numbered from 0, but not number 9"),
        (["search", "--trial", "0", "--replicate", "3", "--out", out], "has 3 replicates, numbered from 0"),
        (["search", "--trial", "1", "--replicate", "2", "--out", out], "there is none (without a record)"),
        (["failed", "--trial", "0", "--out", out], "there is none (failed)"),
        (["search", "--trial", "0", "--out", str(search)], "outside of"),
        (["search", "--trial", "0", "--out", str(search / "again")], "outside of"),
        (["search", "--trial", "0", "--out", str(tmp_path / "failed")], "belongs to a sweep with other settings"),
        (["search", "--trial", "0", "--out", str(tmp_path)], "a folder of its own"),
        (["nowhere", "--trial", "0", "--out", out], "there is no such folder"),
    ):
        assert main(["reproduce", str(tmp_path / arguments[0]), *arguments[1:]]) == 2, arguments
        assert message in said(capsys), message
    assert not Path(out).exists()


def test_files_that_changed_since_are_refused(
    lab: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = tmp_path / "split.json"
    split.write_text('{"train": [0]}')
    spec = SweepSpec.model_validate(
        lab.make_spec(trials=1).model_dump() | {"dataset": {"name": "motifs", "split_file": str(split)}}
    )
    run_sweep(spec, tmp_path / "search", InProcess())
    split.write_text('{"train": [1]}')
    for command in (["reproduce", "--trial", "0", "--out", str(tmp_path / "again")], ["confirm", "--in-process"]):
        assert main([command[0], str(tmp_path / "search"), *command[1:]]) == 2
        assert "`dataset/split_file` names another one" in said(capsys)
