"""Whose rows are whose, where a sweep's rows were made by several codes."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from analysis.records.frame import from_records, load
from analysis.records.parts.code import Code
from analysis.records.record import Record
from analysis.reports import REPORTS, pareto_table, write
from analysis.statistics.codes import codes_of
from analysis.statistics.view import view_of

OLD = Code(version="0.1.0", package="a" * 16)
NEW = Code(version="0.1.0", package="b" * 16, files={"models.py": "c" * 16})
COLUMN = "| code "

pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.fixture
def coded(made_up: ModuleType) -> Callable[..., list[Record]]:
    """Makes one trial for each code, later ones better and begun later, and a control of the first code."""

    def make(*codes: Code | None) -> list[Record]:
        found = []
        for number, code in enumerate([*codes, codes[0]]):
            last = number == len(codes)
            who = {"label": "random_graphs", "kind": "control", "method": "random_graphs"} if last else {}
            began = {"started_at": f"2025-01-0{number + 1}"}
            quality = {"validation_accuracy": 0.5 + 0.1 * number}
            options = {"label": f"trial {number}", "trial": number, **who, "quality": quality, "environment": began}
            found.append(made_up.record(**options, code=code))
        return found

    return make


def test_rows_of_one_code_need_no_letters(coded: Callable[..., list[Record]]) -> None:
    for code in (OLD, None):
        found = codes_of(from_records(coded(code, code)).rows)
        assert not found.several
        assert found.sentences(1) == ()


def test_letters_go_by_age_and_what_is_not_known_comes_first(coded: Callable[..., list[Record]]) -> None:
    found = codes_of(from_records(coded(NEW, OLD, None)).rows)
    assert [(code.letter, code.text, code.made) for code in found.all] == [
        ("A", "not recorded", "trial 2"),
        ("B", f"acgkd 0.1.0 (code {'b' * 16}), models.py={'c' * 16}", "trial 0, random_graphs"),
        ("C", f"acgkd 0.1.0 (code {'a' * 16})", "trial 1"),
    ]
    assert found.mark(1, "trial 1") == "C"
    assert found.mark(float("nan"), "random_graphs") == "B"
    assert found.mark(None, "majority class") == ""


def test_a_trial_of_two_codes_has_both_letters(made_up: ModuleType) -> None:
    rows = [made_up.record(replicate=place, code=code) for place, code in enumerate((OLD, NEW))]
    found = codes_of(from_records(rows).rows)
    assert found.marks[0] == "A, B"
    assert len(found.sentences(0)) == 1, "there is no other row to compare with"


def test_the_report_marks_rows_and_says_what_the_chosen_trial_is_compared_with(
    made_up: ModuleType, coded: Callable[..., list[Record]], tmp_path: Path
) -> None:
    folder = made_up.write_folder(tmp_path / "sweep", coded(OLD, OLD, NEW), seeds=1)
    sweep = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps({**sweep, "accepted": ["models.py: cc is now dd"]}))
    frame = load([folder])
    view = view_of(frame)
    assert view.choice.trial == 2
    compared = (
        "The chosen trial 2 is of code B and is compared with rows of other code: trials 0 to 1, random_graphs (A)."
    )
    assert view.code_warnings[-1] == compared
    assert "models.py: cc is now dd" in view.code_warnings[1]
    assert compared in pareto_table(frame).attrs["codes"]
    for name in REPORTS:
        text = (write(frame, tmp_path / name, name).parent / "report.md").read_text().replace("\\_", "_")
        assert compared in text, name
        assert COLUMN in text, name


def test_a_report_of_one_code_says_it_among_the_versions_alone(
    made_up: ModuleType, coded: Callable[..., list[Record]], tmp_path: Path
) -> None:
    folder = made_up.write_folder(tmp_path / "sweep", coded(OLD, OLD), seeds=1)
    before, _, after = (
        (write([folder], tmp_path / "report").parent / "report.md").read_text().partition("## Can I trust it?")
    )
    assert f"acgkd 0.1.0 (code {'a' * 16})" in after
    assert COLUMN not in before
    assert "codes" not in pareto_table(folder).attrs
