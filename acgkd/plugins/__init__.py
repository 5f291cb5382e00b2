"""Entries that others add to the catalogues: of installed distributions, and of files and folders that a user names.

A distribution names its entries as entry points, ``acgkd.methods`` and the like. Standard library only.
"""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from acgkd.code_digest import content_digest
from acgkd.errors import ConfigError
from acgkd.plugins.plugin_places import KINDS, Entry, Place, is_entry, package_of

_FILES = "plugins/"
_always: tuple[Place, ...] = ()
_of_spec: tuple[Place, ...] = ()
_stand_ins: dict[str, Path] = {}


def use_plugins(*paths: str | Path) -> None:
    """Adds what is in files and folders to the catalogues of this process: it runs their code when they are used.

    Args:
        paths: Python files, or folders of them; a file's name is its entry's. Called again, it replaces them.

    Raises:
        ConfigError: one is not there, exports nothing, or has a name that is taken.
    """
    global _always
    _always = _checked(paths, _of_spec)


def activate(paths: Iterable[str | Path]) -> None:
    """Does the same for what a spec names, and forgets what another spec named; see `use_plugins`."""
    global _of_spec
    _of_spec = _checked(paths, _always)


def stand_in(copies: Mapping[str, Path]) -> None:
    """Names copies that are used in place of files and folders that are not there any more; forgets those of before.

    Args:
        copies: by the path of the original. Where that is gone, and no copy has its path, one that alone has its name
            stands in, since the path may be of another machine.
    """
    global _stand_ins
    _stand_ins = dict(copies)


def places() -> tuple[Place, ...]:
    """All that are in use."""
    return tuple({place.package: place for place in (*_always, *_of_spec)}.values())


def added(kind: str, own: Sequence[str]) -> dict[str, Entry]:
    """The entries of one kind that others add, by name.

    Args:
        kind: key of `KINDS`.
        own: names of our own entries.

    Raises:
        ConfigError: a name is taken; both places are named.
    """
    return _joined(kind, own, places())


def travelling() -> dict[str, dict[str, bytes]]:
    """All that are in use, as plain values that can be pickled for another machine."""
    return {str(place.path): dict(place.files) for place in places()}


def arrive(travelled: Mapping[str, Mapping[str, bytes]]) -> None:
    """Uses in this process what was in use where `travelling` was called, on whatever machine that was.

    Args:
        travelled: as that gave it; it may hold the files of places that are not there on this machine.
    """
    global _always
    present = {place.package for place in places()}
    found = [Place(Path(path), files) for path, files in travelled.items()]
    new = [_put_down(place) for place in found if place.package not in present]
    if new:
        _always = (*_always, *new)


def _put_down(place: Place) -> Place:
    """The place as this process can import it: where it lies, if that is the same here, else from files of its own."""
    with suppress(ConfigError):
        if place_at(place.path).package == place.package:
            package_of(place)
            return place
    home = Path(tempfile.mkdtemp(prefix="acgkd-plugin-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name, content in place.files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    here = Place(place.path, place.files, home)
    package_of(here)
    return here


def digests(named: Collection[str] | None) -> dict[str, str]:
    """What plug-ins are made of: each file of places that are in use, and each distribution's entry, with its digest.

    Args:
        named: names of distributions' entries that are asked for; None for all.
    """
    found = {
        f"{_FILES}{place.path.name}/{name}".removesuffix(f"/{place.path.name}"): content_digest(content)
        for place in places()
        for name, content in place.files.items()
    }
    for kind in KINDS:
        for point in _points(kind, tuple(sys.path)):
            if named is None or point.name in named:
                entry = Entry(kind, point.name, point=point)
                found[f"{_FILES}{point.value} ({point.dist.name if point.dist else '?'})"] = entry.digest()
    return dict(sorted(found.items()))


def is_plugin(name: str) -> bool:
    """Whether a name of a file is one that `digests` gives."""
    return name.startswith(_FILES)


def place_at(path: str | Path) -> Place:
    """What is in a file or folder.

    Raises:
        ConfigError: there is none, or no Python in it.
    """
    path = Path(os.path.abspath(os.path.expanduser(path)))
    try:
        if path.is_file() and path.suffix == ".py" and path.stem.isidentifier():
            return Place(path, {path.name: path.read_bytes()})
        if path.is_file() and path.suffix == ".py":
            raise ConfigError(f"A plug-in's name is its file's, of letters, digits and `_`, but got {path.name}.")
        if not path.is_dir():
            raise ConfigError(f"A plug-in is a Python file or a folder of them, but {path} is none.")
        files = sorted(file for file in path.rglob("*.py") if "__pycache__" not in file.parts)
        return Place(path, {file.relative_to(path).as_posix(): file.read_bytes() for file in files})
    except OSError as error:
        raise ConfigError(f"The plug-in {path} cannot be read: {error.strerror}.") from None


def place_or_copy(path: str | Path) -> Place:
    """The same; of one that is not there any more, the copy that stands in for it.

    Raises:
        ConfigError: there is neither, or no Python in it.
    """
    path = Path(os.path.abspath(os.path.expanduser(path)))
    alike = [copy for name, copy in _stand_ins.items() if Path(name).name == path.name]
    copy = _stand_ins.get(str(path)) or (alike[0] if len(alike) == 1 else None)
    if copy is None or os.path.lexists(path):
        return place_at(path)
    there = place_at(copy)
    return Place(path, there.files, there.path if there.path.is_dir() else there.path.parent)


def _checked(paths: Iterable[str | Path], others: Sequence[Place]) -> tuple[Place, ...]:
    found = tuple({place.package: place for place in map(place_or_copy, paths)}.values())
    for kind, (package, _) in KINDS.items():
        _joined(kind, _own_names(package), (*others, *found))
    return found


def _joined(kind: str, own: Sequence[str], used: Iterable[Place]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    ours = {name: f"acgkd itself (`{KINDS[kind][0]}.{name}`)" for name in own}
    points = [Entry(kind, point.name, point=point) for point in _points(kind, tuple(sys.path))]
    named = [
        Entry(kind, name, place=place)
        for place in {place.package: place for place in used}.values()
        for name, kinds in _entries(place.path, place.package, tuple(place.files.items())).items()
        if kind in kinds
    ]
    for entry in (*points, *named):
        if entry.place is not None and entry.name in found and found[entry.name].where == entry.where:
            # One file, named by itself and by its folder, from which it may import what lies beside it.
            found[entry.name] = found[entry.name] if entry.place.folder is None else entry
            continue
        taken = ours.get(entry.name) or (found[entry.name].where if entry.name in found else None)
        if taken is not None:
            raise ConfigError(
                f"Two {kind} are called '{entry.name}': that of {taken} and that of {entry.where}. Rename one of them."
            )
        found[entry.name] = entry
    return found


@cache
def _entries(path: Path, package: str, files: tuple[tuple[str, bytes], ...]) -> dict[str, list[str]]:
    return Place(path, dict(files)).entries()


@cache
def _points(kind: str, search: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Of installed distributions; `search` is where they were looked for, so that another path is another answer."""
    return tuple({point.name + point.value: point for point in entry_points(group=f"acgkd.{kind}")}.values())


def _own_names(package: str) -> list[str]:
    folder = Path(__file__).resolve().parents[2].joinpath(*package.split("."))
    return [path.stem for path in folder.glob("*.py") if is_entry(path.name)]
