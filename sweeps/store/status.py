"""How far a sweep is, from its files alone."""

import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from acgkd.errors import SweepError
from analysis.records.sweep_file import SweepFile
from sweeps.store import starts
from sweeps.store.atomic import read_json
from sweeps.store.budgets import idle_trials, met, passed
from sweeps.store.point_queue import PointQueue
from sweeps.store.trial import PASSING, Attempt, Trial, signature

if TYPE_CHECKING:
    from sweeps.store.folder import SweepFolder

NO_FAILURE = (None, "completed", "pruned", "interrupted")
_TEACHER = re.compile(r"teacher-\d+\.json")


@dataclass(frozen=True)
class FailureGroup:
    """Attempts that failed in one and the same way.

    Args:
        cause: whose fault it was; None where an earlier version wrote the attempts.
        outcome: of the attempts.
        message: first line of the latest one's.
        count: how many attempts.
        trials: their numbers, in order.
        hosts: where.
        log: file of the latest traceback, relative to the sweep folder; empty where there is none.
    """

    cause: str | None
    outcome: str
    message: str
    count: int
    trials: list[int]
    hosts: list[str]
    log: str


@dataclass(frozen=True)
class Status:
    """How far a sweep is, from its files alone.

    Args:
        name: of the sweep.
        driver_alive: whether a driver works on it now.
        trials: by state.
        replicates: of trials, by outcome.
        controls: by outcome.
        teachers: trained so far.
        budget_trials: how many trials there may be.
        budget_hours: how long all starts together may take.
        hours: how long all starts together took.
        starts: how often the sweep was started.
        last_activity: UTC, ISO 8601.
        failures: attempts that failed, those that are alike together, the most frequent first.
        retried: trials that wait for another attempt after a failed one.
        set_aside: nodes that got no more work in the latest start, a sentence each.
        damaged: files that could not be read and that nothing else depends on, a sentence each.
        enqueued: points of the user's that wait to become trials.
        deadline: when the sweep ends at the latest, ISO 8601.
        patience: after how many ended trials in a row without an improvement it ends.
        ended_by: which limit of the budget ended it, in words; None where it has not ended.
    """

    name: str
    driver_alive: bool
    trials: dict[str, int]
    replicates: dict[str, int]
    controls: dict[str, int]
    teachers: int
    budget_trials: int | None
    budget_hours: float | None
    hours: float
    starts: int
    last_activity: str | None
    failures: list[FailureGroup] = field(default_factory=list)
    retried: int = 0
    set_aside: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    enqueued: int = 0
    deadline: str | None = None
    patience: int | None = None
    ended_by: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


def status_of(folder: "SweepFolder") -> Status:
    """Counts what the files say; needs no driver and disturbs none.

    Raises:
        SweepError: a file is damaged.
        FolderError: this is no sweep folder, or a newer version wrote a file of it.
    """
    sweep = folder.require_sweep()
    trials = sorted(folder.trials(), key=lambda trial: trial.number)
    controls: Counter[str] = Counter()
    damaged = [starts.damage(path) for path in starts.damaged(folder.starts)]
    for path in sorted(folder.records.glob("control-*.json")):
        try:
            controls[str((read_json(path) or {}).get("outcome", "damaged"))] += 1
        except SweepError:
            controls["damaged"] += 1
            damaged.append(f"{path} is damaged: the next start makes it again.")
    teachers = sum(_TEACHER.fullmatch(path.name) is not None for path in folder.records.glob("teacher-*.json"))
    budget = sweep.budget
    enqueued = len(PointQueue(folder).waiting({trial.enqueued for trial in trials}))
    alive, seconds = folder.lock().held(), folder.seconds_used()
    return Status(
        name=sweep.name,
        driver_alive=alive,
        trials=dict(sorted(Counter(trial.state for trial in trials).items())),
        replicates=dict(sorted(_replicates(trials).items())),
        controls=dict(sorted(controls.items())),
        teachers=teachers,
        budget_trials=budget.trials,
        budget_hours=budget.hours,
        hours=round(seconds / 3600, 4),
        starts=folder.generation,
        last_activity=_last_activity(folder),
        failures=failure_groups(trials),
        retried=sum(not trial.final and any(item.outcome == "lost" for item in trial.attempts) for trial in trials),
        set_aside=starts.set_aside(folder.starts, folder.generation),
        damaged=damaged,
        enqueued=enqueued,
        deadline=budget.deadline,
        patience=budget.patience,
        ended_by=None if alive else _ended_by(sweep, trials, enqueued, seconds),
    )


def _ended_by(sweep: SweepFile, trials: list[Trial], enqueued: int, seconds: float) -> str | None:
    """Which limit ended it; None where trials are left."""
    if (enqueued or any(not trial.final for trial in trials)) and not passed(sweep.budget):
        return None
    signs = [objective.sign for objective in sweep.objectives]
    return met(sweep.budget, len(trials), seconds, lambda: idle_trials(trials, signs)) or None


def failure_groups(trials: Iterable[Trial]) -> list[FailureGroup]:
    """The failed attempts of trials, those that are alike together, the most frequent first."""
    groups: dict[tuple[str | None, str, str], list[tuple[int, Attempt]]] = {}
    for trial in trials:
        attempts = trial.attempts
        if trial.state == "failed" and all(attempt.outcome in NO_FAILURE for attempt in attempts):
            # As an early version left it: why it failed stands with the trial alone.
            attempts = (Attempt(replicate=0, attempt=0, generation=0, outcome="failed", message=trial.message),)
        for attempt in attempts:
            if attempt.outcome not in NO_FAILURE:
                key = (attempt.cause, str(attempt.outcome), signature(attempt.message))
                groups.setdefault(key, []).append((trial.number, attempt))
    found = [
        FailureGroup(
            cause=cause,
            outcome=outcome,
            message=(members[-1][1].message or "?").splitlines()[0],
            count=len(members),
            trials=sorted({number for number, _ in members}),
            hosts=sorted({attempt.host for _, attempt in members if attempt.host}),
            log=next((attempt.log for _, attempt in reversed(members) if attempt.log), ""),
        )
        for (cause, outcome, _), members in groups.items()
    ]
    return sorted(found, key=lambda group: -group.count)


def _replicates(trials: list[Trial]) -> Counter[str]:
    """Replicates of trials by how they ended; one that will be retried has not."""
    outcomes: Counter[str] = Counter()
    for trial in trials:
        closed = {attempt.replicate: attempt.outcome for attempt in trial.attempts if attempt.outcome is not None}
        outcomes.update(outcome for outcome in closed.values() if outcome not in PASSING)
    return outcomes


def _last_activity(folder: "SweepFolder") -> str | None:
    places = (*sorted(folder.starts.glob("*.json")), folder.trials_folder, folder.records)
    touched = max((path.stat().st_mtime for path in places), default=None)
    return None if touched is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(touched))
