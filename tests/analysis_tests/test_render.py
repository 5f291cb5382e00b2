import json
import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.figures.canvas import Picture
from analysis.page import render
from analysis.page.render import Code, Column, Fact, Note, Report, Section, Table

HOSTILE = '<script>alert("x")</script> | `a` & {{ 7 * 7 }} $x$'


def report(rows: int = 3) -> Report:
    data = pd.DataFrame({"name": [HOSTILE] * rows, "value": [i / 4 for i in range(rows)]})
    columns = (
        Column("name", lambda row: row["name"], numeric=False),
        Column("value", lambda row: f"{row['value']:.2f}"),
    )
    svg = '<svg width="10pt" height="5pt" viewBox="0 0 10 5"><g id="a"/></svg>'
    blocks = (
        Table("things", "Things", data, columns, note=HOSTILE, marked=frozenset({1}), most=2),
        Table("folded", "Folded", data, columns, folded=True),
        Picture("picture", "A picture", HOSTILE, svg, b"png"),
        Note(HOSTILE, warning=True),
        Code(HOSTILE, "Command"),
        Code(HOSTILE, "Spec", folded=True),
    )
    facts = (Fact("Accuracy", "0.835", HOSTILE),)
    return Report(HOSTILE, HOSTILE, facts, (HOSTILE,), (Section("Section one", blocks), Section("Two", ())))


def test_html_sets_whatever_users_wrote_as_text() -> None:
    page = render.html(report())
    assert page.count("<script") == 2, "the page's own, and its data"
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "49" not in page.split("</style>")[1].split("<script")[0]
    assert '<tr class="marked">' in page
    assert '<a href="#section-one">' in page


def test_only_words_too_long_for_a_column_are_broken() -> None:
    data = pd.DataFrame({"first": ["a", "b"], "second": ["deepinv_graphs (reduced)", "x" * 60]})
    columns = tuple(Column(name, lambda row, name=name: row[name], numeric=False) for name in data.columns)
    page = render.html(Report("R", "", (), (), (Section("S", (Table("t", "T", data, columns),)),)))
    assert '<td class="text short">deepinv_graphs (reduced)</td>' in page
    assert f'<td class="text wordy long">{"x" * 60}</td>' in page


def test_rows_that_are_not_shown_are_counted() -> None:
    page = render.html(report())
    assert "1 more row is in <code>tables/things.csv</code>" in page


def test_all_files_are_there_and_tables_hold_every_row(tmp_path: Path) -> None:
    path = render.write(report(), tmp_path / "deep" / "report")
    out = path.parent
    assert path == out / "report.html"
    found = {str(item.relative_to(out)) for item in out.rglob("*") if item.is_file()}
    tables = {f"tables/{name}.{ending}" for name in ("things", "folded") for ending in ("csv", "parquet", "md", "tex")}
    assert found == tables | {
        "figures/picture.svg", "figures/picture.png", "report.md", "report.html", render.MANIFEST,
    }  # fmt: skip
    assert len(pd.read_csv(out / "tables" / "things.csv")) == 3
    assert pd.read_parquet(out / "tables" / "things.parquet")["value"].tolist() == [0.0, 0.25, 0.5]


def test_a_second_report_removes_what_the_first_wrote_and_nothing_else(tmp_path: Path) -> None:
    render.write(report(), tmp_path)
    (tmp_path / "tables" / "mine.csv").write_text("kept")
    smaller = report()
    smaller = replace(smaller, sections=(Section("One", smaller.sections[0].blocks[:1]),))
    render.write(smaller, tmp_path)
    assert (tmp_path / "tables" / "mine.csv").read_text() == "kept"
    assert not (tmp_path / "tables" / "folded.csv").exists()
    assert not (tmp_path / "figures" / "picture.svg").exists()
    assert (tmp_path / "tables" / "things.csv").exists()


def test_a_manifest_cannot_point_elsewhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim.csv"
    victim.write_text("kept")
    out = tmp_path / "report"
    out.mkdir()
    names = ["../victim.csv", "tables/../../victim.csv", str(victim), "report.md", 3]
    (out / render.MANIFEST).write_text(json.dumps(names))
    render.write(report(), out)
    assert victim.read_text() == "kept"


def test_a_failed_write_leaves_the_old_report_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = render.write(report(), tmp_path)
    before = path.read_bytes()
    real = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == "report.html":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        render.write(replace(report(), title="new"), tmp_path)
    assert path.read_bytes() == before
    assert not [item for item in tmp_path.rglob(".*") if item.name != render.MANIFEST]


def test_markdown_keeps_code_and_tables_apart() -> None:
    text = render.markdown(report())
    assert "![A picture](figures/picture.svg)" in text
    assert "> **Note.**" in text
    assert "\\<script\\>" in text
    assert text.count("```text") == 2
