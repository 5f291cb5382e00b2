"""Reading what is to be compared: sweeps, packed records and tables from elsewhere, as one frame."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from acgkd.errors import RecordError
from analysis.comparison.trial_tables import Mapped, is_elsewhere, read_table
from analysis.records.frame import COLUMNS, KEYS, Frame, load
from analysis.records.record_source import sources
from analysis.records.suites.suite_file import suite_folder_of


def read_places(places: Sequence[Path | str], columns: Iterable[str] = ()) -> tuple[Frame, dict[str, str]]:
    """Reads sweep folders, packed records, frames as Parquet, tables of trials and Optuna storages.

    Args:
        places: paths, and URLs of storages.
        columns: where the columns of tables are, as `Mapped.parse` reads it.

    Returns:
        One frame; and by name of each source the place it was read from, in short.

    Raises:
        MissingFolderError: a place is nothing that can be read.
        RecordError: a table lacks columns, or nothing was given.
    """
    if not places:
        raise RecordError("A comparison needs sweep folders, packed records or tables of trials, but none was given.")
    mapped = Mapped.parse(columns)
    ours = [str(place) for place in places if not is_elsewhere(str(place))]
    theirs = [str(place) for place in places if is_elsewhere(str(place))]
    frames = [load(ours)] if ours else []
    found = {source.name: _short(str(suite_folder_of(source.path) or source.path)) for source in sources(ours)}
    for place in theirs:
        frame = read_frame(Path(place)) if is_frame(place) else read_table(place, mapped)
        frames.append(frame)
        found |= dict.fromkeys(frame.sources, _short(place))
    return _joined(frames), found


def is_frame(place: str) -> bool:
    """Whether a place is the rows of a frame as Parquet, such as the `records.parquet` of a report."""
    path = Path(place)
    if path.suffix != ".parquet" or not path.is_file():
        return False
    import pyarrow.parquet as parquet

    return {*KEYS, "schema_version", "replicate"} <= set(parquet.read_schema(path).names)


def read_frame(path: Path) -> Frame:
    """A frame from its rows; columns that came after it was written are empty."""
    rows = pd.read_parquet(path)
    extra = [name for name in rows.columns if name not in COLUMNS]
    whole = pd.DataFrame({name: rows[name] if name in rows else pd.Series([None] * len(rows)) for name in COLUMNS})
    return Frame(pd.concat([whole.astype(dict(COLUMNS)), rows[extra]], axis=1))


def _short(place: str) -> str:
    return Path(place.rpartition("/")[2] if "://" in place else place).stem


def _joined(frames: Sequence[Frame]) -> Frame:
    if len(frames) == 1:
        return frames[0]
    columns: dict[str, str] = {}
    for frame in frames:
        for name, dtype in frame.rows.dtypes.items():
            columns.setdefault(str(name), str(dtype))
    parts = [
        frame.rows.assign(
            **{
                name: pd.Series([None] * len(frame.rows), dtype=dtype)
                for name, dtype in columns.items()
                if name not in frame.rows
            }
        )[list(columns)]
        for frame in frames
    ]
    return Frame(
        pd.concat(parts, ignore_index=True),
        tuple(item for frame in frames for item in frame.unreadable),
        tuple(item for frame in frames for item in frame.sweeps),
    )
