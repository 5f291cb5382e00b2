"""The record file, `records/trial-0007-00.json`: one replicate, as `analysis.records.record` defines it."""

from pathlib import Path

from analysis.records import versioned
from analysis.records.record import SCHEMA_VERSION, Record


def parse(text: str | bytes, where: Path | str) -> Record:
    """The record in a file of any version up to this one.

    Args:
        text: all of the file.
        where: its path, for messages.

    Raises:
        NewerVersionError: a newer version wrote it.
        DamagedFileError: it holds no record.
    """
    return versioned.parse(Record, text, where, what="record", latest=SCHEMA_VERSION, oldest=None)
