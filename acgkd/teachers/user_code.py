"""Code of the user's that a spec names: imported from its folder, and known by the bytes of the files it came from."""

import ast
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

from acgkd.code_digest import PACKAGES, bytes_digest
from acgkd.errors import ConfigError
from acgkd.plugins.from_source import compiled_from_source


@dataclass
class _Imported:
    """What this process has imported from some folders.

    Args:
        folders: where modules are looked for, in this order.
        files: digest of each file when it was imported.
        modules: names under which they are in `sys.modules`.
        at_import: by function, the files that were known once it was imported and before it was called.
    """

    folders: tuple[Path, ...] = ()
    files: dict[Path, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    at_import: dict[str, dict[str, str]] = field(default_factory=dict)

    def forget(self) -> None:
        """Takes its modules out of `sys.modules`, so that they are imported again."""
        for name in self.modules:
            sys.modules.pop(name, None)
        self.files.clear()
        self.at_import.clear()
        invalidate_caches()

    @property
    def stale(self) -> bool:
        """Whether a file is not any more what was imported."""
        return any(_digest(path) != digest for path, digest in self.files.items())


_imported = _Imported()


def function_of(name: str, folders: Sequence[Path]) -> Callable[..., object]:
    """The function that a spec names.

    Args:
        name: ``module:function``.
        folders: where its module is looked for first.

    Raises:
        ConfigError: it has another form, or nothing of that name can be imported.
    """
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name):
        raise ConfigError(f"Code is named `module:function`, but got `{name}`.")
    module, _, function = name.partition(":")
    try:
        with importing(folders):
            found: Callable[..., object] = getattr(import_module(module), function)
    except Exception as error:
        kind = "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
        raise ConfigError(f"`{name}` cannot be imported: {kind}{str(error).rstrip('.')}.") from error
    _note(_reached(module))
    _imported.at_import.setdefault(name, _named_files())
    return found


@contextmanager
def importing(folders: Sequence[Path]) -> Iterator[None]:
    """Modules are looked for in these folders first; whatever is loaded from them is noted.

    Another sweep's modules of the same names, from other folders, are forgotten before.
    """
    global _imported
    wanted = tuple(dict.fromkeys(folder.absolute() for folder in folders))
    if _imported.folders != wanted:
        _imported.forget()
        _imported = _Imported(wanted)
    before = set(sys.modules)
    places = [str(folder) for folder in wanted]
    sys.path[:0] = places
    try:
        with compiled_from_source(lambda _, file: _is_own(file, wanted)):
            yield
    finally:
        for place in places:
            sys.path.remove(place)
        _note(sys.modules.keys() - before)


def loaded_files(
    names: Sequence[str], folders: Sequence[Path], *, also: Iterable[str] = (), fresh: bool = False
) -> dict[str, str]:
    """The files below some folders that were loaded for the functions that a spec names.

    Args:
        names: ``module:function`` each; imported if need be.
        folders: where its module is looked for.
        also: further files, by name; those that are there are added.
        fresh: import again what has been edited since this process imported it.

    Returns:
        Digest of each file by its path below the folder that it was found in.

    Raises:
        ConfigError: one cannot be imported.
    """
    if fresh and _imported.stale:
        _imported.forget()
    for name in names:
        function_of(name, folders)
    found = _named_files()
    for other in also:
        now = None if other in found else file_digest(other, folders)
        if now is not None:
            found[other] = now
    return dict(sorted(found.items()))


def files_at_import(name: str, folders: Sequence[Path]) -> dict[str, str]:
    """As `loaded_files`, without those that the function loaded when it was called: the same before and after.

    Raises:
        ConfigError: it cannot be imported.
    """
    function_of(name, folders)
    return _imported.at_import[name]


def file_digest(name: str, folders: Sequence[Path]) -> str | None:
    """Digest of the first file of that name below the folders as it is now; None where there is none."""
    return next((digest for folder in folders if (digest := _digest(folder / name)) is not None), None)


def is_users(path: Path) -> bool:
    """Whether a file is of the folders that code was last imported from."""
    return _is_own(path.absolute(), _imported.folders)


def _note(names: Iterable[str]) -> None:
    """Keeps those of these modules that came from the folders."""
    for name in names:
        path = _file(sys.modules.get(name))
        if path is not None and _is_own(path, _imported.folders):
            digest = _digest(path)
            if digest is not None:
                _imported.files.setdefault(path, digest)
                _imported.modules.add(name)


def _reached(entry: str) -> set[str]:
    """Names of loaded modules of the folders that a module leads to, by the imports that their sources say.

    What was imported by others before would not be seen by comparing `sys.modules` before and after.
    """
    found: set[str] = set()
    waiting = _with_parents(entry)
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        path = _file(module)
        if name in found or module is None or path is None or not _is_own(path, _imported.folders):
            continue
        found.add(name)
        waiting += _imports(module, path)
    return found


def _imports(module: ModuleType, path: Path) -> list[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # compiled, or edited since
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [part for alias in node.names for part in _with_parents(alias.name)]
        elif isinstance(node, ast.ImportFrom):
            above = (module.__package__ or "").split(".") if node.level else []
            base = ".".join([*above[: len(above) - node.level + 1], *([node.module] if node.module else [])])
            found += [*_with_parents(base), *(f"{base}.{alias.name}" for alias in node.names)]
    return found


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _file(module: ModuleType | None) -> Path | None:
    name = getattr(module, "__file__", None)
    return Path(name).absolute() if isinstance(name, str) else None


def _is_own(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a file is of these folders and not of an environment or a package that lies below them."""
    if not any(path.is_relative_to(folder) for folder in folders):
        return False
    in_environment = {"site-packages", "dist-packages"}.intersection(path.parts)
    return not in_environment and not any(path.is_relative_to(folder) for folder in _installed())


@cache
def _installed() -> tuple[Path, ...]:
    here = Path(__file__).absolute().parents[2]
    libraries = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return (*(Path(path).absolute() for path in libraries), *(here / name for name in PACKAGES))


def _named_files() -> dict[str, str]:
    folders = _imported.folders
    return {
        next(path.relative_to(folder).as_posix() for folder in folders if path.is_relative_to(folder)): digest
        for path, digest in sorted(_imported.files.items())
    }


def _digest(path: Path) -> str | None:
    try:
        return bytes_digest(path)
    except OSError:
        return None
