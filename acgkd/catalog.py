"""A catalogue of things that live one to a file, where the file's name is the key.

Listing imports nothing; loading imports one file. Adding a thing is adding a file: to the package, or as a plug-in.
"""

import os
import pkgutil
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Generic, TypeVar

from acgkd import plugins
from acgkd.errors import UnknownNameError, nearest
from acgkd.plugins.plugin_places import KINDS, Entry

T = TypeVar("T")


class Catalog(Generic[T]):
    """The public modules of one package, each exporting one symbol, and what plug-ins add to them.

    Args:
        package: dotted name of the package whose files are the entries; files that start with ``_`` are not.
        symbol: what each file exports, e.g. ``METHOD``.
        noun: what an entry is called in messages, e.g. ``method``.
    """

    def __init__(self, package: str, symbol: str, noun: str) -> None:
        self.package = package
        self.symbol = symbol
        self.noun = noun
        self._kind = next((kind for kind, (home, _) in KINDS.items() if home == package), None)

    def own_names(self) -> list[str]:
        """The keys of our own entries, sorted, found without importing any."""
        spec = find_spec(self.package)
        if spec is None or spec.submodule_search_locations is None:
            raise UnknownNameError(f"There is no package {self.package}; reinstall the distribution acgkd.")
        return sorted(name for folder in spec.submodule_search_locations for name in _listed(folder, _changed(folder)))

    def added(self) -> dict[str, Entry]:
        """What plug-ins add, by key.

        Raises:
            ConfigError: two entries have one name; both places are named.
        """
        return {} if self._kind is None else plugins.added(self._kind, self.own_names())

    def names(self) -> list[str]:
        """The keys, sorted, found without importing any entry."""
        return sorted([*self.own_names(), *self.added()])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> T:
        """Loads one entry.

        Raises:
            UnknownNameError: no file of that name; the message holds the nearest name and all known ones.
            ConfigError: it is a plug-in's, which cannot be used.
        """
        own = self.own_names()
        entry: T
        if name in own:
            entry = getattr(import_module(f"{self.package}.{name}"), self.symbol)
            return entry
        more = self.added()
        if name not in more:
            known = sorted([*own, *more])
            raise UnknownNameError(
                f"No {self.noun} is called '{name}'. {nearest(name, known)}Known: {', '.join(known)}."
            )
        entry = more[name].load()
        return entry

    def source(self, name: str) -> Path | None:
        """The file of an entry; None where it cannot be found without importing it."""
        more = self.added()
        if name in more:
            return more[name].file
        spec = find_spec(self.package)
        folders = [] if spec is None else [Path(folder) for folder in spec.submodule_search_locations or ()]
        files = (file for folder in folders for file in (folder / f"{name}.py", folder / name / "__init__.py"))
        return next((file for file in files if file.is_file()), None)


def _changed(folder: str) -> int:
    """When files of a folder came or went; 0 where it is no folder, as in a zipped package."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


# A check of a large suite asks for names some hundred thousand times.
@lru_cache(maxsize=64)
def _listed(folder: str, changed: int) -> tuple[str, ...]:
    return tuple(module.name for module in pkgutil.iter_modules([folder]) if not module.name.startswith("_"))
