"""What benchmarks on methods share: sweeps that stop and resume, with their records packed into one committed file."""

import argparse
import logging
import os
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from analysis.records.frame import Frame, from_records
from analysis.records.record import Record
from sweeps.display import progress
from sweeps.executors.base import Executor, run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.executors.ray.executor import Ray
from sweeps.interchange import packed_records
from sweeps.spec.loading import check_tree
from sweeps.spec.raw import read_tree
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import AcgkdExperiments, Experiments

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "specs" / "benchmarks"
RESULTS = ROOT / "docs" / "results"
RECORDS = RESULTS / "records"


@dataclass(frozen=True)
class Place:
    """Where a benchmark keeps what it has.

    Args:
        home: sweep folders, and the cache that they share.
        records: the packed records.
        page: the page made from them.
    """

    home: Path
    records: Path
    page: Path

    @classmethod
    def of(cls, name: str, out: Path | None = None) -> "Place":
        """The usual one of a benchmark, or the same below another folder."""
        runs, results = (ROOT, RESULTS) if out is None else (out, out)
        return cls(runs / "runs" / name, results / "records" / f"{name}.parquet", results / f"{name}.md")

    def beside(self, name: str) -> "Place":
        """Where another benchmark keeps what it has, if it keeps it beside this one."""
        return Place(
            self.home.with_name(name), self.records.with_name(f"{name}.parquet"), self.page.with_name(f"{name}.md")
        )


def read_spec(path: Path, overrides: Sequence[str] = (), without: Sequence[str] = ()) -> SweepSpec:
    """A spec, changed as by `--set`, without some of its controls.

    Args:
        path: the file.
        overrides: each ``path=value``.
        without: labels.

    Raises:
        SpecError: something is wrong with it.
    """
    tree = read_tree(path, overrides)
    if without:
        controls = tree.value.get("controls", [])
        tree.value["controls"] = [item for item in controls if item.get("label", item["name"]) not in without]
    return check_tree(tree)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark on methods has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="data sets, with commas between; all if left out")
    parser.add_argument("--workers", type=int, default=1, help="1 runs in this process, more on Ray")
    parser.add_argument("--hours", type=float, help="stop cleanly after so long; the same command resumes")
    parser.add_argument("--report", action="store_true", help="only the page, from the records that are there")
    parser.add_argument("--specs", type=Path, default=SPECS, help="folder of the specs")
    parser.add_argument("--out", type=Path, help="folder of page, records and sweeps, instead of docs/results and runs")
    return parser


def chosen(names: Sequence[str], only: str) -> list[str]:
    """The names that `--only` asks for.

    Raises:
        SystemExit: one is not known.
    """
    wanted = [name for name in only.split(",") if name]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise SystemExit(f"--only takes some of {', '.join(names)}, but got {', '.join(unknown)}.")
    return wanted or list(names)


def restore(spec: SweepSpec, folder: Path, packed: packed_records.Packed | None, experiments: Experiments) -> int:
    """Brings a sweep folder to where the packed records are, and clears out what the spec would not make today.

    Args:
        spec: the sweep.
        folder: its folder; its cache is shared with its neighbours.
        packed: its part of the archive.
        experiments: knows the settings of a run.

    Returns:
        How many records were put back.

    Raises:
        FolderError: trials of a search were made with other settings.
    """
    files = dict(packed.files) if packed is not None else {}
    fingerprint = packed.fingerprint if packed is not None else spec.fingerprint()
    if (folder / "sweep.json").exists():
        here = packed_records.pack(folder)
        files, fingerprint = files | here.files, here.fingerprint
    fit = packed_records.fitting(packed_records.Packed(fingerprint, files), spec, experiments)
    stale = {path.relative_to(folder).as_posix() for path in folder.glob("records/*.json")} - fit.files.keys()
    if stale or fingerprint != spec.fingerprint():
        for child in folder.iterdir() if folder.is_dir() else ():
            if child.name != "cache":
                shutil.rmtree(child) if child.is_dir() else child.unlink()
    cache = folder.parent / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    if not (folder / "cache").exists():
        (folder / "cache").symlink_to(os.path.join("..", "cache"))
    return packed_records.restore(fit, folder)


