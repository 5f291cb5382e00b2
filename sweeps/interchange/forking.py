"""A fork: a new sweep that takes over what its spec would make today of another sweep, whose folder stays as it is."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from acgkd.errors import DamagedFileError, FolderError, NewerVersionError
from analysis.records import record_file
from analysis.records.parts.run_identity import Kind
from analysis.records.record import Record
from sweeps.engine import startup
from sweeps.engine.teachers_and_controls import missing_controls
from sweeps.interchange.fitting import Today
from sweeps.interchange.fork_records import Chooser, Takeover
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.atomic import write
from sweeps.store.folder import SweepFolder
from sweeps.store.writable import require_path, require_writable
from sweeps.worker.experiments import Experiments

_KINDS: tuple[Kind, ...] = ("trial", "control", "teacher")
_DAMAGED = "damaged"


@dataclass(frozen=True)
class Forked:
    """What a fork took over, and what is left to do.

    Args:
        folder: of the new sweep.
        trials: how many trials were taken over.
        trials_there: how many there were.
        records: how many records were taken over, by kind: ``trial``, ``control``, ``teacher``.
        records_there: how many there were.
        cache: how many files of the cache were copied: teachers, pools, syntheses.
        refused: how many records were not taken over, by reason: the first setting that differs, as a rule.
        refused_trials: how many trials were not, likewise.
        controls_left: runs of controls that are left to do.
        trials_left: trials taken over in which replicates are left to run.
        trials_more: trials that the budget adds; None where only time ends the sweep.
    """

    folder: Path
    trials: int
    trials_there: int
    records: Mapping[str, int]
    records_there: Mapping[str, int]
    cache: int
    refused: Mapping[str, int] = field(default_factory=dict)
    refused_trials: Mapping[str, int] = field(default_factory=dict)
    controls_left: int = 0
    trials_left: int = 0
    trials_more: int | None = 0


def fork(
    folder: Path, spec: SweepSpec, out: Path, experiments: Experiments, *, command: str = "", spec_text: str = ""
) -> Forked:
    """Makes the folder of a new sweep with all that its spec would make today of another sweep's results.

    Trials are numbered anew, from 0 and without gaps; ``origin`` in a trial's file is its old number. Records follow
    their seeds. Objectives are those of the new spec, wherever all records of a trial hold them. Replicates that are
    not taken over are run by the next start.

    Args:
        folder: of the other sweep; it may be at work, and is only read.
        spec: the new sweep.
        out: its folder, new or empty.
        experiments: knows the settings of a run.
        command: for the record.
        spec_text: the spec as the user wrote it.

    Raises:
        FolderError: `folder` is no sweep, or `out` cannot be the new one's folder.
        SweepError: a file of a trial is damaged.
        ConfigError: a file that the spec names cannot be read.
    """
    require_path(out)
    source = SweepFolder(folder)
    known = source.require_sweep()
    _require_free(folder, out)
    source.fetch_weights()
    # Trials before records: what a trial's file speaks of is then among the records, though the sweep is at work.
    trials = sorted(source.trials(), key=lambda trial: trial.number)
    records, damaged = _records(source)
    taken = Chooser(Today(spec, experiments), known, source).choose(trials, records)
    if damaged:
        taken.refused[_DAMAGED] += damaged
    require_writable(out.absolute().parent)
    part = SweepFolder(out.absolute().with_name(f".{out.absolute().name}.{os.getpid()}.part"))
    try:
        part.make()
        _lay(taken, source, part)
        copied = copy_cache(source.cache, part.cache)
        startup.match(part, spec, command=command, spec_text=spec_text)
        part.note(f"forked from {folder.resolve()}: {len(taken.trials)} trials, {len(taken.records)} records")
        controls = missing_controls(spec, part)
        _rename(part, out)
    finally:
        shutil.rmtree(part.path, ignore_errors=True)
    final = [trial for trial in taken.trials if trial.final]
    return Forked(
        folder=out,
        trials=len(taken.trials),
        trials_there=len(trials),
        records=_by_kind(moved.record for moved in taken.records),
        records_there=_by_kind(records.values()),
        cache=copied,
        refused=dict(taken.refused),
        refused_trials=dict(taken.refused_trials),
        controls_left=len(controls),
        trials_left=len(taken.trials) - len(final),
        trials_more=None if spec.trials is None else max(0, spec.trials - len(taken.trials)),
    )


def _require_free(folder: Path, out: Path) -> None:
    here, there = folder.resolve(), out.resolve()
    if there == here or here in there.parents:
        raise FolderError(
            f"A fork needs a folder of its own, outside of {folder}, but got {out}. Choose another one with `--out`."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        what = "holds something already" if out.is_dir() else "is a file"
        raise FolderError(f"A fork needs a new or empty folder, but {out} {what}. Choose another one with `--out`.")


def _records(source: SweepFolder) -> tuple[dict[str, Record], int]:
    """The records by what their files begin with, and how many files are damaged."""
    found, damaged = {}, 0
    for path in sorted(source.records.glob("[!.]*.json")):
        try:
            found[path.stem] = record_file.parse(path.read_bytes(), path)
        except FileNotFoundError:
            continue  # set back by the user at this moment
        except NewerVersionError as error:
            raise FolderError(str(error)) from error
        except DamagedFileError:
            damaged += 1
    return found, damaged


def _by_kind(records: Iterable[Record]) -> dict[str, int]:
    counts = Counter(record.identity.kind for record in records)
    return {kind: counts[kind] for kind in _KINDS}


def _lay(taken: Takeover, source: SweepFolder, target: SweepFolder) -> None:
    """Writes what is taken over, with what lies beside the records."""
    for moved in taken.records:
        write(target.records / f"{moved.target}.json", moved.record.model_dump_json(), durable=False)
        for ending, where in ((".json", "curves"), (".pt", "students"), (".npz", "samples")):
            _copy(source.path / where / f"{moved.source}{ending}", target.path / where / f"{moved.target}{ending}")
    for before, after in taken.logs.items():
        _copy(source.path / before, target.path / after)
    for trial in taken.trials:
        target.write_trial(trial)


def copy_cache(source: Path, target: Path) -> int:
    """Copies what one cache holds and another one does not.

    Args:
        source: its folder; its files are named by what made them, and are only ever whole.
        target: the other one's.

    Returns:
        How many files were copied.
    """
    copied = 0
    for path in sorted(source.rglob("*")):
        within = path.relative_to(source)
        passing = any(part.startswith(".") for part in within.parts) or path.suffix == ".lock"
        if path.is_file() and not passing and not (target / within).exists():
            copied += _copy(path, target / within)
    return copied


def _copy(source: Path, target: Path) -> bool:
    """Copies a file that may be gone; not a link, so that neither sweep can change the other's."""
    with suppress(FileNotFoundError):
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.{os.getpid()}.part")
            shutil.copy2(source, part)
            os.replace(part, target)
            return True
    return False


def _rename(part: SweepFolder, out: Path) -> None:
    """Gives the folder its name; `sweep.json`, which makes it a sweep, comes last."""
    if not out.exists():
        os.rename(part.path, out)
        return
    for path in sorted(part.path.iterdir(), key=lambda path: path == part.sweep):
        os.rename(path, out / path.name)
