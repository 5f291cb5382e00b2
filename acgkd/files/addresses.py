"""Addresses of folders and files on object stores, as users type them and as a path makes of them."""

import re
from os import PathLike, fspath

# `Path` makes one slash of two.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?:/+(.*))?", re.DOTALL)


def address_of(place: "PathLike[str] | str") -> str | None:
    """``s3://bucket/name`` of such a text, or of the path that was made of it; None for a path of this machine.

    Args:
        place: as the user typed it.
    """
    found = _ADDRESS.fullmatch(fspath(place))
    return None if found is None else f"{found[1].lower()}://{(found[2] or '').strip('/')}"
