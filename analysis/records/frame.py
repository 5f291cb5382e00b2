"""The frame: the records of one or several sweep folders as one checked table, one row per record."""

import json
import os
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import pandas as pd
from pydantic import ValidationError

from acgkd.errors import FrameError, MissingFolderError, RecordError
from analysis.records.file_names import as_text
from analysis.records.record import SCHEMA_VERSION, Cost, Environment, Identity, Quality, Record

PREFIXES = ("param/", "setting/", "objective/", "selection/")
KEYS = ("source", "kind", "label")


def _dtype(annotation: Any) -> str:
    """The column type of a field: nullable where the field is."""
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) in (Union, types.UnionType) and len(parts) == 1:
        annotation = parts[0]
    return {int: "Int64", float: "float64", bool: "boolean"}.get(annotation, "string")


def _columns() -> dict[str, str]:
    columns = {"source": "string", "file": "string", "schema_version": "Int64"}
    for part in (Identity, Quality, Cost, Environment):
        columns.update({name: _dtype(field.annotation) for name, field in part.model_fields.items()})
    columns.update({"outcome": "string", "message": "string", "progress": "float64", "absent": "string"})
    return columns


COLUMNS: Mapping[str, str] = types.MappingProxyType(_columns())
"""Every fixed column and its type; `source` and `file` say where a row was read."""


@dataclass(frozen=True)
class Unreadable:
    """A file among the records that is none, and why."""

    source: str
    file: str
    reason: str


@dataclass(frozen=True)
class Frame:
    """Rows that are known to be well formed, with the files that could not become rows.

    Args:
        rows: one per record; the columns of `COLUMNS` in that order, then ``param/...``, ``setting/...``,
            ``objective/...`` and ``selection/...``.
        unreadable: files that were left out; reports list them.
        sources: name of every sweep folder that was read, in the order given, to its path.

    Raises:
        FrameError: a column is missing, unknown or of the wrong type, or two rows are the same replicate.
    """

    rows: pd.DataFrame
    unreadable: tuple[Unreadable, ...] = ()
    sources: tuple[tuple[str, Path], ...] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.rows.columns if name not in COLUMNS and not name.startswith(PREFIXES)]
        missing = [name for name in COLUMNS if name not in self.rows.columns]
        if unknown or missing:
            raise FrameError(
                f"A frame has the columns of `COLUMNS` and those that start with {', '.join(PREFIXES)}, "
                f"but {unknown or 'none'} are unknown and {missing or 'none'} are missing."
            )
        wrong = {name: str(self.rows[name].dtype) for name in COLUMNS if str(self.rows[name].dtype) != COLUMNS[name]}
        if wrong:
            raise FrameError(f"These columns have the wrong type: {wrong}. Make frames with `load` or `from_records`.")
        twice = self.rows[self.rows.duplicated([*KEYS, "replicate"], keep=False)]
        if len(twice):
            raise FrameError(f"A replicate is one row, but these are several: {sorted(set(twice['file']))}.")

    def of(self, source: str) -> "Frame":
        """The part that came from one sweep folder."""
        return Frame(
            _trim(self.rows[self.rows["source"] == source].reset_index(drop=True)),
            tuple(item for item in self.unreadable if item.source == source),
            tuple(item for item in self.sources if item[0] == source),
        )

    def parameters(self) -> list[str]:
        """Columns of the searched hyper-parameters, sorted."""
        return sorted(name for name in self.rows.columns if name.startswith("param/"))

    def to_csv(self, path: Path) -> None:
        """Writes the rows as CSV; floats keep all their digits."""
        self.rows.to_csv(path, index=False)

    def to_parquet(self, path: Path) -> None:
        """Writes the rows as Parquet."""
        self.rows.to_parquet(path, index=False)


