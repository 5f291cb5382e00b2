"""Whether a folder can be written, found out before hours of work are spent."""

import tempfile
from pathlib import Path

from acgkd.errors import FolderError


def require_writable(folder: Path, remedy: str = "Choose another one with `--out`.") -> None:
    """Makes a folder if need be, and tries a file in it that leaves no trace.

    Args:
        folder: to be written.
        remedy: what to do where it cannot be; ends the message.

    Raises:
        FolderError: the folder cannot be made, or not be written; something else may be in its place.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FolderError(f"The folder {folder} must be writable, but: {error.strerror or error}. {remedy}") from error
