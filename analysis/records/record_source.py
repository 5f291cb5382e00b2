"""Where records come from: a sweep folder, or one sweep of a file of packed records. Both hold text by name."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acgkd.errors import MissingFolderError
from analysis.records import packed
from analysis.records.file_names import as_text
from analysis.records.suites.suite_file import is_suite, sweep_folders
from analysis.stores.copies import copy_of, here, shown


@dataclass(frozen=True)
class Source:
    """The files of one sweep.

    Args:
        name: the frame's name of it.
        path: the folder, or the file of packed records.
        files: text by name, of packed records; None for a folder.
    """

    name: str
    path: Path
    files: Mapping[str, str] | None = None

    @property
    def is_packed(self) -> bool:
        """Whether it comes from packed records, which hold records and trial files alone."""
        return self.files is not None

    @property
    def folder(self) -> Path | None:
        """The folder; None for packed records."""
        return None if self.is_packed else self.path

    def place(self, name: str) -> str:
        """How messages call one of its files."""
        return f"{name} of {self.name} in {self.path}" if self.is_packed else str(self.path / name)

    def records(self) -> list[str]:
        """Names of what lies among the records, sorted; a writer's temporary files are left out."""
        if self.files is not None:
            return sorted(name for name in self.files if name.startswith("records/"))
        folder = self.path / "records"
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return [f"records/{name}" for name in names if not name.startswith(".")]

    def trials(self) -> list[str]:
        """Names of the trial files, sorted."""
        if self.files is not None:
            return sorted(name for name in self.files if name.startswith("trials/"))
        return [path.relative_to(self.path).as_posix() for path in sorted(self.path.glob("trials/*/trial.json"))]

    def text(self, name: str) -> str | None:
        """All of a file; None where it is missing or cannot be opened as text."""
        if self.files is not None:
            return self.files.get(name)
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None


def sources(paths: Iterable[Path | str]) -> list[Source]:
    """The sweeps at some places, each with a name that tells it from the others.

    Args:
        paths: sweep folders, also on object stores (``s3://bucket/name``), suite folders, and files of packed records
            (``.parquet``); of the last two each may hold several sweeps.

    Raises:
        MissingFolderError: a path is none of these, or a suite of which no sweep has begun.
        FolderError: no such store can hold a sweep, or it cannot be read.
        RecordError: a Parquet file holds something else.
    """
    found: list[tuple[Path, str, Mapping[str, str] | None]] = []
    places = [place for path in paths for place in _sweeps_at(Path(os.path.realpath(here(path))))]
    for path in dict.fromkeys(places):
        copy = copy_of(path)
        if os.path.isdir(path) and (copy is None or copy.others):
            found.append((path, "", None))
        elif path.suffix == ".parquet" and os.path.isfile(path):
            found.extend((path, sweep, held.files) for sweep, held in packed.read(path).items())
        else:
            raise MissingFolderError(
                "Records are in a sweep folder, a directory with `records/` in it, or in a `.parquet` file of packed "
                f"records, but {shown(str(path))} is neither."
            )
    names = _short_names([path / sweep if sweep else path for path, sweep, _ in found])
    return [Source(name, path, files) for name, (path, _, files) in zip(names, found, strict=True)]


def _sweeps_at(path: Path) -> list[Path]:
    """A place, or the sweeps of the suite that it is."""
    if not is_suite(path):
        return [path]
    found = sweep_folders(path)
    if not found:
        raise MissingFolderError(
            f"Records are in the sweeps of a suite, but of {shown(str(path))} none has begun. `acgkd run` begins them."
        )
    return found


def _short_names(paths: Sequence[Path]) -> list[str]:
    """Shortest endings of the paths that tell them apart."""
    for length in range(1, 1 + max((len(path.parts) for path in paths), default=0)):
        names = [as_text("/".join(path.parts[-length:])) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [as_text(str(path)) for path in paths]
