"""A report as a value, and its way to disk: one HTML file, Markdown, tables and figures, written atomically."""

import io
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.figures.canvas import Picture
from analysis.page import markup

Row = Mapping[str, Any]
"""A row of a table as its columns see it."""

MANIFEST = ".report-files.json"
_OURS = re.compile(r"(tables|figures)/[\w-]+\.(csv|parquet|md|tex|svg|png)")


@dataclass(frozen=True)
class Column:
    """One column of a table as it is shown.

    Args:
        title: heading.
        text: the cell's text, from the row as a mapping.
        numeric: aligned to the right, with figures of one width.
    """

    title: str
    text: Callable[[Row], str]
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A table: all its data for the files, and the columns and rows that a reader sees.

    Args:
        name: file stem.
        title: heading.
        data: every row and column, as numbers; goes to CSV and Parquet.
        columns: what is shown.
        note: how to read it.
        marked: the rows to stand out, by position.
        most: rows shown at most; a note says how many more the files hold.
        folded: whether the HTML report shows it only when asked.
    """

    name: str
    title: str
    data: pd.DataFrame
    columns: tuple[Column, ...]
    note: str = ""
    marked: frozenset[int] = frozenset()
    most: int = 25
    folded: bool = False

    def cells(self) -> list[list[str]]:
        """The shown rows as text."""
        rows = self.data.head(self.most).to_dict("records")
        return [
            [column.text({str(key): value for key, value in row.items()}) for column in self.columns] for row in rows
        ]

    def remark(self) -> str:
        """The note, with the number of rows that are not shown."""
        left = len(self.data) - self.most
        more = f"{left} more rows are in `tables/{self.name}.csv`." if left > 0 else ""
        return " ".join(part for part in (self.note, more) if part)


@dataclass(frozen=True)
class Note:
    """A paragraph; a warning stands out. Text between backticks is set as code."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Code:
    """Text that stands as it is: a command, a spec."""

    text: str
    title: str = ""
    folded: bool = False


Block = Table | Picture | Note | Code


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Fact:
    """One headline figure: what, how much, and what to know of it."""

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All that a report says."""

    title: str
    subtitle: str
    facts: tuple[Fact, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]

    def blocks(self) -> list[Block]:
        """Everything below the headings, in order."""
        return [block for section in self.sections for block in section.blocks]

    def tables(self) -> list[Table]:
        """The tables, in order."""
        return [block for block in self.blocks() if isinstance(block, Table)]

    def pictures(self) -> list[Picture]:
        """The pictures, in order."""
        return [block for block in self.blocks() if isinstance(block, Picture)]


def write(report: Report, out: Path, records: pd.DataFrame | None = None) -> Path:
    """Writes a report's files below `out` and returns the path of `report.html`, which is written last.

    With `records`, the rows that the report rests on are written beside it as `records.csv` and `records.parquet`.

    Every file is written beside its place and renamed into it, so a reader sees the old one or the new one. Files of
    an earlier report that this one does not have are removed; nothing that a report did not write is touched.
    """
    rows: dict[str, bytes] = {}
    if records is not None:
        rows = {"records.csv": records.to_csv(index=False).encode(), "records.parquet": _parquet(records)}
    files = {**rows, **dict(_files(report))}
    manifest = out / MANIFEST
    earlier = _earlier(manifest)
    _write_file(manifest, (json.dumps(sorted(set(files) | earlier), indent=1) + "\n").encode())
    for name, content in files.items():
        _write_file(out / name, content)
    for name in earlier - set(files):
        (out / name).unlink(missing_ok=True)
    _write_file(manifest, (json.dumps(sorted(files), indent=1) + "\n").encode())
    return out / "report.html"


def _files(report: Report) -> Iterable[tuple[str, bytes]]:
    for table in report.tables():
        shown = [column.title for column in table.columns]
        right = [column.numeric for column in table.columns]
        stem = f"tables/{table.name}"
        yield f"{stem}.csv", table.data.to_csv(index=False).encode()
        yield f"{stem}.parquet", _parquet(table.data)
        yield f"{stem}.md", (markup.markdown_table(shown, table.cells(), right) + "\n").encode()
        yield f"{stem}.tex", markup.latex_table(shown, table.cells(), right, table.title).encode()
    for picture in report.pictures():
        yield f"figures/{picture.name}.svg", picture.svg.encode()
        yield f"figures/{picture.name}.png", picture.png
    yield "report.md", markdown(report).encode()
    yield "report.html", html(report).encode()


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
            return f"![{markup.markdown_text(block.title)}](figures/{block.name}.svg)\n\n*{block.title}.* {caption}"
        case Table():
            titles, right = [column.title for column in block.columns], [column.numeric for column in block.columns]
            table = markup.markdown_table(titles, block.cells(), right)
            return "\n\n".join(filter(None, [f"### {block.title}", table, markup.markdown_text(block.remark())]))


def html(report: Report) -> str:
    """The report as one HTML page that asks nobody for anything."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("analysis.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(inline_svg=markup.inline_svg, prose=markup.html_text, slug=markup.slug)
    environment.globals["kind"] = lambda block: type(block).__name__.lower()
    return environment.get_template("report.html").render(report=report)


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


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
