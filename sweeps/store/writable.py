"""Whether a folder can be written, found out before hours of work are spent."""

import re
import tempfile
from pathlib import Path

from acgkd.errors import FolderError

# `Path` makes one slash of two.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def require_path(folder: Path | str) -> None:
    """Refuses an address on an object store, which would become a local folder of that name.

    Raises:
        FolderError: it begins with a scheme, as ``s3://`` does.
    """
    if _SCHEME.match(str(folder)):
        scheme, _, rest = str(folder).partition(":/")
        raise FolderError(
            f"A folder must be a path on a filesystem, but got {scheme}://{rest.lstrip('/')}. Name a folder that every "
            "node sees, and copy it to the store when the work is done."
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # the latter of a zero byte in its name
        reason = getattr(error, "strerror", None) or error
        raise FolderError(f"The folder {folder} must be writable, but: {reason}. {remedy}") from error
