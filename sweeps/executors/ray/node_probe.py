"""What a node of a cluster is asked: runs there as a task, and imports nothing of ours, which may be another copy."""

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from acgkd.code_digest import source_digest

LIBRARIES = ("torch", "ray", "torch_geometric")
Facts = dict[str, object]


def probe(folder: str, trial: str, name: str) -> Facts:
    """What there is on this node.

    Args:
        folder: that sweeps shall live in.
        trial: a folder in it that the driver has made, with its own file ``driver`` in it; empty if it could not.
        name: of the files that are tried there, different for each node.
    """
    facts: Facts = {"host": socket.gethostname(), "python": platform.python_version(), **_ours()}
    for library in LIBRARIES:
        try:
            facts[library] = version(library)
        except PackageNotFoundError:
            facts[library] = None
    facts["cores"] = len(os.sched_getaffinity(0))
    facts["gpus"] = _gpus()
    return facts | _folder(Path(folder), trial, name)


def now() -> float:
    """This node's clock, in seconds."""
    return time.time()


def _ours() -> Facts:
    """Version and digest of acgkd, read from its files."""
    try:
        found = find_spec("acgkd")
        if found is None or found.origin is None:
            return {"acgkd": None, "code": None}
        text = Path(found.origin).read_text(encoding="utf-8")
        said = re.search(r'^__version__ = "(.*)"$', text, re.MULTILINE)
        return {
            "acgkd": said.group(1) if said else "unknown",
            "code": source_digest(Path(found.origin).resolve().parents[1]),
            "executable": sys.executable,
        }
    except (OSError, ValueError, ImportError) as error:
        return {"acgkd": None, "code": None, "code_error": f"{type(error).__name__}: {error}"}


def _gpus() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _folder(folder: Path, trial: str, name: str) -> Facts:
    """Whether the folder is the driver's, whether files can be renamed and exclusively created in it, and its room."""
    if re.match(r"\w+:/", str(folder)):
        return _store(folder)
    facts: Facts = {"sees_folder": folder.is_dir(), "free_bytes": None, "renames": None, "creates_once": None}
    if not folder.is_dir():
        return facts
    facts["free_bytes"] = shutil.disk_usage(folder).free
    if not trial:
        return facts
    place = folder / trial
    if not (place / "driver").is_file():  # a folder of that path, but another one
        return facts | {"sees_folder": False}
    try:
        (place / f"{name}.new").write_text("new")
        (place / name).write_text("old")
        os.replace(place / f"{name}.new", place / name)
        facts["renames"] = (place / name).read_text() == "new"
        facts["creates_once"] = [_create(place / f"{name}.once") for _ in range(2)] == [True, False]
    except OSError as error:
        facts["folder_error"] = f"{type(error).__name__}: {error}"
    return facts


def _store(folder: Path) -> Facts:
    """The same of an object store, as the code of this node reaches it."""
    facts: Facts = {"sees_folder": True, "free_bytes": None, "renames": True, "creates_once": True}
    try:
        from acgkd.files.addresses import address_of
        from analysis.stores.object_store import ObjectStore

        ObjectStore(address_of(folder) or "").require_writable()
    except Exception as error:
        facts["folder_error"] = str(error) or type(error).__name__
    return facts


def _create(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True
