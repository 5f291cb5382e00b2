"""A place with entries of others: what its files export, seen without running them, and how they are imported.

Modules of a place are imported below a package that is named after what is in its files, so that an edited place is
another package, on every machine. Standard library only.
"""

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module, invalidate_caches
from importlib.metadata import EntryPoint
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from acgkd.code_digest import bytes_digest, digest_of
from acgkd.errors import ConfigError
from acgkd.plugins.from_source import SourceLoader, compiled_from_source

# By kind: the package of our own entries, and what a file exports.
KINDS = {
    "methods": ("acgkd.methods", "METHOD"),
    "models": ("acgkd.models", "MODEL"),
    "datasets": ("acgkd.datasets", "DATASET"),
    "spaces": ("sweeps.spaces", "suggest"),
    "reports": ("analysis.reports", "build"),
    "trackers": ("sweeps.trackers", "TRACKER"),
}
# Of what class that is, where it is no function; named, so that nothing is imported for it.
_CLASSES = {
    "methods": "acgkd.method.Method",
    "models": "acgkd.models.Model",
    "datasets": "acgkd.datasets.Dataset",
    "trackers": "sweeps.trackers._interface.TrackerEntry",
}
_ROOT = "acgkd_plugins"
# Beside one of these, `build` is a helper and no report.
_PLAIN = ("METHOD", "MODEL", "DATASET", "TRACKER")


@dataclass(frozen=True)
class Place:
    """A file or folder with entries.

    Args:
        path: of it.
        files: what is in each Python file, by path below the folder.
        home: a folder with these files, where `path` is on another machine.
    """

    path: Path
    files: Mapping[str, bytes]
    home: Path | None = None

    @property
    def folder(self) -> Path | None:
        """The folder that its modules are imported from; None where it is one file."""
        return self.home or (self.path if self.path.is_dir() else None)

    def source(self, name: str) -> Path:
        """The file of an entry."""
        return self.path if self.folder is None else self.folder / f"{name}.py"

    @property
    def package(self) -> str:
        """The package that its modules are imported below."""
        return f"{_ROOT}.p{self.digest}"

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits over all of its files."""
        return digest_of(sorted(self.files.items()))

    def entries(self) -> dict[str, list[str]]:
        """The kinds that each module exports, by its name.

        Raises:
            ConfigError: a file is no Python, or none exports anything.
        """
        found = {
            Path(name).stem: _exports(self.path, name, text) for name, text in self.files.items() if is_entry(name)
        }
        found = {name: kinds for name, kinds in found.items() if kinds}
        if not found:
            symbols = ", ".join(f"`{symbol}`" for _, symbol in KINDS.values())
            raise ConfigError(f"A plug-in is a Python file that exports one of {symbols}, but {self.path} has none.")
        return found


@dataclass(frozen=True)
class Entry:
    """One entry of a catalogue that is not our own.

    Args:
        kind: key of `KINDS`.
        name: that specs use.
        place: where it was found; None for that of a distribution.
        point: of the distribution.
    """

    kind: str
    name: str
    place: Place | None = None
    point: EntryPoint | None = None

    @property
    def where(self) -> str:
        """How messages call its place."""
        if self.point is not None:
            return f"the distribution {self.point.dist.name if self.point.dist else '?'} (`{self.point.value}`)"
        assert self.place is not None, "one of both"
        return str(self.place.source(self.name))

    @property
    def file(self) -> Path | None:
        """Its source; None where that cannot be found without importing it."""
        if self.place is not None:
            return self.place.source(self.name)
        assert self.point is not None, "one of both"
        try:
            spec = find_spec(self.point.module)
        except (ImportError, ValueError):
            return None
        return None if spec is None or spec.origin is None else Path(spec.origin)

    def load(self) -> Any:
        """What it exports.

        Raises:
            ConfigError: it cannot be imported, or lacks what it must export.
        """
        symbol = KINDS[self.kind][1]
        try:
            if self.point is not None:
                loaded = self.point.load()
            else:
                assert self.place is not None, "one of both"
                loaded = _module(self.place, self.name)
        except Exception as error:
            raise ConfigError(
                f"The plug-in {self.where} cannot be used: {type(error).__name__}: {str(error).rstrip('.')}."
            ) from error
        if isinstance(loaded, ModuleType) and not hasattr(loaded, symbol):
            raise ConfigError(f"The plug-in {self.where} cannot be used: it exports no `{symbol}`.")
        found = getattr(loaded, symbol) if isinstance(loaded, ModuleType) else loaded
        fault = fault_of(self.kind, found)
        if fault:
            raise ConfigError(f"The plug-in {self.where} cannot be used: {fault}.")
        return found

    def digest(self) -> str:
        """Sixteen hex digits over the code that it is made of: all files of its place, or its module's file."""
        if self.place is not None:
            return self.place.digest
        file = self.file
        return "unknown" if file is None else bytes_digest(file)


def fault_of(kind: str, found: object) -> str:
    """What is wrong with the thing that an entry of a kind exports, in words; empty where nothing is."""
    symbol, wanted = KINDS[kind][1], _CLASSES.get(kind)
    right = callable(found) if wanted is None else wanted in map(_full_name, type(found).__mro__)
    shown = "a function" if wanted is None else f"an `{wanted.replace('._interface', '')}`"
    return "" if right else f"`{symbol}` must be {shown}, but is of type {type(found).__name__}"


def _full_name(of: type) -> str:
    return f"{of.__module__}.{of.__qualname__}"


def is_entry(name: str) -> bool:
    """Whether a file of a folder is an entry, and no code that entries share."""
    return "/" not in name and not name.startswith("_")


def _exports(path: Path, name: str, text: bytes) -> list[str]:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        where = path / name if path.is_dir() else path
        raise ConfigError(f"{where} is no Python: {error}.") from None
    said: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            said.add(node.name)
        elif isinstance(node, ast.Assign):
            said.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            said.add(node.target.id)
    if said.intersection(_PLAIN):
        said.discard("build")
    return [kind for kind, (_, symbol) in KINDS.items() if symbol in said]


def _module(place: Place, name: str) -> ModuleType:
    package = package_of(place)
    full = f"{package}.{name}"
    if place.folder is not None:
        with compiled_from_source(lambda module, _: module.startswith(f"{_ROOT}.")):
            return import_module(full)
    if full not in sys.modules:
        spec = spec_from_file_location(full, place.path, loader=SourceLoader(full, str(place.path)))
        assert spec is not None, "a Python file"
        assert spec.loader is not None, "a Python file"
        module = sys.modules[full] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[full]
            raise
    return sys.modules[full]


def package_of(place: Place) -> str:
    """The package that its modules are imported below, made where there is none yet; they are imported from `place`."""
    for name, search in ((_ROOT, []), (place.package, [] if place.folder is None else [str(place.folder)])):
        if name not in sys.modules:
            module = ModuleType(name)
            sys.modules[name] = module
        sys.modules[name].__path__ = search  # of the same files; where they lay before they may be gone
    invalidate_caches()
    return place.package
