"""Whether a folder can be written, found out before hours of work are spent."""

import tempfile
from pathlib import Path

from acgkd.errors import FolderError


def require_writable(folder: Path) -> None:
    """Makes a folder if need be, and tries a file in it that leaves no trace.

    Raises:
        FolderError: the folder cannot be made, or not be written; something else may be in its place.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # the latter of a zero byte in its name
        reason = getattr(error, "strerror", None) or error
        raise FolderError(
            f"The folder {folder} must be writable, but: {reason}. Choose another one with `--out`."
        ) from error
