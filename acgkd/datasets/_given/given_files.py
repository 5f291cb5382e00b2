"""What lies at a path that a run names: which kind of data, in which files, and a digest of all of them."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from acgkd.config import fingerprint
from acgkd.errors import DataError

FileKind = Literal["saved", "tables", "pictures", "arrays"]

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
SAVED = (".pt", ".pth")
TABLES = (".parquet", ".csv")
PARTS = ("train", "test")
_FORMS = (
    "graphs that torch_geometric saved (a `.pt` file with a list of `Data`, an `InMemoryDataset`'s `data.pt`, or a "
    "folder with a `.pt` file for each graph); a folder with `nodes` and `edges` as `.parquet` or `.csv`; a folder "
    "with a folder of pictures for each class, or two of those called `train` and `test`; a `.npz` file with images"
)


@dataclass(frozen=True)
class GivenFiles:
    """The files of a data set.

    Args:
        path: as the run names it.
        kind: what they are.
        files: all of them, sorted by name.
    """

    path: Path
    kind: FileKind
    files: tuple[Path, ...]

    @property
    def modality(self) -> Literal["graphs", "images"]:
        """What a sample is."""
        return "graphs" if self.kind in ("saved", "tables") else "images"

    @cached_property
    def key(self) -> str:
        """Changes when a file does, as far as its size and its time say."""
        stats = ((name, file.stat()) for name, file in self._named)
        return fingerprint([str(self.path), [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]])

    def digest(self) -> str:
        """Sixteen hex digits over what is in the files, and their names below the path.

        Raises:
            DataError: one cannot be read.
        """
        whole = hashlib.sha256()
        for name, file in self._named:
            try:
                whole.update(f"{name}\0{file.stat().st_size}\0".encode())
                with file.open("rb") as stream:
                    whole.update(hashlib.file_digest(stream, "sha256").digest())
            except OSError as error:
                raise DataError(f"{file} cannot be read: {error.strerror}.") from None
        return whole.hexdigest()[:16]

    @property
    def _named(self) -> Iterator[tuple[str, Path]]:
        if self.path.is_dir():
            return ((file.relative_to(self.path).as_posix(), file) for file in self.files)
        return (("", file) for file in self.files)


def files_at(path: Path) -> GivenFiles:
    """Finds what lies at a path.

    Raises:
        DataError: nothing, or nothing that is known how to read.
    """
    if os.path.isfile(path):
        if path.suffix in SAVED:
            return GivenFiles(path, "saved", (path,))
        if path.suffix == ".npz":
            return GivenFiles(path, "arrays", (path,))
        raise DataError(f"{path} is no file of a form that is read here. Those are: {_FORMS}.")
    if not os.path.isdir(path):
        raise DataError(f"`dataset.path` must be a file or a folder, but there is none at {path}.")
    inside = _listed(path)
    tables = [table_in(path, stem) for stem in ("nodes", "edges")]
    if any(tables):
        missing = [stem for stem, table in zip(("nodes", "edges"), tables, strict=True) if table is None]
        if missing:
            raise DataError(f"Tables of graphs are a pair, `nodes` and `edges`, but {path} has no `{missing[0]}`.")
        return GivenFiles(path, "tables", tuple(table for table in tables if table is not None))
    saved = [file for file in inside if file.suffix in SAVED and file.is_file()]
    if saved:
        return GivenFiles(path, "saved", tuple(saved))
    pictures = tuple(file for folder in class_folders(path).values() for file in folder)
    if pictures:
        return GivenFiles(path, "pictures", pictures)
    raise DataError(f"{path} has nothing of a form that is read here. Those are: {_FORMS}.")


def table_in(path: Path, stem: str) -> Path | None:
    """The file of a table in a folder.

    Raises:
        DataError: there are two.
    """
    found = [path / f"{stem}{suffix}" for suffix in TABLES if (path / f"{stem}{suffix}").is_file()]
    if len(found) > 1:
        raise DataError(f"{path} has `{found[0].name}` and `{found[1].name}`. Remove one of them.")
    return found[0] if found else None


def class_folders(path: Path) -> dict[tuple[str, str], list[Path]]:
    """Pictures by part (``train``, ``test``; empty where there is one part alone) and class, both sorted by name.

    Raises:
        DataError: there are folders beside `train` and `test`, or one of these has other classes.
    """
    folders = [file for file in _listed(path) if file.is_dir()]
    names = [folder.name for folder in folders]
    if not set(PARTS) <= set(names):
        return {("", folder.name): _pictures(folder) for folder in folders if _pictures(folder)}
    if len(names) > len(PARTS):
        others = ", ".join(name for name in names if name not in PARTS)
        raise DataError(
            f"{path} has the parts `train` and `test`, and beside them: {others}. Move that away: what judges while "
            "the sweep runs is cut from `train`."
        )
    found = {
        (part, folder.name): _pictures(folder)
        for part in PARTS
        for folder in _listed(path / part)
        if folder.is_dir() and _pictures(folder)
    }
    classes = {part: [name for where, name in found if where == part] for part in PARTS}
    odd = set(classes["train"]).symmetric_difference(classes["test"])
    if odd:
        raise DataError(f"`train` and `test` of {path} must have the same classes, but only one has `{min(odd)}`.")
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from None


def _pictures(folder: Path) -> list[Path]:
    return [file for file in _listed(folder) if file.suffix.lower() in PICTURES]
