"""The way of a report to disk: one HTML file, Markdown, tables and figures, written atomically."""

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd

from acgkd.errors import FolderError
from acgkd.files.whole import write_whole
from analysis.figures.canvas import Picture
from analysis.page import markup
from analysis.page.blocks import (
    Alternatives,
    Block,
    Code,
    Column,
    Fact,
    Note,
    Report,
    Row,
    Section,
    Table,
    TrialValues,
)
from analysis.page.html_page import html

__all__ = [
    "Alternatives", "Block", "Code", "Column", "Fact", "Note", "Report", "Row", "Section", "Table", "TrialValues",
    "files_beside", "html", "markdown", "require_own", "write",
]  # fmt: skip

MANIFEST = ".report-files.json"
_OURS = re.compile(r"(tables|figures)/[\w-]+\.(csv|parquet|md|tex|svg|png)")


def write(report: Report, out: Path, records: pd.DataFrame | None = None) -> Path:
    """Writes a report's files below `out` and returns the path of `report.html`, which is written last.

    With `records`, the rows that the report rests on are written beside it as `records.csv` and `records.parquet`.

    Every file is written beside its place and renamed into it, so a reader sees the old one or the new one. Files of
    an earlier report that this one does not have are removed; nothing that a report did not write is touched.
    """
    files = {name: make() for name, make in files_beside(report, records).items()}
    files |= {"report.md": markdown(report).encode(), "report.html": html(report).encode()}
    manifest = out / MANIFEST
    earlier = _earlier(manifest)
    write_whole(manifest, (json.dumps(sorted(set(files) | earlier), indent=1) + "\n").encode())
    for name, content in files.items():
        write_whole(out / name, content)
    for name in earlier - set(files):
        (out / name).unlink(missing_ok=True)
    write_whole(manifest, (json.dumps(sorted(files), indent=1) + "\n").encode())
    return out / "report.html"


def require_own(out: Path, title: str) -> None:
    """Refuses a folder that holds something else than an earlier page of this title; files with a dot in front aside.

    Raises:
        FolderError: it does.
    """
    try:
        there = sorted(name for name in os.listdir(out) if not name.startswith("."))
    except OSError:  # it is not there, or no folder: writing says so
        return
    first = ""
    with suppress(OSError, UnicodeDecodeError):
        first = (out / "report.md").read_text(encoding="utf-8").partition("\n")[0]
    if not there or ((out / MANIFEST).is_file() and first in ("", f"# {markup.markdown_text(title)}")):
        return
    named = ", ".join(f"`{name}`" for name in there[:3]) + (", ..." if len(there) > 3 else "")
    raise FolderError(
        f"A {title.lower()} is written to a folder that is new, empty, or an earlier {title.lower()}'s, but {out} "
        f"holds {named}. Choose another one with `--out`."
    )


def files_beside(report: Report, records: pd.DataFrame | None = None) -> dict[str, Callable[[], bytes]]:
    """What stands beside the page: by path below its folder, what makes the file's content.

    Args:
        report: whose tables and figures they are.
        records: the rows that it rests on; none are given where left out.
    """
    files: dict[str, Callable[[], bytes]] = {}
    if records is not None:
        files["records.csv"] = lambda: records.to_csv(index=False).encode()
        files["records.parquet"] = lambda: _parquet(records)
    for table in report.tables():
        files.update(_table_files(table))
    for picture in report.pictures():
        files[f"figures/{picture.name}.svg"] = picture.svg.encode
        files[f"figures/{picture.name}.png"] = lambda picture=picture: picture.png  # type: ignore[misc]
    return files


def _table_files(table: Table) -> Iterator[tuple[str, Callable[[], bytes]]]:
    shown = [column.title for column in table.columns]
    right = [column.numeric for column in table.columns]
    stem = f"tables/{table.name}"
    yield f"{stem}.csv", lambda: table.data.to_csv(index=False).encode()
    yield f"{stem}.parquet", lambda: _parquet(table.data)
    yield f"{stem}.md", lambda: (_markdown_table(table) + "\n").encode()
    yield f"{stem}.tex", lambda: markup.latex_table(shown, table.cells(), right, table.title, table.remark()).encode()


def markdown(report: Report) -> str:
    """The report as Markdown, its figures as links into `figures/`."""
    parts = [f"# {markup.markdown_text(report.title)}", markup.markdown_text(report.subtitle)]
    if report.facts:
        cells = [[fact.label, fact.value, fact.detail] for fact in report.facts]
        parts.append(markup.markdown_table(["", "", ""], cells, [False, False, False]))
    parts.extend(f"> **Note.** {markup.markdown_text(warning)}" for warning in report.warnings)
    for section in report.sections:
        parts.append(f"## {markup.markdown_text(section.title)}")
        parts.extend(_markdown_block(block) for block in section.blocks)
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown_block(block: Block) -> str:
    match block:
        case Note():
            text = markup.markdown_text(block.text)
            return f"> **Note.** {text}" if block.warning else text
        case Code():
            return (f"{block.title}\n\n" if block.title else "") + markup.fenced(block.text)
        case Picture():
            caption = markup.markdown_text(block.caption)
            finding = f"{markup.markdown_text(block.finding)}\n\n" if block.finding else ""
            image = f"![{markup.markdown_text(block.title)}](figures/{block.name}.svg)"
            return f"{image}\n\n{finding}*{block.title}.* {caption}"
        case Alternatives():
            return "\n\n".join(_markdown_block(inner) for _, blocks in block.items for inner in blocks)
        case Table():
            return f"### {block.title}\n\n{_markdown_table(block)}"


def _markdown_table(table: Table) -> str:
    """The table, and below it how to read it."""
    titles, right = [column.title for column in table.columns], [column.numeric for column in table.columns]
    cells = markup.markdown_table(titles, table.cells(), right)
    return "\n\n".join(filter(None, [cells, markup.markdown_text(table.remark())]))


def _parquet(data: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    data.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _earlier(manifest: Path) -> set[str]:
    """Files that an earlier report wrote, as far as they lie where reports write."""
    try:
        names = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {name for name in names if isinstance(name, str) and _OURS.fullmatch(name)}
