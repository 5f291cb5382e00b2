"""What a tracker is: it is opened for a sweep, is handed runs one after the other, and is closed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from analysis.records.record import Record

Option = str | int | float | bool
Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class TrackedSweep:
    """The sweep whose runs are logged: the experiment, the group or the folder of a tool.

    Args:
        name: of the sweep.
        identity: the same for every start on this folder, and for no other folder.
        folder: of the sweep.
        home: the tracker's own folder in it, which exists.
        objectives: direction by name, in order.
        fetch: gets a file of `home` from the object store, where the sweep is on one and it is there.
    """

    name: str
    identity: str
    folder: Path
    home: Path
    objectives: Mapping[str, str]
    fetch: Callable[[Path], None] = lambda path: None


@dataclass(frozen=True)
class TrackedRun:
    """One replicate that has ended: of a trial, of a control, or the training of a teacher.

    Args:
        key: unique in the sweep: ``trial-0003-01``.
        record: all that is known of it.
        curves: points (step, value) by name: ``transfer/loss``.
        again: whether the tracker may hold it already, whole or in part, which this replaces: a driver was killed while
            it was logged, or the replicate was run again.
    """

    key: str
    record: Record
    curves: Mapping[str, Curve] = field(default_factory=dict)
    again: bool = False

    @property
    def name(self) -> str:
        """For people: ``trial-0003/seed 101``."""
        return f"{self.key.rpartition('-')[0]}/seed {self.record.identity.seed}"

    @property
    def parameters(self) -> dict[str, object]:
        """Every hyper-parameter by slash path, those that were searched first."""
        return {**self.record.parameters, **{k: v for k, v in self.record.settings.items() if v is not None}}

    @property
    def measures(self) -> dict[str, float]:
        """Finite numbers: objectives, quality and cost, by the record's names."""
        record = self.record
        known = {f"objective/{name}": value for name, value in record.objectives.items()}
        known |= record.quality.model_dump() | record.cost.model_dump() | {"progress": record.progress}
        numbers = {name: float(value) for name, value in known.items() if isinstance(value, int | float)}
        return {name: value for name, value in numbers.items() if math.isfinite(value)}

    @property
    def labels(self) -> dict[str, str]:
        """Text: which run it is, how it ended and where it ran. What is not known is left out."""
        identity, environment = self.record.identity, self.record.environment
        known = {
            "sweep": identity.sweep,
            "kind": identity.kind,
            "label": identity.label,
            "trial": identity.trial,
            "replicate": identity.replicate,
            "seed": identity.seed,
            "method": identity.method,
            "dataset": identity.dataset,
            "teacher": identity.teacher,
            "student": identity.student,
            "outcome": self.record.outcome,
            "message": self.record.message,
            "host": environment.host,
            "device": environment.device_name or environment.device,
        }
        return {name: str(value) for name, value in known.items() if value not in (None, "")}

    @property
    def began(self) -> float:
        """Seconds since 1970."""
        return _seconds(self.record.environment.started_at) or self.ended

    @property
    def ended(self) -> float:
        """Seconds since 1970."""
        return _seconds(self.record.environment.finished_at)


def _seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Tracker(Protocol):
    """Where runs are logged. All its methods are called from one thread, which is not the driver's.

    Whatever it raises is a warning, once; the run is logged at the next start.
    """

    def log(self, run: TrackedRun) -> None:
        """Logs a run, whole when this returns. With `run.again` it replaces what there is of `run.key`."""

    def close(self) -> None:
        """Writes what is left, when the start has ended."""


@dataclass(frozen=True)
class TrackerEntry:
    """A tracker as the catalogue has it.

    Args:
        open: imports the tool and opens the tracker, with the options that the spec gives.
        package: that has to be installed.
        install: what `pip install` takes to get it.
        options: their meaning, by name.
    """

    open: Callable[[TrackedSweep, Mapping[str, Option]], Tracker]
    package: str
    install: str = "acgkd[trackers]"
    options: Mapping[str, str] = field(default_factory=dict)
