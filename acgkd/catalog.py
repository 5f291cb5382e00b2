"""A catalogue of things that live one to a file, where the file's name is the key.

Listing imports nothing; loading imports one file. Adding a thing is adding a file.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Generic, TypeVar

from acgkd.errors import UnknownNameError, nearest

T = TypeVar("T")


class Catalog(Generic[T]):
    """The public modules of one package, each exporting one symbol.

    Args:
        package: dotted name of the package whose files are the entries; files that start with ``_`` are not.
        symbol: what each file exports, e.g. ``METHOD``.
        noun: what an entry is called in messages, e.g. ``method``.
    """

    def __init__(self, package: str, symbol: str, noun: str) -> None:
        self.package = package
        self.symbol = symbol
        self.noun = noun

    def names(self) -> list[str]:
        """The keys, sorted, found without importing any entry."""
        spec = find_spec(self.package)
        if spec is None or spec.submodule_search_locations is None:
            raise UnknownNameError(f"There is no package {self.package}; reinstall the distribution acgkd.")
        modules = pkgutil.iter_modules(spec.submodule_search_locations)
        return sorted(module.name for module in modules if not module.name.startswith("_"))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> T:
        """Loads one entry.

        Raises:
            UnknownNameError: no file of that name; the message holds the nearest name and all known ones.
        """
        known = self.names()
        if name not in known:
            raise UnknownNameError(
                f"No {self.noun} is called '{name}'. {nearest(name, known)}Known: {', '.join(known)}."
            )
        entry: T = getattr(import_module(f"{self.package}.{name}"), self.symbol)
        return entry
