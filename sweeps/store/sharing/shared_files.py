"""Files that others write too: read as they are now, listed, removed, renamed; in a folder or on an object store."""

import os
from pathlib import Path

from analysis.stores.copies import copy_of


def remove(*paths: Path) -> None:
    """Removes files; those that are gone already are nobody's concern.

    Raises:
        StorageError: the object store that they are on cannot be written.
    """
    copy = copy_of(paths[0]) if paths else None
    if copy is not None:
        copy.remove(*paths)
    for path in paths:
        path.unlink(missing_ok=True)


def move(path: Path, to: Path) -> None:
    """Gives a file another name, in whatever folder of the sweep.

    Raises:
        FileNotFoundError: there is none.
        StorageError: the object store that it is on cannot be written.
    """
    copy = copy_of(path)
    if copy is None:
        path.replace(to)
    else:
        copy.write(to, path.read_bytes())
        copy.remove(path)


def newest(path: Path) -> Path:
    """The file, as anybody may have written it meanwhile: of a copy, it is fetched."""
    copy = copy_of(path)
    if copy is not None and not copy.fetch(path):
        path.unlink(missing_ok=True)
    return path


def names(folder: Path) -> list[str]:
    """Names of the files in a folder as it is now, sorted; none where it is not there."""
    copy = copy_of(folder)
    if copy is not None:
        return copy.names(folder)
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
