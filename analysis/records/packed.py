"""A file of packed records: the records and trial files of several sweeps as one Parquet table, one row a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acgkd.errors import RecordError

COLUMNS = ("sweep", "fingerprint", "file", "json")


@dataclass(frozen=True)
class Packed:
    """What is worth keeping of one sweep folder.

    Args:
        fingerprint: of the spec that it belongs to.
        files: JSON by path in the folder.
    """

    fingerprint: str
    files: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> dict[str, Packed]:
    """What such a file holds, by name of the sweep.

    Raises:
        RecordError: it is none.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except Exception as error:
        raise RecordError(f"{path} must hold packed records, but cannot be read: {error}") from error
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise RecordError(
            f"{path} must hold packed records, as `acgkd pack` writes them, but has no column `{lacking[0]}`. Rows "
            "of a frame (`records.parquet` of a report) are for `acgkd compare`."
        )
    found: dict[str, Packed] = {}
    for (sweep, fingerprint), rows in table.groupby(["sweep", "fingerprint"], sort=True):
        files = dict(zip(map(str, rows["file"]), map(str, rows["json"]), strict=True))
        found[str(sweep)] = Packed(str(fingerprint), files)
    return found
