"""Records of sweep folders packed into one Parquet file, and back: a fresh clone resumes where another one stopped.

One row for each record and trial file: the sweep, its fingerprint, the file's path in the folder, its JSON. Nothing of
the machine is kept: no name of a host, no path. Teachers, checkpoints and students stay behind; what is left to do
makes again what it needs of them.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from acgkd.errors import FolderError, RecordError
from analysis.records import record_file, trial_file
from analysis.records.packed import COLUMNS, Packed
from analysis.records.packed import read as read_packed
from sweeps.interchange import packed_plugins
from sweeps.interchange.fitting import Today
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.atomic import create, read_json, temporary
from sweeps.store.folder import SweepFolder
from sweeps.worker.experiments import Experiments

_PATHS = re.compile(r"(?<![\w.~/-])~?(?:/[\w.@+~-]+)+/(?=[\w.@+~-])")


def pack(folder: Path) -> Packed:
    """Reads a sweep folder; it may be at work.

    Raises:
        FolderError: it is none.
        DamagedFileError: a record or a trial file is not one.
    """
    known = SweepFolder(folder).require_sweep()
    found = {}
    for pattern in ("records/*.json", "trials/*/trial.json"):
        for path in sorted(folder.glob(pattern)):
            tree = None if path.name.startswith(".") else read_json(path)
            if tree is not None:
                _require_whole(path)
                found[path.relative_to(folder).as_posix()] = json.dumps(_without_machine(tree), separators=(",", ":"))
    return Packed(known.fingerprint, found | packed_plugins.rows(SweepFolder(folder), known))


def _require_whole(path: Path) -> None:
    """Refuses what readers would refuse: a packed file is for those who cannot look into the folder."""
    with suppress(FileNotFoundError):  # set aside meanwhile
        if path.name == "trial.json":
            trial_file.parse(path.read_bytes(), path, trial_file.TrialFile)
        else:
            record_file.parse(path.read_bytes(), path)


def misfits(packed: Packed, spec: SweepSpec, experiments: Experiments) -> dict[str, str]:
    """Why each record is not one that this sweep would make today, by its file; empty where it is.

    Raises:
        RecordError: one is damaged.
    """
    today = Today(spec, experiments)
    return {
        name: today.misfit(record_file.parse(text, name))
        for name, text in packed.files.items()
        if name.startswith("records/")
    }


def fitting(packed: Packed, spec: SweepSpec, reasons: Mapping[str, str]) -> Packed:
    """The part of it that this sweep would make today, record by record.

    Without a space a spec may have changed since: rows that were added are missing, rows that say something else now,
    or whose defaults have changed since, are left out. What is searched fits as a whole or not at all, because each
    trial was asked for in the light of the others.

    Args:
        packed: of this sweep, or of an earlier form of it.
        spec: the sweep.
        reasons: as `misfits` gives them.

    Raises:
        FolderError: trials of a search were made with other settings.
    """
    kept = {name: packed.files[name] for name, reason in reasons.items() if not reason}
    if spec.space is not None:
        trials = {name: text for name, text in packed.files.items() if name.startswith("trials/")}
        lost = [name for name in reasons.keys() - kept.keys() if name.startswith("records/trial-")]
        if trials and (lost or packed.fingerprint != spec.fingerprint()):
            raise FolderError(
                f"Trials can be resumed by the search that asked for them, but those of `{spec.name}` were made with "
                "other settings. Put the settings back, or leave the records out to run everything again."
            )
        kept |= trials
    return Packed(spec.fingerprint(), kept)


def restore(packed: Packed, path: Path) -> int:
    """Lays packed files into a sweep folder, made if need be; what is there already stays as it is.

    Args:
        packed: what fits the sweep (`fitting`).
        path: its folder.

    Returns:
        How many files were not there.

    Raises:
        FolderError: a file would lie elsewhere.
    """
    SweepFolder(path).make()
    made = 0
    for name, text in packed.files.items():
        parts = PurePosixPath(name).parts
        if parts[0] not in ("records", "trials") or ".." in parts:
            raise FolderError(f"A packed file lies under `records/` or `trials/`, but got `{name}`.")
        target = path.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        made += create(target, text)
    return made


def write(path: Path, packs: Mapping[str, Packed]) -> None:
    """Writes the file, whole or not at all; equal content gives equal bytes.

    Args:
        path: ends in ``.parquet``.
        packs: by name of the sweep.
    """
    import pandas as pd

    rows = [
        (sweep, packs[sweep].fingerprint, name, packs[sweep].files[name])
        for sweep in sorted(packs)
        for name in sorted(packs[sweep].files)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = temporary(path)
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype="string")
    table.to_parquet(part, index=False, compression="zstd")
    os.replace(part, path)


def read(path: Path) -> dict[str, Packed]:
    """Reads the file; empty where there is none.

    Raises:
        FolderError: it is no such file.
    """
    if not path.exists():
        return {}
    try:
        return read_packed(path)
    except RecordError as error:
        raise FolderError(str(error)) from error


def _without_machine(tree: object) -> object:
    """A record or trial without the host's name, the process and the folders that its messages name."""
    if isinstance(tree, Mapping):
        blank: dict[str, object] = {}
        if "host" in tree and ("process" in tree or "generation" in tree):  # of a record; of a trial's attempt
            blank = {"host": "", "process": 0}
        return {key: blank.get(key, _without_machine(value)) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_machine(item) for item in tree]
    return _PATHS.sub("", tree) if isinstance(tree, str) and "/" in tree else tree
