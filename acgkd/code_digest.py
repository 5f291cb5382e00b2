"""Which code runs: digests of the package's own source files and of what others add to its catalogues.

A digest depends on what is in the files and on their names below the package alone: not on where the package is
installed, nor on compiled files, nor on times. Standard library only: `sweeps.executors.ray` sends these functions to
workers whose package may be another one.
"""

import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("acgkd", "sweeps", "analysis")
CATALOGUES = ("acgkd.methods", "acgkd.models", "acgkd.datasets", "sweeps.spaces", "analysis.reports")
DIGITS = 16


def source_digest(home: Path) -> str:
    """Sixteen hex digits over every ``.py`` file of the three packages.

    Args:
        home: the folder in which they lie side by side.
    """
    files = (path for name in PACKAGES for path in (home / name).rglob("*.py"))
    named = sorted((path.relative_to(home).as_posix(), path) for path in files)
    return digest_of((name, path.read_bytes()) for name, path in named)


def digest_of(named: Iterable[tuple[str, bytes]]) -> str:
    """Sixteen hex digits over what is in files, each with the name that it goes by, in the order given."""
    whole = hashlib.sha256()
    for name, content in named:
        whole.update(f"{name}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()[:DIGITS]


def bytes_digest(path: Path) -> str:
    """Sixteen hex digits over what is in one file.

    Raises:
        OSError: it cannot be read.
    """
    return content_digest(path.read_bytes())


def content_digest(content: bytes) -> str:
    """Sixteen hex digits over what is in a file."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def foreign_code(module: str) -> list[str]:
    """The digest of a loaded module's file where it is none of ours; nothing where it is."""
    file = getattr(sys.modules.get(module), "__file__", None)
    ours = module.partition(".")[0] in PACKAGES
    return [] if ours or not isinstance(file, str) else [bytes_digest(Path(file))]


@cache
def package_digest() -> str:
    """`source_digest` of the package that this process runs, as its files were when it was first asked."""
    return source_digest(Path(__file__).resolve().parents[1])


@cache
def plugin_digests() -> dict[str, str]:
    """What others have added to the catalogues, as ``acgkd.methods/name.py`` and its digest.

    Entries of a catalogue are the files of a package; those of ours lie in our own folder, and all others are looked
    for wherever else the package's path leads.
    """
    home = Path(__file__).resolve().parents[1]
    found = {}
    for catalogue in CATALOGUES:
        own = home.joinpath(*catalogue.split("."))
        for folder in map(Path, _search_path(catalogue)):
            if folder.resolve() != own:
                found.update({f"{catalogue}/{path.name}": bytes_digest(path) for path in sorted(folder.glob("*.py"))})
    return found


def _search_path(package: str) -> list[str]:
    module = sys.modules.get(package)
    if module is not None:
        return list(module.__path__)
    spec = find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec is not None else []
