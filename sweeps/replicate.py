"""One replicate: started or taken up again, advanced in short slices, checkpointed, measured, recorded."""

import json
import math
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acgkd.config import RunConfig
from acgkd.errors import CheckpointError, DivergedError
from analysis.record import Cost, Environment, Identity, Kind, Outcome, Quality, Record
from sweeps.errors import StorageError, storage_error
from sweeps.files import read_json, write
from sweeps.folder import SweepFolder
from sweeps.laboratory import Experiment, Measurement, Run
from sweeps.settings import Objective
from sweeps.spec import SweepSpec
from sweeps.trial import now
from sweeps.watchdog import StepTimeoutError, watched

SLICE_S = 1.0
CHECKPOINT_S = 3.0
CHECKPOINTS_KEPT = 2
HANG_S = 1800.0  # a step that takes half an hour hangs, where the spec does not say better


def objective_values(objectives: Sequence[Objective], measurement: Measurement) -> dict[str, float | None]:
    """The objectives as a measurement has them."""
    cost = measurement.cost
    parts = [cost.get(name) for name in ("synthesis_s", "transfer_s", "joint_s")]
    known = {**measurement.quality, **cost, "seconds": sum(float(part) for part in parts if part is not None)}
    return {
        objective.name: None if known.get(objective.name) is None else float(known[objective.name] or 0.0)
        for objective in objectives
    }


def build_record(
    spec: SweepSpec,
    config: RunConfig,
    seed: int,
    measurement: Measurement | None,
    *,
    outcome: Outcome = "completed",
    message: str = "",
    kind: Kind = "trial",
    label: str = "distill",
    trial: int | None = None,
    replicate: int = 0,
    attempt: int = 0,
    parameters: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: float = 1.0,
    objectives: Mapping[str, float | None] | None = None,
    seconds: Mapping[str, float] | None = None,
    lost_s: float | None = None,
    started_at: str = "",
    alongside: int = 1,
    calibration_s: float | None = None,
) -> Record:
    """The row of one run.

    Args:
        spec: the sweep that it belongs to.
        config: the run.
        seed: of the run.
        measurement: what was measured; None where there was nothing to measure.
        outcome: how it ended.
        message: why, where it did not complete.
        kind: trial, control or teacher.
        label: how tables call the row.
        trial: Optuna's number.
        replicate: index into the sweep's seeds.
        attempt: which try it was.
        parameters: those that were searched, by slash path.
        settings: all, by slash path; asked of the method if left out.
        progress: share that was done.
        objectives: as told to the search; taken from the measurement if left out.
        seconds: of each stage, where there is no measurement to say it.
        lost_s: work that was done and lost.
        started_at: of this attempt, UTC.
        alongside: jobs at the same time, this one included.
        calibration_s: seconds of the calibration kernel.
    """
    if settings is None:
        from sweeps.laboratory import AcgkdLaboratory

        settings = AcgkdLaboratory().settings(config)
    teaching = kind != "teacher"
    if objectives is None:
        objectives = objective_values(spec.objectives, measurement) if teaching and measurement is not None else {}
    cost: dict[str, Any] = {f"{stage}_s": value for stage, value in (seconds or {}).items()}
    environment: dict[str, Any] = {"device": config.device}
    quality: dict[str, Any] = {}
    if measurement is not None:
        cost |= dict(measurement.cost)
        environment |= dict(measurement.environment)
        quality = dict(measurement.quality)
    return Record(
        identity=Identity(
            sweep=spec.name,
            kind=kind,
            trial=trial,
            label=label,
            replicate=replicate,
            attempt=attempt,
            seed=seed,
            vary=list(config.vary),
            fingerprint=config.fingerprint(),
            method=config.method.name if teaching else "teacher",
            dataset=None if config.dataset is None else config.dataset.name,
            teacher=config.teacher.preset,
            student=config.student.preset if teaching else None,
            prior={} if measurement is None else dict(measurement.prior),
        ),
        parameters=dict(parameters or {}),
        settings=dict(settings),
        outcome=outcome,
        message=message,
        progress=min(1.0, progress),
        objectives=dict(objectives),
        selection={
            f"{objective.name}/{fact}": getattr(objective, fact)
            for objective in spec.objectives
            for fact in ("uses_real_data", "floor")
        },
        quality=Quality(**quality),
        cost=Cost(**(cost | {"lost_s": lost_s})),
        environment=Environment(
            **(
                environment
                | {
                    "host": socket.gethostname(),
                    "process": os.getpid(),
                    "trials_alongside": alongside,
                    "calibration_s": calibration_s,
                    "started_at": started_at,
                    "finished_at": now(),
                }
            )
        ),
    )


