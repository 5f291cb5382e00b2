"""Plug-ins among packed records: what ran travels with its results, and without the path where it lay."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from acgkd import plugins
from acgkd.errors import FolderError
from analysis.records.packed import Packed
from analysis.records.sweep_file import SweepFile
from sweeps.code import plugin_copies
from sweeps.store.folder import SweepFolder

_PREFIX = "code/plugins/"


def rows(folder: SweepFolder, known: SweepFile) -> dict[str, str]:
    """The files of a sweep's plug-ins, as JSON texts by path in the folder.

    Raises:
        ConfigError: a copy is gone, or is not what it was.
    """
    found = {}
    for copy in plugin_copies.copies(folder, known).values():
        for name, content in plugins.place_at(copy).files.items():
            path = copy / name if copy.is_dir() else copy
            text = content.decode("utf-8", "surrogateescape")
            found[path.relative_to(folder.path).as_posix()] = json.dumps(text)
    return found


def stand_in(packs: Iterable[Packed]) -> None:
    """Lets packed plug-ins stand in, as long as this process lives, for those that are gone; none is run by this.

    Raises:
        FolderError: a file would lie elsewhere.
    """
    home = Path(tempfile.mkdtemp(prefix="acgkd-plugin-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    found = {}
    for packed in packs:
        for name, text in packed.files.items():
            if not name.startswith(_PREFIX):
                continue
            digest, whole, *inside = name.removeprefix(_PREFIX).split("/")
            if ".." in (digest, whole, *inside):
                raise FolderError(f"A packed plug-in lies under `{_PREFIX}`, but got `{name}`.")
            path = home.joinpath(digest, whole, *inside)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(json.loads(text).encode("utf-8", "surrogateescape"))
            found[f"/{digest}/{whole}"] = home / digest / whole
    plugins.stand_in(found)
