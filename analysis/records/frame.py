"""The frame: the records of one or several sweeps as one checked table, one row per record."""

import html
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union, get_args, get_origin

import pandas as pd

from acgkd.errors import DamagedFileError, FrameError
from analysis.formatting import plural
from analysis.records import record_file, sweep_metadata
from analysis.records.cell_values import cells, column_dtype, from_text
from analysis.records.file_names import as_text
from analysis.records.parts.code import Code
from analysis.records.parts.environment import Environment
from analysis.records.parts.quality import Quality
from analysis.records.parts.run_cost import Cost
from analysis.records.parts.run_identity import Identity
from analysis.records.record import Record
from analysis.records.record_source import Source, sources
from analysis.records.sweep_metadata import SweepMetadata

PARAMETER = "param/"
# Columns of values as a spec writes them, null among them.
WRITTEN = (PARAMETER, "setting/")
PREFIXES = (*WRITTEN, "objective/", "selection/")
KEYS = ("source", "kind", "label")

Row = dict[str, object]
_DTYPES: Mapping[type, str] = types.MappingProxyType({int: "Int64", float: "float64", bool: "boolean"})


def _dtype(annotation: object) -> str:
    """The column type of a field: nullable where the field is."""
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) in (Union, types.UnionType) and len(parts) == 1:
        annotation = parts[0]
    return next((name for kind, name in _DTYPES.items() if annotation is kind), "string")


def _columns() -> dict[str, str]:
    columns = {"source": "string", "file": "string", "schema_version": "Int64"}
    for part in (Identity, Quality, Cost, Environment):
        columns.update({name: _dtype(field.annotation) for name, field in part.model_fields.items()})
    columns.update({f"code_{name}": "string" for name in Code.model_fields})
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