def load(folders: Iterable[Path | str]) -> Frame:
    """Reads the records of sweep folders.

    Raises:
        MissingFolderError: a path is not a folder.
        RecordError: a record was written by a newer version; nothing is then half read.
    """
    paths = list(dict.fromkeys(Path(folder).resolve() for folder in folders))
    for path in paths:
        if not path.is_dir():
            raise MissingFolderError(f"A sweep folder is a directory with `records/` in it, but {path} is none.")
    rows: list[dict[str, Any]] = []
    unreadable: list[Unreadable] = []
    sources = tuple(zip(_short_names(paths), paths, strict=True))
    for source, path in sources:
        found, refused = _read_folder(source, path)
        rows.extend(found)
        unreadable.extend(refused)
    return Frame(_typed(rows), tuple(unreadable), sources)


def from_records(records: Iterable[Record]) -> Frame:
    """The frame of records that are at hand; their source is the name of their sweep."""
    rows = [
        {"source": record.identity.sweep, "file": f"#{index}", **record.row()} for index, record in enumerate(records)
    ]
    return Frame(_typed(rows), (), ())


def _short_names(paths: list[Path]) -> list[str]:
    """Shortest endings of the paths that tell them apart."""
    for length in range(1, 1 + max((len(path.parts) for path in paths), default=0)):
        names = [as_text("/".join(path.parts[-length:])) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [as_text(str(path)) for path in paths]


def _read_folder(source: str, path: Path) -> tuple[list[dict[str, Any]], list[Unreadable]]:
    rows: list[dict[str, Any]] = []
    unreadable: list[Unreadable] = []
    first: dict[tuple[str, str, int], str] = {}
    folder = path / "records"
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        if name.startswith("."):
            continue  # a writer's temporary file: the record proper is not there yet
        record = _read_record(folder / name)
        if isinstance(record, str):
            unreadable.append(Unreadable(source, as_text(name), record))
            continue
        identity = (record.identity.kind, record.identity.label, record.identity.replicate)
        if identity in first:
            reason = as_text(f"the same replicate as {first[identity]}, which is kept")
            unreadable.append(Unreadable(source, as_text(name), reason))
            continue
        first[identity] = name
        rows.append({"source": source, "file": name, **record.row()})
    return rows, unreadable


def _read_record(path: Path) -> Record | str:
    """The record in a file, or the reason why there is none."""
    if path.suffix != ".json" or not path.is_file():
        return "not a .json file"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    except (ValueError, RecursionError):
        return "not JSON: torn, or something else"
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        return "JSON, but no record: it has no `schema_version`"
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"Records up to schema version {SCHEMA_VERSION} can be read, but {path} has version {version}: a newer "
            "acgkd wrote it. Make the report with that version or a later one."
        )
    try:
        return Record.model_validate(data)
    except ValidationError as error:
        faults = [f"{'/'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3]]
        return "not a valid record: " + "; ".join(faults)


def _typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a data frame of the fixed columns, then the prefixed ones in order, each with its type."""
    extra = sorted({name for row in rows for name in row if name not in COLUMNS})
    extra.sort(key=lambda name: next((i for i, prefix in enumerate(PREFIXES) if name.startswith(prefix)), -1))
    data: dict[str, pd.Series[Any]] = {}
    for name in [*COLUMNS, *extra]:
        values = [row.get(name) for row in rows]
        dtype = COLUMNS.get(name) or _infer(values, name)
        if dtype == "string":
            values = [None if value is None else as_text(str(value)) for value in values]
        data[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(data)


def _infer(values: list[Any], name: str) -> str:
    present = [value for value in values if value is not None]
    if name.startswith("objective/"):
        return "float64"
    if present and all(isinstance(value, bool) for value in present):
        return "boolean"
    if present and all(isinstance(value, int) and not isinstance(value, bool) for value in present):
        return "Int64" if all(-(2**63) <= value < 2**63 for value in present) else "float64"
    if present and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in present):
        return "float64"
    return "string"


def _trim(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the prefixed columns that are empty: they belong to other sweeps."""
    keep = [name for name in rows.columns if name in COLUMNS or bool(rows[name].notna().any())]
    return rows[keep]
