"""Every report of the catalogue, on every kind of sweep: it is made, asks nobody, and has all its files."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.page import render
from analysis.page.render import Report
from analysis.records.frame import load
from analysis.reports import REPORTS, write
from analysis.statistics.view import views
from tests.analysis_tests import made_up as MADE_UP


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _failed(folder: Path) -> Path:
    return MADE_UP.write_folder(
        folder, [MADE_UP.record(trial=n, label=f"trial {n}", outcome="failed") for n in range(2)]
    )


def _single(folder: Path) -> Path:
    return MADE_UP.write_folder(folder, [MADE_UP.record(objectives={"validation_accuracy": 0.8})], seeds=1)


def _controls_only(folder: Path) -> Path:
    return MADE_UP.write_folder(folder, [MADE_UP.record(kind="control", label="random_graphs", trial=None)], seeds=1)


def _teachers_only(folder: Path) -> Path:
    return MADE_UP.write_folder(folder, [MADE_UP.record(kind="teacher", label="teacher", trial=None)], seeds=1)


def _own_teacher(folder: Path) -> Path:
    """No data set: no accuracy, agreement alone."""
    nothing = {name: None for name in MADE_UP.record().quality.model_dump() if name != "predicted_classes"}
    nothing["predicted_classes"] = None
    records = [
        MADE_UP.record(
            trial=n,
            label=f"trial {n}",
            replicate=r,
            vary=("draws",),
            quality={**nothing, "agreement": 0.8 + n / 50 + r / 100},
            objectives={"agreement": 0.8 + n / 50 + r / 100},
        )
        for n in range(3)
        for r in range(2)
    ]
    return MADE_UP.write_folder(folder, records, seeds=2, objectives=(("agreement", "maximize", False),))


FOLDERS: list[Callable[[Path], Path]] = [_empty, _failed, _single, _controls_only, _teachers_only, _own_teacher]


def check_files(path: Path) -> None:
    """Of a report's page: it asks nobody, shows no value that there is not, and has all its files."""
    page, text = path.read_text(), path.with_name("report.md").read_text()
    assert not re.search(r"https?://|<script (?!type=.application/json)", page)
    assert not re.search(r"\bnan\b|<NA>|\bNone\b|\bNaT\b", text)
    links = re.findall(r"\]\((figures/[^)]+)\)", text)
    assert all((path.parent / link).stat().st_size > 500 for link in links)
    for table in (path.parent / "tables").glob("*.csv"):
        pd.read_parquet(table.with_suffix(".parquet"))
        assert table.with_suffix(".tex").read_text().count(r"\begin{tabular}") == 1


def test_the_catalogue_has_its_reports() -> None:
    assert REPORTS.names() == ["methods", "sweep"]


@pytest.mark.parametrize("name", list(REPORTS))
@pytest.mark.parametrize("make", FOLDERS, ids=lambda make: make.__name__.strip("_"))
def test_every_report_is_made_from_every_folder(name: str, make: Callable[[Path], Path], tmp_path: Path) -> None:
    check_files(write([make(tmp_path / "sweep")], tmp_path / "report", name))


@pytest.mark.parametrize("name", list(REPORTS))
def test_a_plausible_sweeps_report_is_a_pure_function_and_its_accuracy_tables_end_with_the_majority_class(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Figures are compared as SVG; pixels take the longest, and other tests have them.
    monkeypatch.setattr("analysis.figures.drawing.png_of", lambda drawn: b"\x89PNG" + bytes(600))
    frame = load([MADE_UP.plausible(tmp_path / "sweep", trials=8)])
    before = frame.rows.copy()
    first, second = REPORTS[name](views(frame)), REPORTS[name](views(load([frame.sweeps[0].folder])))
    assert isinstance(first, Report)
    check_files(render.write(first, tmp_path / "report", frame.rows))
    assert [table.cells() for table in first.tables()] == [table.cells() for table in second.tables()]
    assert first.facts == second.facts
    assert first.pictures() == second.pictures()
    pd.testing.assert_frame_equal(frame.rows, before)
    names = [block.name for block in (*first.tables(), *first.pictures())]
    assert len(names) == len(set(names))
    tables = [table for table in first.tables() if {"test_accuracy", "label"} <= set(table.data.columns)]
    assert tables
    for table in tables:
        assert table.data["label"].iloc[-1] == "majority class", table.name
        assert table.cells()[-1][0] == "majority class", table.name