def run(
    specs: Sequence[SweepSpec],
    place: Place,
    *,
    workers: int = 1,
    hours: float | None = None,
    experiments_of: Callable[[SweepSpec], Experiments] = AcgkdExperiments.of,
) -> bool:
    """Runs what is missing, sweep after sweep; after each of them the packed records are written.

    Args:
        specs: the sweeps, each with a name of its own.
        place: where everything is.
        workers: 1 runs in this process, more on Ray.
        hours: stop cleanly after so long.
        experiments_of: where the experiments of a sweep come from.

    Returns:
        Whether everything is there.
    """
    packs = packed_records.read(place.records)
    script = Path(sys.argv[0])  # with its folder: so Python names it to a module that runs as the main one
    command = shlex.join(["python", "-m", f"benchmarks.{script.parent.name}.{script.stem}", *sys.argv[1:]])
    with _stopping_after(hours) as stopped, _executor(workers) as executor:
        for spec in specs:
            experiments, folder = experiments_of(spec), place.home / spec.name
            put_back = restore(spec, folder, packs.get(spec.name), experiments)
            if put_back:
                print(f"{spec.name}: {put_back} records restored from {place.records.name}", flush=True)
            try:
                with progress(spec.name) as display:
                    summary = run_sweep(
                        spec, folder, executor, command=command, watch=display.watch, experiments=experiments
                    )
            finally:
                if (folder / "sweep.json").exists():
                    packs[spec.name] = packed_records.pack(folder)
                    packed_records.write(place.records, packs)
            if summary.interrupted or stopped():
                print("Stopped. What was done is kept; the same command resumes from here.")
                return False
    return True


@contextmanager
def _executor(workers: int) -> Iterator[Executor]:
    if workers == 1:
        from acgkd.runtime import keep_freed_memory

        keep_freed_memory()
        yield InProcess()
        return
    import ray

    ray.init(
        address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
    )
    try:
        yield Ray()
    finally:
        ray.shutdown()


@contextmanager
def _stopping_after(hours: float | None) -> Iterator[Callable[[], bool]]:
    """Sends this process the signal that the engine takes for a clean stop; between two sweeps it is only noted."""
    asked = threading.Event()

    def note(number: int, frame: Any) -> None:
        asked.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    deadline = None if hours is None else time.monotonic() + hours * 3600
    timer = None if hours is None else threading.Timer(hours * 3600, os.kill, (os.getpid(), signal.SIGTERM))
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield lambda: asked.is_set() or (deadline is not None and time.monotonic() >= deadline)
    finally:
        if timer is not None:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def records(specs: Sequence[SweepSpec], place: Place) -> list[Record]:
    """All records of the sweeps that their specs would make today, from folders and from the packed file."""
    packs, found = packed_records.read(place.records), []
    before = dict(packs)
    for spec in specs:
        folder, packed = place.home / spec.name, packs.get(spec.name)
        files = dict(packed.files) if packed is not None else {}
        fingerprint = packed.fingerprint if packed is not None else spec.fingerprint()
        if (folder / "sweep.json").exists():
            here = packed_records.pack(folder)
            files, fingerprint = files | here.files, here.fingerprint
        fit = packed_records.fitting(packed_records.Packed(fingerprint, files), spec, AcgkdExperiments.of(spec))
        if fit.files:
            packs[spec.name] = fit
        found += [Record.model_validate_json(fit.files[name]) for name in sorted(fit.files) if "records/" in name]
    if packs != before:
        packed_records.write(place.records, packs)
    return found


def frame_of(found: Sequence[Record]) -> Frame:
    """Their frame; a trial of a comparison goes by its method's name."""
    named = [
        item.model_copy(update={"identity": item.identity.model_copy(update={"label": item.identity.method})})
        if item.identity.kind == "trial" and not item.parameters
        else item
        for item in found
    ]
    return from_records(named)
