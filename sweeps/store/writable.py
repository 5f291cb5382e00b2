"""Whether a folder can be written, found out before hours of work are spent."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from acgkd.cache import sync
from acgkd.errors import FolderError
from acgkd.files.addresses import address_of
from analysis.stores.copies import copy_of, here, shown, working_copy


def place_of(folder: Path | str) -> Path:
    """A folder to read a sweep in: of one on an object store the copy of this machine, as new as can be.

    Args:
        folder: as the user named it.

    Raises:
        FolderError: no such store can hold a sweep, or its bucket is not there.
        StorageError: the store cannot be read.
    """
    return here(folder)


def place_for_run(folder: Path | str) -> Path:
    """The same for a sweep that is to be run there.

    Raises:
        FolderError: as `place_of`; or the store cannot be written, or has no exclusive create.
        StorageError: the store cannot be read.
    """
    address = address_of(folder)
    if address is not None:
        working_copy(address).store.require_writable()
    return place_of(folder)


def require_path(folder: Path | str) -> None:
    """Refuses an address on an object store where only a folder will do.

    Raises:
        FolderError: it begins with a scheme, as ``s3://`` does.
    """
    address = address_of(folder)
    if address is not None:
        raise FolderError(
            f"This needs a folder on a filesystem, but got {address}. Name a folder, and copy it to the store with the "
            "store's own tools."
        )


def require_writable(folder: Path, remedy: str = "Choose another one with `--out`.") -> None:
    """Makes a folder if need be, and tries a file in it that leaves no trace.

    Args:
        folder: to be written.
        remedy: what to do where it cannot be; ends the message.

    Raises:
        FolderError: the folder cannot be made, or not be written; something else may be in its place.
    """
    require_path(folder)
    if copy_of(folder) is not None:
        return  # it is our own, and the store says itself what it refuses
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # the latter of a zero byte in its name
        reason = getattr(error, "strerror", None) or error
        raise FolderError(f"The folder {folder} must be writable, but: {reason}. {remedy}") from error


def require_own(folder: Path, kind: str, marker: str, early: Iterable[str], names: Iterable[str] | None = None) -> None:
    """Makes a folder if need be, which is for one thing alone.

    Args:
        folder: to be written.
        kind: what it is for: `sweep`, `suite`.
        marker: the file by which it says so; where it is, all else is its own.
        early: what it may hold before that, because a start was killed in its first instants.
        names: what it holds; as the folder says if left out.

    Raises:
        FolderError: there is something else at that place, or it cannot be written.
    """
    # `os.path` answers where `Path` raises: a name that is too long, a folder that may not be entered.
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise FolderError(f"A {kind} needs a folder, but {folder} is a file. Choose another one with `--out`.")
    if os.path.isdir(folder) and not os.path.exists(folder / marker):
        held = os.listdir(folder) if names is None else names
        foreign = sorted(name for name in held if name not in set(early) and not name.startswith("."))
        if foreign:
            raise FolderError(
                f"A {kind} needs a folder of its own, but {shown(str(folder))} holds other things "
                f"({', '.join(foreign[:3])}) and no `{marker}`. Choose another one with `--out`."
            )
    made = [place for place in (folder, *folder.parents) if not os.path.exists(place)]
    require_writable(folder)
    for place in made:
        with suppress(OSError):  # a folder above may be closed to us
            sync(place.parent)
