"""How a finished sweep is known at once: an index of what its folder holds, which may be lost and is then made again.

Only names, sizes and times of files are compared, so that a start with nothing left to do reads no record.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from analysis.stores.copies import copy_of
from sweeps.store.atomic import write

NAME = "finished.json"
VERSION = 1
FOLDERS = ("records", "students", "queue", "starts")


def keep(folder: Path, identity: str, content: Mapping[str, object]) -> None:
    """Notes that the sweep has ended, after all else is written.

    Args:
        folder: of the sweep.
        identity: of the spec and the code that would have nothing to do.
        content: plain values, to be given back by `known`.
    """
    if copy_of(folder / NAME) is not None:
        return  # others may write to an object store without this machine's knowledge
    with contextlib.suppress(OSError):  # it only saves time
        tree = {"version": VERSION, "identity": identity, "files": _signature(folder), "content": dict(content)}
        write(folder / NAME, json.dumps(tree), durable=False)


def known(folder: Path, identity: str) -> Mapping[str, object] | None:
    """What was kept, if spec, code and every file are those of then; else None."""
    try:
        tree = json.loads((folder / NAME).read_bytes())
        same = (tree["version"], tree["identity"]) == (VERSION, identity)
        content: Mapping[str, object] = tree["content"]
        return content if same and tree["files"] == _signature(folder) else None
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def _signature(folder: Path) -> str:
    digest = hashlib.sha256()
    for line in _lines(folder):
        digest.update(f"{line}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _lines(folder: Path) -> Iterator[str]:
    yield _line("sweep.json", os.stat(folder / "sweep.json"))
    for name in FOLDERS:
        yield from sorted(_line(f"{name}/{entry.name}", entry.stat()) for entry in _entries(folder / name))
    for entry in sorted(_entries(folder / "trials"), key=lambda entry: entry.name):
        yield _line(f"{entry.name}/trial.json", os.stat(os.path.join(entry.path, "trial.json")))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return [entry for entry in found if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []


def _line(name: str, facts: os.stat_result) -> str:
    return f"{name} {facts.st_size} {facts.st_mtime_ns}"
