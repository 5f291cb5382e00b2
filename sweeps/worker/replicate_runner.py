"""One replicate: started or resumed, advanced in short slices, checkpointed, measured, recorded."""

import contextlib
import faulthandler
import json
import math
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acgkd.cache import sync, unsynced
from acgkd.errors import CheckpointError, StorageError
from analysis.records.parts.run_cost import CostValue
from analysis.records.record import Record
from sweeps.faults.timeouts import StepTimeoutError
from sweeps.store.atomic import write, write_arrays
from sweeps.store.folder import SweepFolder
from sweeps.store.sharing.shared_files import remove
from sweeps.store.storage_errors import storage_error
from sweeps.store.trial import now
from sweeps.worker.clock import Clock, WatchedStep
from sweeps.worker.experiments import Experiment, Measurement, Run
from sweeps.worker.watchdog import forget_crashes, note_crashes

if TYPE_CHECKING:
    from analysis.records.pseudo_samples import Array

SLICE_S = 1.0
CHECKPOINT_S = 3.0
CHECKPOINTS_KEPT = 2
HANG_S = 1800.0  # a step that takes half an hour hangs, where the spec does not say better


class ReplicateRunner:
    """A replicate at work in this process.

    Args:
        folder: of the sweep.
        name: what its files begin with.
        replicate: index of the seed.
        attempt: which try it is.
        generation: of the driver that asked for it.
        experiment: what is run.
        timeout_s: limit on the work kept, or None.
        samples: how many pseudo-samples of each class are kept at the end; 0 keeps none.
    """

    def __init__(
        self,
        folder: SweepFolder,
        name: str,
        replicate: int,
        attempt: int,
        generation: int,
        experiment: Experiment,
        timeout_s: float | None = None,
        samples: int = 0,
    ) -> None:
        self.folder = folder
        self.name = name
        self.replicate = replicate
        self.attempt = attempt
        self.generation = generation
        self.experiment = experiment
        self.timeout_s = timeout_s
        self.samples = samples
        self.work = folder.work(name)
        self.work.mkdir(exist_ok=True)  # with no parents: a folder that was removed is not made again
        folder.fetch_work(name, replicate)
        self.clock = Clock(clock_file(folder, name, replicate))
        self.trace = trace_file(folder, name, replicate)
        self.started_at = now()
        self._saved_at = 0.0
        self.run: Run | None = None

    def watch_crashes(self) -> None:
        """From here on a crash of this process is this replicate's, as far as files say."""
        before = faulthandler.is_enabled()
        weakref.finalize(self, forget_crashes, note_crashes(crash_file(self.folder, self.name, self.replicate)), before)

    def start(self) -> None:
        """Begins, from the newest checkpoint that can be read.

        Raises:
            Exception: whatever the experiment raises; `sweeps.faults.classification` knows what it means.
        """
        self.folder.check_generation(self.generation)
        self.clock.enter("start", 0.0, self.attempt)
        self.experiment.prepare()
        before_s = self.clock.kept_s
        with self._step():
            run: Run = self.experiment.start()
            taken = None
            for path in self._checkpoints():
                try:
                    run.load(path)
                except CheckpointError:
                    remove(path)  # torn, or of another program: an older one will do
                    run = self.experiment.start()
                    continue
                taken = path.name
                break
        self.clock.rewind(taken, before_s)
        self.run = run
        self._saved_at = self.clock.kept_s
        # Written now: if this attempt dies in its first slice, the next one knows what starting up has cost.
        self._arrived()

    def advance(self, until: float = 1.0) -> None:
        """Works for about a second, or up to a progress, and keeps what was done where it is time to."""
        assert self.run is not None, "start comes first"
        with self._step():
            self.run.advance(until=until, seconds=SLICE_S)
        self.arrived()

    def arrived(self) -> None:
        """Notes how far the run is, and keeps what was done where it is time to."""
        assert self.run is not None, "start comes first"
        # Before the checkpoint: an attempt may die while it is written.
        self._arrived()
        if not self.run.done and self.clock.kept_s - self._saved_at >= CHECKPOINT_S:
            self.checkpoint()

    def _arrived(self) -> None:
        """Notes how far the run is."""
        progress = 0.0 if self.run is None else self.run.progress
        self.folder.check_generation(self.generation)
        self.clock.enter(f"{progress:.6f}", progress, self.attempt)

    def evaluate(self, objectives: Sequence[str]) -> dict[str, float | None]:
        """The objectives as they stand now."""
        assert self.run is not None, "start comes first"
        with self._step():
            return dict(self.experiment.evaluate(self.run, objectives))

    def measure(self) -> Measurement:
        """Everything, at the end."""
        assert self.run is not None, "start comes first"
        with self._step():
            return self.experiment.measure(self.run)

    def cost(self) -> dict[str, CostValue]:
        """What the replicate took so far, by field of `Cost`; of a run that broke, as far as it can still say it."""
        taken: dict[str, CostValue] = {"lost_s": self.clock.lost_s}
        if self.run is None:
            return taken
        taken |= {f"{stage}_s": value for stage, value in self.run.seconds.items()}
        with contextlib.suppress(Exception):  # its device or memory may be gone, and that is reported already
            taken |= self.run.measure_cost()
        return {name: value if value is None or math.isfinite(value) else None for name, value in taken.items()}

    def checkpoint(self) -> None:
        """Keeps the state of this moment, and the one before it.

        Raises:
            StaleGenerationError: a later start has taken over.
            StorageError: it cannot be written.
        """
        if self.run is None or self.folder.has_record(self.name, self.replicate):
            return  # nothing was begun, or it has ended meanwhile: stopped early, for instance
        self.folder.check_generation(self.generation)
        steps = round(self.run.progress * 1_000_000)
        path = self.work / f"{self.replicate:02d}-{steps:07d}-e{self.generation:04d}-a{self.attempt:02d}.ckpt"
        try:
            first = not self._checkpoints()
            self.run.save(path)
            if first:
                sync(self.work.parent)  # in which this replicate's folder may be new
            self.folder.keep(path)
        except Exception as error:
            self.folder.check_generation(self.generation)
            raise storage_error(error) or StorageError(
                f"The checkpoint {path} must be written, but: {type(error).__name__}: {error}. "
                "Everything finished so far is kept. See to the disk, then start the same command again."
            ) from error
        self.clock.at[path.name] = self.clock.kept_s
        self._saved_at = self.clock.kept_s
        self.clock.write()
        old = self._checkpoints()[CHECKPOINTS_KEPT:]
        remove(*old)
        for gone in old:
            self.clock.at.pop(gone.name, None)

    def commit(self, record: Record) -> None:
        """Makes the result the replicate's, unless another process was first; then clears the work away.

        Raises:
            StaleGenerationError: a later start has taken over.
        """
        self.folder.check_generation(self.generation)
        if self.run is not None:
            if record.outcome == "completed":
                self._export()
                self._keep_samples()
            curves = json.dumps(_finite(self.run.curves))
            write(self.folder.curves_file(self.name, self.replicate), curves, durable=False)
        long = bool(self._checkpoints())  # what is short the driver makes sure of, for several at a time
        self.folder.commit_record(self.name, record, entry=False)
        if long:
            self.folder.sync_entries()  # before the checkpoints go
        self.folder.clear_work(self.name, self.replicate)

    def _export(self) -> None:
        assert self.run is not None, "start comes first"
        path = self.folder.student_file(self.name, self.replicate)
        part = path.with_name(f".{path.stem}-e{self.generation:04d}-a{self.attempt:02d}.pt.tmp")
        try:
            with unsynced():
                self.run.export(part)
            sync(part)
            os.replace(part, path)
            self.folder.keep(path)
        finally:
            part.unlink(missing_ok=True)

    def _keep_samples(self) -> None:
        if self.samples:
            self.folder.samples.mkdir(exist_ok=True)
            kept = draw_samples(self.experiment, self.run, self.samples)
            write_arrays(self.folder.samples_file(self.name, self.replicate), kept)

    def _checkpoints(self) -> list[Path]:
        """Newest first: furthest progress, then latest start. All of them are states of the same run."""
        return sorted(self.work.glob(f"{self.replicate:02d}-*.ckpt"), reverse=True)

    def _step(self) -> WatchedStep:
        return WatchedStep(self.clock, self.limit_s(), self.trace)

    def limit_s(self) -> float:
        """Seconds that its next step may take.

        Raises:
            StepTimeoutError: none are left.
        """
        if self.timeout_s is None:
            return HANG_S
        left = self.timeout_s - self.clock.kept_s
        if left <= 0:
            raise StepTimeoutError(f"`timeout_s: {self.timeout_s:g}` was reached")
        return min(HANG_S, left)


def draw_samples(experiment: Experiment, run: Run | None, per_class: int) -> "Mapping[str, Array]":
    """Pseudo-samples to look at, as arrays by name; or why there are none: the run stands, whatever becomes of them."""
    try:
        return experiment.pseudo_samples(run, per_class)
    except Exception as error:
        import numpy as np

        return {"absent": np.array(f"They could not be drawn: {type(error).__name__}: {error}")}


def trace_file(folder: SweepFolder, name: str, replicate: int) -> Path:
    """Where a hung process leaves its stacks."""
    return folder.work(name) / f"{replicate:02d}.hang.txt"


def crash_file(folder: SweepFolder, name: str, replicate: int) -> Path:
    """Where a process that crashes leaves its stacks."""
    return folder.work(name) / f"{replicate:02d}.crash.txt"


def clock_file(folder: SweepFolder, name: str, replicate: int) -> Path:
    """Where the seconds of a replicate are, and how far it is."""
    return folder.work(name) / f"{replicate:02d}.clock.json"


def _finite(tree: object) -> object:
    """Plain JSON has no infinities: they become null."""
    if isinstance(tree, Mapping):
        return {key: _finite(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
