"""A driver that is submitted to a cluster: what travels with it, what it is called, and the line that starts it."""

import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acgkd.errors import ConfigError
from acgkd.files.addresses import address_of
from acgkd.plugins import place_or_copy
from sweeps.spec.raw import FILE_PATHS, PLUGINS, SpecTree
from sweeps.spec.sweep_spec import SweepSpec

LIMIT = 100_000_000  # bytes; what is larger is put on a filesystem that the cluster sees
NAMED = "named"  # in the bundle: what lies elsewhere than beside the spec


@dataclass(frozen=True)
class Bundle:
    """Files that travel.

    Args:
        spec: the spec among them.
        options: of `acgkd run`, with paths as they are on the way.
    """

    spec: str
    options: tuple[str, ...]


def pack(tree: SpecTree, spec: SweepSpec, source: Path, changes: Sequence[str], trust_code: bool, into: Path) -> Bundle:
    """Copies a spec, the files that it names, and code of the user's that it uses into a folder.

    A folder of data (`dataset.root`) does not travel: the cluster has to see it.

    Args:
        tree: the spec as it is written.
        spec: the same, checked.
        source: its file.
        changes: each ``path=value``, as `--set` takes them.
        trust_code: the spec may name code.
        into: an empty folder.

    Raises:
        ConfigError: the files are too large.
    """
    home = source.resolve().parent
    shutil.copy(source, into / source.name)
    options = list(changes)
    for section, key in FILE_PATHS:
        part = tree.value.get(section)
        named = part.get(key) if isinstance(part, dict) else None
        if not isinstance(named, str):
            continue
        place = named
        if os.path.isfile(named):
            place = _travels(Path(named), home, into)
        options.append(f"{section}/{key}={json.dumps(place)}")  # it was said relative to something that is not there
    options = [option for option in options if not option.startswith((f"{PLUGINS}=", f"{PLUGINS}+="))]
    travelled = [
        _plugin_travels(Path(path), into / NAMED / PLUGINS, number) for number, path in enumerate(spec.plugins)
    ]
    if travelled:
        options.append(f"{PLUGINS}={json.dumps([path.relative_to(into).as_posix() for path in travelled])}")
    if trust_code:
        for code in (*spec.own_models, *spec.trackers):
            if ":" in code:
                _copy_code(code, spec.code_folders, into)
    size = sum(path.stat().st_size for path in into.rglob("*") if path.is_file())
    if size > LIMIT:
        raise ConfigError(
            f"Files of {LIMIT / 1e6:.0f} MB at most travel with a spec, but its files have {size / 1e6:.0f} MB. Put "
            "them on a filesystem that the cluster sees, and start the sweep there with `acgkd run --address`."
        )
    said = [part for text in options for part in ("--set", text)]
    return Bundle(source.name, (*said, *(["--trust-code"] if trust_code else [])))


def _travels(file: Path, home: Path, into: Path) -> str:
    """Where a file is among those that travel."""
    inside = file.resolve().is_relative_to(home)
    place = file.resolve().relative_to(home) if inside else Path(NAMED) / file.name
    (into / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, into / place)
    return place.as_posix()


def _plugin_travels(path: Path, into: Path, number: int) -> Path:
    """Where a plug-in, or the copy of one that is gone, is among those that travel: its Python files alone."""
    target = into / str(number) / path.name
    for name, content in place_or_copy(path).files.items():
        file = target if name == path.name else target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return target


def _copy_code(function: str, folders: Sequence[Path], into: Path) -> None:
    from acgkd.teachers.user_code import loaded_files

    for name in loaded_files((function,), folders):
        found = next(folder / name for folder in folders if (folder / name).is_file())
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, into / name)


def place_of(folder: str) -> str:
    """A sweep folder as the cluster is to read it: an address of an object store, or a path from the root."""
    return address_of(folder) or os.path.abspath(folder)


def name_of(folder: str) -> str:
    """What the first submission of a sweep is called: after its folder, and unlike that of any other folder."""
    readable = re.sub(r"[^\w.-]", "-", os.path.basename(folder.rstrip("/")))[:60]
    return f"acgkd-{readable}-{hashlib.sha256(folder.encode()).hexdigest()[:8]}"


def next_name(folder: str, taken: Sequence[str]) -> str:
    """What its next submission is called: the first has no number."""
    first = name_of(folder)
    numbers = [number for name in taken if (number := number_of(name, first))]
    return f"{first}-{max(numbers) + 1}" if numbers else first


def number_of(name: str, first: str) -> int:
    """Which submission of a sweep a name means, counted from 1; 0 where it is another sweep's."""
    found = re.fullmatch(rf"{re.escape(first)}(?:-(\d+))?", name)
    return 0 if found is None else int(found[1] or 1)


def entrypoint(bundle: Bundle, folder: str, python: str = "python") -> str:
    """The line that starts the driver; its process is the one that is asked to stop."""
    # `-P`: a module of the user's may be called like one of ours.
    return (
        f"exec {shlex.join([python, '-P', '-m', 'sweeps.launching.submitted', folder, bundle.spec, *bundle.options])}"
    )
