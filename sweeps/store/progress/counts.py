"""What a sweep has done, counted from the files that decide how far it is."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acgkd.errors import SweepError
from analysis.records.sweep_file import SweepFile
from sweeps.store import starts
from sweeps.store.atomic import read_json
from sweeps.store.budgets import Taken, idle_trials, met, passed
from sweeps.store.point_queue import PointQueue
from sweeps.store.progress.failure_groups import outcome_of
from sweeps.store.trial import PASSING, Trial

if TYPE_CHECKING:
    from sweeps.store.folder import SweepFolder


@dataclass(frozen=True)
class SweepCounts:
    """What a sweep has done; each file is read once.

    Args:
        sweep: what the folder is of.
        trials: in order of number.
        torn: trial files that could not be read, a sentence each.
        starts: what is known of each.
        controls: their records by file; None where one is damaged.
        added: records of completed trials with seeds that were added, by file; damaged ones are left out, since they
            are made again.
        enqueued: points of the user's that wait to become trials.
        driver_alive: whether a driver works on it now.
    """

    sweep: SweepFile
    trials: list[Trial]
    torn: list[str]
    starts: starts.Starts
    controls: Mapping[Path, Mapping[str, Any] | None]
    added: Mapping[str, Mapping[str, Any]]
    enqueued: int
    driver_alive: bool

    @classmethod
    def of(cls, folder: "SweepFolder") -> "SweepCounts":
        """Reads a folder; needs no driver and disturbs none.

        Raises:
            SweepError: `sweep.json` is damaged.
            FolderError: this is no sweep folder, or a newer version wrote a file of it.
        """
        # Asked first: files that are read after a driver has ended are all there; those read before may not be.
        sweep, torn, alive = folder.require_sweep(), list[str](), folder.lock().held()
        trials = sorted(folder.trials(torn), key=lambda trial: trial.number)
        return cls(
            sweep,
            trials,
            sorted(torn),
            starts.read(folder.starts),
            {path: _read(path) for path in sorted(folder.records.glob("control-*.json"))},
            _added(folder, sweep),
            len(PointQueue(folder).waiting({trial.enqueued for trial in trials})),
            alive,
        )

    @property
    def replicates(self) -> dict[str, int]:
        """Replicates of trials by how they ended, those of added seeds too; one that will be retried has not."""
        outcomes: Counter[str] = Counter()
        for trial in self.trials:
            closed = {attempt.replicate: attempt.outcome for attempt in trial.attempts if attempt.outcome is not None}
            outcomes.update(outcome for outcome in closed.values() if outcome not in PASSING)
        outcomes.update(outcome_of(row) for row in self.added.values())
        return dict(sorted(outcomes.items()))

    @property
    def control_outcomes(self) -> dict[str, int]:
        """Runs of controls by how they ended."""
        return dict(sorted(Counter(outcome_of(row or {}) for row in self.controls.values()).items()))

    @cached_property
    def seconds(self) -> float:
        """How long all starts together took."""
        return starts.seconds_used(self.starts)

    @property
    def hours(self) -> float:
        """The same, as it is shown."""
        return round(self.seconds / 3600, 4)

    @property
    def ended_by(self) -> str | None:
        """Which limit of the budget ended it, in words; None where it has not ended."""
        budget, left = self.sweep.budget, self.enqueued or any(not trial.final for trial in self.trials)
        if self.driver_alive or (left and not passed(budget)):
            return None
        directions = [objective.direction for objective in self.sweep.objectives]
        return met(budget, Taken(self.trials), self.seconds, lambda: idle_trials(self.trials, directions)) or None


def _read(path: Path) -> dict[str, object] | None:
    try:
        return read_json(path) or {}
    except SweepError:
        return None


def _added(folder: "SweepFolder", sweep: SweepFile) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for extension in sweep.extensions:
        for number in extension.trials:
            for replicate in range(extension.first, extension.stop):
                path = folder.record_file(folder.trial_name(number), replicate)
                with suppress(SweepError):
                    row = read_json(path)
                    found |= {} if row is None else {path.name: row}
    return found