@dataclass(frozen=True, eq=False)
class Frame:
    """Rows that are known to be well formed, with the files that could not become rows.

    Args:
        rows: one per record; the columns of `COLUMNS` in that order, then ``param/...``, ``setting/...``,
            ``objective/...`` and ``selection/...``. A missing cell of ``param/...`` or ``setting/...`` says that
            there was no such setting (a parameter was not active, a method does not know it); null is a value (see
            `analysis.records.cell_values`).
        unreadable: files that were left out; reports list them.
        sweeps: what each sweep that was read says of itself, in the order given.

    Raises:
        FrameError: a column is missing, unknown or of the wrong type, or two rows are the same replicate.
    """

    rows: pd.DataFrame
    unreadable: tuple[Unreadable, ...] = ()
    sweeps: tuple[SweepMetadata, ...] = ()

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

    def __repr__(self) -> str:
        kinds = self.rows.drop_duplicates([*KEYS])["kind"].value_counts()
        counted = [plural(int(kinds.get(kind, 0)), kind) for kind in ("trial", "control", "teacher")]
        named = ", ".join(self.sources[:6]) + (" …" if len(self.sources) > 6 else "")
        left_out = f", {plural(len(self.unreadable), 'file')} unreadable" if self.unreadable else ""
        return f"<Frame of {named or 'no sweep'}: {', '.join(counted)}; {plural(len(self.rows), 'row')}{left_out}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>{self.rows.head(10).to_html(index=False)}"

    @property
    def sources(self) -> list[str]:
        """Names of the sweeps, those without any record included."""
        return list(dict.fromkeys([*(item.source for item in self.sweeps), *self.rows["source"].dropna()]))

    def of(self, *sources: str) -> "Frame":
        """The part that came from one sweep, or from some."""
        return Frame(
            _trim(self.rows[self.rows["source"].isin(sources)].reset_index(drop=True)),
            tuple(item for item in self.unreadable if item.source in sources),
            tuple(item for item in self.sweeps if item.source in sources),
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


def load(places: Iterable[Path | str]) -> Frame:
    """Reads sweeps: their records, and what each says of itself.

    Args:
        places: sweep folders, and files of packed records (``.parquet``).

    Raises:
        MissingFolderError: a path is neither.
        NewerVersionError: a file was written by a newer version; nothing is then half read.
        RecordError: a Parquet file holds no packed records.
    """
    rows: list[Row] = []
    unreadable: list[Unreadable] = []
    found = sources(places)
    for source in found:
        kept, refused = _read_records(source)
        rows.extend(kept)
        unreadable.extend(refused)
    return Frame(_typed(rows), tuple(unreadable), tuple(sweep_metadata.read(source) for source in found))


def from_records(records: Iterable[Record]) -> Frame:
    """The frame of records that are at hand; their source is the name of their sweep."""
    rows = [
        {"source": record.identity.sweep, "file": f"#{index}", **record.row()} for index, record in enumerate(records)
    ]
    return Frame(_typed(rows))


def frame_of_rows(rows: Iterable[Row]) -> Frame:
    """The frame of rows that come from no record of ours, each a mapping of column to value; the rest is missing.

    Raises:
        FrameError: two rows are the same replicate, or a column is not known.
    """
    return Frame(_typed([dict(row) for row in rows]))


def _read_records(source: Source) -> tuple[list[Row], list[Unreadable]]:
    rows: list[Row] = []
    unreadable: list[Unreadable] = []
    first: dict[tuple[str, str, int], str] = {}
    for name in source.records():
        file = name.removeprefix("records/")
        record = _read_record(source, name)
        if isinstance(record, str):
            unreadable.append(Unreadable(source.name, as_text(file), record))
            continue
        identity = (record.identity.kind, record.identity.label, record.identity.replicate)
        if identity in first:
            reason = as_text(f"the same replicate as {first[identity]}, which is kept")
            unreadable.append(Unreadable(source.name, as_text(file), reason))
            continue
        first[identity] = file
        rows.append({"source": source.name, "file": file, **record.row()})
    return rows, unreadable


def _read_record(source: Source, name: str) -> Record | str:
    """The record in a file, or the reason why there is none."""
    text = source.text(name) if name.endswith(".json") else None
    if text is None:
        return "cannot be opened" if name.endswith(".json") else "is not a .json file"
    try:
        return record_file.parse(text, source.place(name))
    except DamagedFileError as error:
        return error.reason


def _typed(rows: list[Row]) -> pd.DataFrame:
    """Rows as a data frame of the fixed columns, then the prefixed ones in order, each with its type."""
    extra = sorted({name for row in rows for name in row if name not in COLUMNS})
    extra.sort(key=lambda name: next((i for i, prefix in enumerate(PREFIXES) if name.startswith(prefix)), -1))
    data: dict[str, pd.Series] = {}
    for name in [*COLUMNS, *extra]:
        values = [row.get(name) for row in rows]
        if name.startswith(WRITTEN):
            data[name] = _written(values, [name not in row for row in rows])
            continue
        dtype = COLUMNS.get(name) or _infer(values, name)
        if dtype == "string":
            values = [None if value is None else as_text(str(value)) for value in values]
        data[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(data)


def _written(values: Sequence[object], missing: Sequence[bool]) -> pd.Series:
    """The column of a hyper-parameter or a setting, in which null is a value and missing is that there is none."""
    held, dtype = cells(values, missing)
    return pd.Series(held, dtype=dtype)


def _infer(values: list[object], name: str) -> str:
    if name.startswith("objective/"):
        return "float64"
    return column_dtype([value for value in values if value is not None])


def _trim(rows: pd.DataFrame) -> pd.DataFrame:
    """Without what belongs to other sweeps: prefixed columns that are empty, and the type that theirs has."""
    kept = rows[[name for name in rows.columns if name in COLUMNS or bool(rows[name].notna().any())]]
    return kept.assign(
        **{
            name: _written([from_text(cell) for cell in kept[name].fillna("")], kept[name].isna().tolist())
            for name in kept.columns
            if name.startswith(WRITTEN) and str(kept[name].dtype) == "string"
        }
    )
