"""Searches in a suite: each is a sweep of its own, and what they chose are the rows of another suite."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import analysis
from acgkd.errors import SpecError
from sweeps.cli.app import main
from sweeps.executors.inprocess import InProcess
from sweeps.suites.running import run_members
from sweeps.suites.suite import open_suite
from sweeps.suites.suite_folder import SuiteFolder
from sweeps.suites.suite_loading import load_suite
from sweeps.suites.suite_pages import write_pages

RATE = {"method/synthesis/rate": {"type": "float", "low": 0.1, "high": 1.0}}
GFKD = {"method/transfer/rate": {"type": "float", "low": 0.1, "high": 1.0}}
TASK: dict[str, Any] = {
    "datasets": ["motifs", {"name": "motifs", "label": "others", "options": {"graphs": 60}}],
    "pairs": [{"teacher": "gin-2-8", "student": "gin-2-8"}],
}
SEARCHES: dict[str, Any] = {
    "name": "searches",
    "replicates": {"seeds": [100, 101]},
    "budget": {"trials": 3},
    "suite": {
        **TASK,
        "methods": [
            {"name": "acgkd", "space": RATE, "synthesis": {"graphs": 24}},
            {"name": "gfkd", "label": "gfkd, searched", "space": GFKD, "datasets": "motifs"},
        ],
    },
}
AFTER: dict[str, Any] = {
    "name": "after",
    "replicates": {"seeds": [0, 1]},
    "suite": {**TASK, "methods": ["acgkd", {"name": "acgkd", "label": "acgkd (tuned)", "settings_from": "searches"}]},
}
NAMES = [
    "searches-motifs-gin-2-8-gin-2-8-acgkd",
    "searches-motifs-gin-2-8-gin-2-8-gfkd__searched",
    "searches-others-gin-2-8-gin-2-8-acgkd",
]


@pytest.fixture(scope="module")
def home(lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a suite of searches that has ended."""
    home = tmp_path_factory.mktemp("home")
    fakes = lab.FakeExperiments(hurry=True)
    outcome = run_members(load_suite(SEARCHES), home / "searches", InProcess(), experiments_of=lambda member: fakes)
    assert outcome.sound
    return home


def test_each_search_is_a_sweep_of_its_own(home: Path) -> None:
    members = load_suite(SEARCHES).members
    assert [member.name for member in members] == NAMES
    assert [member.value["space"] for member in members] == [RATE, GFKD, RATE]
    assert all(member.value["controls"] == [] for member in members)
    for name in NAMES:
        assert len(list((home / "searches" / "sweeps" / name / "records").glob("trial-*.json"))) == 6


def test_its_status_counts_trials_and_knows_the_end(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = open_suite(home / "searches").status()
    assert status.states == {"completed": 3}
    assert (status.done, status.runs) == (18, 18)
    assert main(["status", str(home / "searches"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["members"][0]["runs"] == 6


@pytest.mark.usefixtures("without_figures")
def test_methods_are_compared_as_tuned(home: Path) -> None:
    (page,) = write_pages(SuiteFolder(home / "searches"))
    rows = page.comparison.rows
    assert rows[rows["role"] == "baseline"]["method"].tolist() == ["acgkd"]
    assert "gfkd" in set(rows[rows["role"] == "best"]["method"])
    assert all("tuned" in note for note in rows[rows["role"].isin(["baseline", "best"])]["note"])
    assert set(rows["settings_tried"]) == {3}


def test_another_suite_has_what_they_chose_on_each_data_set(
    home: Path, lab: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    members = load_suite(AFTER).members
    for member, search in zip(members, (NAMES[0], NAMES[2]), strict=True):
        best = analysis.pareto(analysis.load(home / "searches" / "sweeps" / search))
        (rate,) = best[best["chosen"]]["param/method/synthesis/rate"]
        (control,) = member.spec().controls
        assert control.synthesis == {"graphs": 24, "rate": rate}
        assert control.chosen is not None
        assert control.chosen.sweep == search
    fakes = lab.FakeExperiments(hurry=True)
    assert run_members(load_suite(AFTER), home / "after", InProcess(), experiments_of=lambda member: fakes).sound


RATIO = {"method/synthesis/ratio": {"type": "float", "low": 0.1, "high": 1.0}}
WRONG: list[tuple[list[Any], dict[str, Any], str, str]] = [
    ([{"name": "acgkd", "space": RATE}], {"budget": {"hours": 1}}, "budget/trials", "ends after a number of trials"),
    (["acgkd", {"name": "gfkd", "space": RATIO}], {}, "suite/methods/1/space/method/synthesis/ratio", "Unknown key."),
    ([{"name": "acgkd", "space": RATE, "settings_from": "searches"}], {}, "suite/methods/0", "Leave one out"),
]


@pytest.mark.parametrize(("methods", "extra", "path", "message"), WRONG)
def test_what_is_wrong_with_a_search_is_said_where_the_suite_says_it(
    methods: list[Any], extra: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(SpecError) as caught:
        load_suite({**SEARCHES, "suite": {**TASK, "methods": methods}, **extra})
    (fault, *_) = caught.value.faults
    assert (fault.path, message in fault.message) == (path, True), fault
