"""Whether a folder can be written, found out before hours of work are spent."""

import tempfile
from pathlib import Path

from acgkd.addresses import address_of
from acgkd.errors import FolderError
from analysis.stores.copies import copy_of, here, working_copy


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