def outcome_of(error: BaseException) -> Outcome:
    """How a replicate ended that raised `error`."""
    torch = sys.modules.get("torch")
    if isinstance(error, DivergedError):
        return "diverged"
    if isinstance(error, StepTimeoutError):
        return "timed_out"
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return "out_of_memory"
    if isinstance(error, RuntimeError) and "can't allocate memory" in str(error):
        return "out_of_memory"  # torch's allocator on the CPU has no class of its own
    return "failed"


class Clock:
    """Seconds of work on a replicate, kept through restarts; knows what an interruption has cost.

    Args:
        path: its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        known = read_json(path) or {}
        self.kept_s = float(known.get("kept_s", 0.0))
        self.lost_s = float(known.get("lost_s", 0.0))
        self.at: dict[str, float] = dict(known.get("at", {}))

    def rewind(self, checkpoint: str | None) -> None:
        """Goes back to a checkpoint, or to the start: what was done since is lost."""
        then = self.at.get(checkpoint, self.kept_s) if checkpoint else 0.0
        self.lost_s += max(0.0, self.kept_s - then)
        self.kept_s = then

    def write(self) -> None:
        """Keeps the state; not worth waiting for the disk."""
        facts = {"kept_s": self.kept_s, "lost_s": self.lost_s, "at": self.at}
        write(self.path, json.dumps(facts), durable=False)


class ReplicateRunner:
    """A replicate at work in this process.

    Args:
        folder: of the sweep.
        name: what its files begin with.
        replicate: index of the seed.
        attempt: which try it is.
        epoch: of the driver that asked for it.
        experiment: what is run.
        timeout_s: limit on the work kept, or None.
    """

    def __init__(
        self,
        folder: SweepFolder,
        name: str,
        replicate: int,
        attempt: int,
        epoch: int,
        experiment: Experiment,
        timeout_s: float | None = None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.replicate = replicate
        self.attempt = attempt
        self.epoch = epoch
        self.experiment = experiment
        self.timeout_s = timeout_s
        self.work = folder.work(name)
        self.work.mkdir(parents=True, exist_ok=True)
        self.clock = Clock(self.work / f"{replicate:02d}.clock.json")
        self.trace = trace_file(folder, name, replicate)
        self.started_at = now()
        self._saved_at = 0.0
        self.run: Run | None = None

    def start(self) -> None:
        """Begins, from the newest checkpoint that can be read.

        Raises:
            Exception: whatever the experiment raises; `outcome_of` knows what it means.
        """
        if not self.experiment.prepared:
            self.experiment.prepare()
        with self._step():
            run: Run = self.experiment.start()
            taken = None
            for path in self._checkpoints():
                try:
                    run.load(path)
                except CheckpointError:
                    path.unlink(missing_ok=True)  # torn, or of another program: an older one will do
                    run = self.experiment.start()
                    continue
                taken = path.name
                break
        self.clock.rewind(taken)
        self.run = run
        self._saved_at = self.clock.kept_s

    def advance(self, until: float = 1.0) -> None:
        """Works for about a second, or up to a progress, and keeps what was done where it is time to."""
        assert self.run is not None, "start comes first"
        with self._step():
            self.run.advance(until=until, seconds=SLICE_S)
        if not self.run.done and self.clock.kept_s - self._saved_at >= CHECKPOINT_S:
            self.checkpoint()
        self.folder.check_epoch(self.epoch)
        self.clock.write()

    def judge(self, objectives: Sequence[str]) -> dict[str, float | None]:
        """The objectives as they stand now."""
        assert self.run is not None, "start comes first"
        with self._step():
            return dict(self.experiment.judge(self.run, objectives))

    def measure(self) -> Measurement:
        """Everything, at the end."""
        assert self.run is not None, "start comes first"
        with self._step():
            return self.experiment.measure(self.run)

    def checkpoint(self) -> None:
        """Keeps the state of this moment, and the one before it.

        Raises:
            StaleEpochError: a later start has taken over.
            StorageError: it cannot be written.
        """
        if self.run is None or self.folder.record_file(self.name, self.replicate).exists():
            return  # nothing was begun, or it has ended meanwhile: stopped early, for instance
        self.folder.check_epoch(self.epoch)
        steps = round(self.run.progress * 1_000_000)
        path = self.work / f"{self.replicate:02d}-{steps:07d}-e{self.epoch:04d}-a{self.attempt:02d}.ckpt"
        try:
            self.run.save(path)
        except Exception as error:
            self.folder.check_epoch(self.epoch)
            raise storage_error(error) or StorageError(
                f"The checkpoint {path} must be written, but: {type(error).__name__}: {error}. "
                "Everything finished so far is kept. See to the disk, then start the same command again."
            ) from error
        self.clock.at[path.name] = self.clock.kept_s
        self._saved_at = self.clock.kept_s
        self.clock.write()
        for old in self._checkpoints()[CHECKPOINTS_KEPT:]:
            old.unlink(missing_ok=True)
            self.clock.at.pop(old.name, None)

    def commit(self, record: Record) -> None:
        """Makes the result the replicate's, unless another process was first; then clears the work away.

        Raises:
            StaleEpochError: a later start has taken over.
        """
        self.folder.check_epoch(self.epoch)
        if self.run is not None:
            if record.outcome == "completed":
                self._export()
            curves = json.dumps(_finite(self.run.curves))
            write(self.folder.curves_file(self.name, self.replicate), curves, durable=False)
        self.folder.commit_record(self.name, record)
        clear_work(self.folder, self.name, self.replicate)

    def _export(self) -> None:
        assert self.run is not None, "start comes first"
        path = self.folder.student_file(self.name, self.replicate)
        part = path.with_name(f".{path.stem}-e{self.epoch:04d}-a{self.attempt:02d}.pt.tmp")
        try:
            self.run.export(part)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _checkpoints(self) -> list[Path]:
        """Newest first: furthest progress, then latest start. All of them are states of the same run."""
        return sorted(self.work.glob(f"{self.replicate:02d}-*.ckpt"), reverse=True)

    def _step(self) -> "_Step":
        limit = HANG_S
        if self.timeout_s is not None:
            left = self.timeout_s - self.clock.kept_s
            if left <= 0:
                raise StepTimeoutError(f"`timeout_s: {self.timeout_s:g}` was reached")
            limit = min(HANG_S, left)
        return _Step(self.clock, limit, self.trace)


class _Step:
    """A watched step whose seconds go to the clock."""

    def __init__(self, clock: Clock, limit_s: float, trace: Path) -> None:
        self._clock = clock
        self._watch = watched(limit_s, trace)
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()
        self._watch.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        try:
            return self._watch.__exit__(*error)
        finally:
            self._clock.kept_s += time.perf_counter() - self._started


def trace_file(folder: SweepFolder, name: str, replicate: int) -> Path:
    """Where a hung process leaves its stacks."""
    return folder.work(name) / f"{replicate:02d}.hang.txt"


def clear_work(folder: SweepFolder, name: str, replicate: int) -> None:
    """Removes what is only needed while a replicate is at work."""
    work = folder.work(name)
    for pattern in (f"{replicate:02d}[-.]*", f".{replicate:02d}[-.]*"):
        for path in work.glob(pattern):
            path.unlink(missing_ok=True)


def _finite(tree: Any) -> Any:
    """Plain JSON has no infinities: they become null."""
    if isinstance(tree, Mapping):
        return {key: _finite(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
