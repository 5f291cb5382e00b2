"""Packed records of sweep folders and of other files, joined; and put back into a sweep folder."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acgkd.errors import FolderError, RecordError
from analysis.records import trial_file
from analysis.records.packed import Packed
from sweeps.engine import startup
from sweeps.interchange import packed_records
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial
from sweeps.worker.experiments import Experiments

_LISTED = 5


@dataclass(frozen=True)
class Unpacked:
    """What was put back.

    Args:
        sweep: its name among the packed records.
        made: how many files were not there yet.
        records: how many records the spec would make today.
        refused: how many it would not, by reason.
    """

    sweep: str
    made: int
    records: int
    refused: Mapping[str, int] = field(default_factory=dict)


def pack_folders(folders: Iterable[Path]) -> dict[str, Packed]:
    """Reads sweep folders, by name of the sweep; parts of one sweep are joined. They may be at work.

    Raises:
        FolderError: one is no sweep folder, or two parts of a sweep disagree.
    """
    return merge(
        (str(folder), {SweepFolder(folder).require_sweep().name: packed_records.pack(folder)}) for folder in folders
    )


def merge(parts: Iterable[tuple[str, Mapping[str, Packed]]]) -> dict[str, Packed]:
    """Joins packed records; what is there several times has to be the same.

    Two things may differ: seconds and machine of a teacher's row, of which the first stays, since every place trains
    its teachers; and how far a trial is, of which the later state stays.

    Args:
        parts: where each comes from, for messages, and what it holds by name of the sweep.

    Raises:
        FolderError: two parts of one sweep are of different specs, or a file of theirs differs.
    """
    joined: dict[str, Packed] = {}
    origins: dict[str, str] = {}
    for where, packs in parts:
        for sweep, packed in packs.items():
            known = joined.get(sweep)
            if known is None:
                joined[sweep], origins[sweep] = packed, where
                continue
            if known.fingerprint != packed.fingerprint:
                raise FolderError(
                    f"Parts of one sweep are of one spec, but `{sweep}` in {where} has other settings than in "
                    f"{origins[sweep]}. Give one of them another name, or leave it out."
                )
            joined[sweep] = Packed(known.fingerprint, _joined(sweep, known.files, packed.files, where, origins[sweep]))
    return joined


def _joined(sweep: str, ours: Mapping[str, str], theirs: Mapping[str, str], where: str, origin: str) -> dict[str, str]:
    files, differing = dict(ours), []
    for name, text in theirs.items():
        kept = _agreed(name, ours[name], text) if name in ours else text
        if kept is None:
            differing.append(name)
        else:
            files[name] = kept
    if differing:
        more = f" and {len(differing) - _LISTED} more" if len(differing) > _LISTED else ""
        raise FolderError(
            f"What is in several parts of a sweep is the same in all, but of `{sweep}` these differ between {origin} "
            f"and {where}: {', '.join(sorted(differing)[:_LISTED])}{more}. Leave one of the parts out, or take the "
            "files out of its folder and pack it again."
        )
    return files


def _agreed(name: str, ours: str, theirs: str) -> str | None:
    """What two texts of one file agree on; None where they differ."""
    if ours == theirs:
        return ours
    if name.startswith("records/teacher-"):
        return ours if _without_time(json.loads(ours)) == _without_time(json.loads(theirs)) else None
    if name.startswith("trials/"):
        pair = [(trial_file.parse(text, name, Trial), text) for text in (ours, theirs)]
        for (one, text), (other, _) in (pair, pair[::-1]):
            if _is_later(one, other):
                return text
    return None


def _without_time(tree: Mapping[str, Any]) -> dict[str, object]:
    """A record without what differs between two times that the same is done."""
    cost = {key: value for key, value in tree.get("cost", {}).items() if not key.endswith(("_s", "_ms_per_1000"))}
    cost = {key: value for key, value in cost.items() if not key.startswith(("peak_", "teacher_cached"))}
    return {key: value for key, value in tree.items() if key != "environment"} | {"cost": cost}


def _is_later(one: Trial, other: Trial) -> bool:
    """Whether `one` is `other`, further on."""
    kept = ["number", "parameters", "distributions", *(("state", "values", "constraint") if other.final else ())]
    ended = [attempt for attempt in other.attempts if attempt.outcome is not None]
    return all(getattr(one, key) == getattr(other, key) for key in kept) and all(a in one.attempts for a in ended)


def read_packed(path: Path) -> dict[str, Packed]:
    """As `packed_records.read`, of a file that has to be there.

    Raises:
        FolderError: it is not, or is no such file.
    """
    if not path.is_file():
        raise FolderError(f"Packed records are a file that `acgkd pack` wrote, but there is none at {path}.")
    return packed_records.read(path)


def require_place(path: Path) -> None:
    """Refuses a place where packed records must not be written.

    Raises:
        FolderError: the name does not end in ``.parquet``, or something else is there.
    """
    if path.suffix != ".parquet":
        raise FolderError(f"Packed records are a `.parquet` file, but `--out` names {path}.")
    if path.exists():
        if not path.is_file():
            raise FolderError(f"Packed records are a file, but {path} is a folder. Choose another one with `--out`.")
        packed_records.read(path)  # whatever else it holds is not to be lost


def unpack(
    path: Path,
    spec: SweepSpec,
    out: Path,
    experiments: Experiments,
    *,
    sweep: str | None = None,
    packs: Mapping[str, Packed] | None = None,
    command: str = "",
    spec_text: str = "",
) -> Unpacked:
    """Lays into a sweep folder what its spec would make today of packed records; what is there stays as it is.

    Args:
        path: of the packed records.
        spec: the sweep.
        out: its folder; made if need be.
        experiments: knows the settings of a run.
        sweep: its name among the packed records; the spec's, or the only one there, if left out.
        packs: what the file holds, where it has been read.
        command: for the record.
        spec_text: the spec as the user wrote it.

    Raises:
        FolderError: there is no such sweep, nothing of it fits the spec, or the folder is another sweep's.
        SweepError: a driver works on the folder.
    """
    packs = read_packed(path) if packs is None else packs
    name = sweep or (next(iter(packs)) if len(packs) == 1 else spec.name)
    if name not in packs:
        raise FolderError(
            f"{path} holds {', '.join(packs) or 'no sweep'}, but not `{name}`. Name one of them with `--sweep`."
        )
    try:
        reasons = packed_records.misfits(packs[name], spec, experiments)
    except RecordError as error:
        raise FolderError(f"{path}: {error}") from error
    if reasons and all(reasons.values()):
        raise FolderError(
            f"No record of `{name}` in {path} is one that this spec would make today; the first difference is "
            f"{next(iter(reasons.values()))}. Is it the right spec?"
        )
    fit = packed_records.fitting(packs[name], spec, reasons)
    folder = startup.reserve(out)
    with folder.lock():
        startup.match(folder, spec, command=command, spec_text=spec_text)
        made = packed_records.restore(fit, folder.path)
    refused = Counter(filter(None, reasons.values()))
    return Unpacked(name, made, len(reasons) - refused.total(), dict(refused))
