"""What is checked: an entry, found by name or in a file."""

import os
from pathlib import Path
from typing import TypeVar

from acgkd.catalog import Catalog
from acgkd.plugins import place_at
from acgkd.plugins.plugin_places import Entry, fault_of

T = TypeVar("T")


def subject(what: T | str | Path, kind: str, catalog: Catalog[T]) -> T:
    """The entry that is meant.

    Args:
        what: its name, a Python file that exports it, or the entry.
        kind: key of `acgkd.plugins.plugin_places.KINDS`.
        catalog: where names are looked up.

    Raises:
        AssertionError: what was handed over is of another kind.
        UnknownNameError: there is no entry of that name.
        ConfigError: there is no such file, or it does not export one.
    """
    if isinstance(what, str) and os.sep not in what and not what.endswith(".py"):
        return catalog[what]
    if isinstance(what, (str, Path)):
        entry: T = Entry(kind, Path(what).stem, place=place_at(what)).load()
        return entry
    fault = fault_of(kind, what)
    require(not fault, fault)
    return what


def require(holds: bool, law: str) -> None:
    """Raises AssertionError with the law, where it does not hold."""
    if not holds:
        raise AssertionError(law)
