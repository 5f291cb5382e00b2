"""Rows with the settings that a search chose: read from its folder, run on fresh seeds, compared with the defaults."""

import copy
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import analysis
from acgkd.errors import SpecError
from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange.method_defaults import published_methods
from sweeps.spec.loading import load
from sweeps.suites.suite_loading import load_suite
from sweeps.worker.experiments import AcgkdExperiments

TASK = {"dataset": "motifs", "teacher": "gin-2-8", "student": "gin-2-8", "method": "acgkd"}
SPACE = {"method/synthesis/rate": {"type": "float", "low": 0.1, "high": 1.0}}
SEARCH = {
    **TASK, "name": "search", "space": SPACE, "budget": {"trials": 4}, "replicates": {"seeds": [100, 101]},
    "controls": [],
    "method": {"name": "acgkd", "synthesis": {"graphs": 24}},
}  # fmt: skip
ROW = {"name": "acgkd", "label": "acgkd (tuned)", "settings_from": "search"}
SPEC = {**TASK, "name": "after", "replicates": {"seeds": [0, 1]}, "controls": [ROW]}


@pytest.fixture(scope="module")
def home(lab: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search that has ended."""
    home = tmp_path_factory.mktemp("home")
    run_sweep(load(SEARCH), home / "search", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    return home


@pytest.fixture(autouse=True)
def _there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


def chosen(home: Path) -> tuple[int, float]:
    """Number and rate of the chosen trial."""
    frame = analysis.load(home / "search")
    best = analysis.pareto(frame)
    (row,) = best[best["chosen"]].to_dict("records")
    return int(row["trial"]), float(row["param/method/synthesis/rate"])


def test_a_control_has_the_settings_of_the_chosen_trial(home: Path) -> None:
    number, rate = chosen(home)
    spec = load(SPEC)
    (control,) = spec.controls
    assert control.settings_from is None, "written out, so that the folder of the sweep needs no search"
    assert control.chosen is not None
    assert (control.chosen.sweep, control.chosen.trial, control.chosen.among) == ("search", number, 4)
    settings = {"synthesis": {"graphs": 24, "rate": rate}, "transfer": {}}
    assert {"synthesis": control.synthesis, "transfer": control.transfer} == settings
    by_hand = load({**SPEC, "controls": [{"name": "acgkd", "label": "acgkd (tuned)", **settings}]})
    assert by_hand.fingerprint() == spec.fingerprint(), "how they were chosen shapes no result"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicates": {"seeds": [100, 2]}}, "seeds that their search never saw, but 100 chose them in search"),
        ({"student": "gin-3-8"}, "names one search of `acgkd` on motifs, gin-2-8 → gin-3-8, but search has none"),
        ({"controls": [{**ROW, "name": "gfkd"}]}, "but search has none. It chose: search: `acgkd` on motifs"),
        ({"controls": [{**ROW, "settings_from": "gone"}]}, "there is none at gone. Run the search first."),
        ({"controls": [{**ROW, "transfer": {"steps": 3}}]}, "but here are both. Leave one of them out."),
    ],
)
def test_what_cannot_be_taken_from_a_search_is_said(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load({**SPEC, **change})
    (fault,) = caught.value.faults
    assert message in fault.message
    assert fault.path.startswith("controls/0")


def suite(**row: Any) -> dict[str, Any]:
    return {
        "name": "before-and-after", "replicates": {"seeds": [0, 1]}, "dataset": "motifs", "teacher": "gin-2-8",
        "student": "gin-2-8",
        "suite": {"budgets": ["own", "equal_seconds"], "methods": ["acgkd", {**ROW, **row}]},
    }  # fmt: skip


def test_a_suite_has_such_rows_at_their_own_budget(home: Path) -> None:
    (member,) = load_suite(suite()).members
    assert [row.label for row in member.rows] == ["acgkd", "acgkd (tuned)"]
    assert member.spec().controls[0].synthesis == {"graphs": 24, "rate": chosen(home)[1]}


def test_a_suite_says_where_such_a_row_is_wrong() -> None:
    with pytest.raises(SpecError) as caught:
        load_suite(suite(settings_from="gone"))
    assert [fault.path for fault in caught.value.faults] == ["suite/methods/1/settings_from"]
    wrong = copy.deepcopy(suite())
    wrong["suite"]["reference"] = "acgkd (tuned)"
    with pytest.raises(SpecError, match="has those of a search"):
        load_suite(wrong)
    with pytest.raises(SpecError, match="Leave one of them out"):
        load_suite(suite(synthesis={"graphs": 8}))


@pytest.mark.usefixtures("without_figures")
def test_tuned_rows_are_compared_with_those_at_the_defaults(
    home: Path, lab: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes: Callable[..., Any] = lambda spec, trust_code=False: lab.FakeExperiments(hurry=True)  # noqa: E731
    monkeypatch.setattr(AcgkdExperiments, "of", fakes)
    run_sweep(load(SPEC), home / "after", InProcess(), experiments=lab.FakeExperiments(hurry=True))
    number, _ = chosen(home)
    made = analysis.compare_methods([home / "after"], published=published_methods())
    row = made.rows.set_index("row").loc["acgkd (tuned)"]
    assert row["provenance"] == f"tuned: trial {number} of 4 in search"
    assert row["settings_tried"] == 4
    assert "not published" not in row["note"]
    assert main(["compare", "after", "--out", "page"]) == 0
    page = " ".join((home / "page" / "report.md").read_text().split())
    assert "## What tuning bought" in page
    assert "| motifs | acgkd (tuned) | acgkd |" in page
    assert f"trial {number} of 4 in search" in page
    said = " ".join(capsys.readouterr().out.split())
    assert "motifs: acgkd (tuned) minus acgkd " in said
    assert f"trial {number} of 4 in search" in said
