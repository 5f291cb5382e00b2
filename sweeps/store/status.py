"""How far a sweep is, from its files alone."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from acgkd.errors import SweepError
from analysis.records.node_accounts import NodeAccount
from analysis.records.sweep_file import SweepFile
from sweeps.store import starts
from sweeps.store.atomic import read_json
from sweeps.store.budgets import Taken, idle_trials, met, passed
from sweeps.store.point_queue import PointQueue
from sweeps.store.trial import PASSING, Attempt, Trial, signature
from sweeps.store.trial_files.record_facts import remarks_by_label, remarks_of, trial_records, work_of

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
        trials: their numbers, in order; empty for controls and teachers.
        labels: of controls and teachers, and of trials with seeds that were added, each with the replicate.
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
    labels: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Status:
    """How far a sweep is, from its files alone.

    Args:
        name: of the sweep.
        driver_alive: whether a driver works on it now.
        trials: by state.
        stopped: trials that early stopping ended, by why and where.
        replicates: of trials, by outcome; those with seeds that were added, too.
        controls: by outcome.
        teachers: trained so far.
        budget_trials: how many trials there may be.
        budget_hours: how long all starts together may take.
        hours: how long all starts together took.
        starts: how often the sweep was started.
        last_activity: UTC, ISO 8601.
        failures: attempts at trials, controls and teachers that failed, those that are alike together, the most
            frequent first.
        overcome: the same, of those that a later attempt has overcome.
        retried: trials that wait for another attempt after a failed one.
        set_aside: nodes that got no more work in the latest start, a sentence each.
        nodes: what each node did over all starts, and what became of it.
        damaged: files that could not be read, those of trials among them, a sentence each.
        enqueued: points of the user's that wait to become trials.
        deadline: when the sweep ends at the latest, ISO 8601.
        patience: after how many ended trials in a row without an improvement it ends.
        ended_by: which limit of the budget ended it, in words; None where it has not ended.
        remarks: completed replicates of trials whose student is collapsed or below the bound, or whose synthesis is
            stuck; not counted among thousands of records.
        control_remarks: the same by control, whose students are rivals in a comparison.
        seconds: of synthesis and transfer of completed replicates of trials and controls; None where none says its CPU
            time, as in records of earlier versions, and among thousands of trials' records controls' alone.
        cpu_s: CPU seconds in them.
        contention: which of them took much longer than they computed, a sentence; empty where none did.
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
    overcome: list[FailureGroup] = field(default_factory=list)
    retried: int = 0
    set_aside: list[str] = field(default_factory=list)
    nodes: list[NodeAccount] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    enqueued: int = 0
    deadline: str | None = None
    patience: int | None = None
    ended_by: str | None = None
    stopped: dict[str, int] = field(default_factory=dict)
    remarks: dict[str, int] = field(default_factory=dict)
    control_remarks: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: float | None = None
    cpu_s: float | None = None
    contention: str = ""

    def to_json(self) -> dict[str, object]:
        """Plain values by name."""
        return asdict(self)


def status_of(folder: "SweepFolder") -> Status:
    """Counts what the files say; needs no driver and disturbs none. Damaged files of trials are named.

    Raises:
        SweepError: `sweep.json` is damaged.
        FolderError: this is no sweep folder, or a newer version wrote a file of it.
    """
    sweep = folder.require_sweep()
    torn: list[str] = []
    trials = sorted(folder.trials(torn), key=lambda trial: trial.number)
    controls: Counter[str] = Counter()
    controls_read: list[dict[str, object]] = []
    damaged = [*sorted(torn), *(starts.damage(path) for path in starts.damaged(folder.starts))]
    for path in sorted(folder.records.glob("control-*.json")):
        try:
            controls_read.append(read_json(path) or {})
            controls[str(controls_read[-1].get("outcome", "damaged"))] += 1
        except SweepError:
            controls["damaged"] += 1
            damaged.append(f"{path} is damaged: the next start makes it again.")
    teachers = sum(_TEACHER.fullmatch(path.name) is not None for path in folder.records.glob("teacher-*.json"))
    budget = sweep.budget
    enqueued = len(PointQueue(folder).waiting({trial.enqueued for trial in trials}))
    added, trials_read = _added(folder, sweep), trial_records(folder)
    failed = [*_failed_attempts(trials), *_failed_beside(folder, [*controls_read, *added.values()])]
    alive, seconds = folder.lock().held(), folder.seconds_used()
    return Status(
        name=sweep.name,
        driver_alive=alive,
        trials=dict(sorted(Counter(trial.state for trial in trials).items())),
        replicates=dict(sorted((_replicates(trials) + Counter(_outcome(row) for row in added.values())).items())),
        controls=dict(sorted(controls.items())),
        teachers=teachers,
        budget_trials=budget.trials,
        budget_hours=budget.hours,
        hours=round(seconds / 3600, 4),
        starts=folder.generation,
        last_activity=starts.last_activity(folder.starts, folder.trials_folder, folder.records),
        failures=_groups(item for item in failed if not item.overcome),
        overcome=_groups(item for item in failed if item.overcome),
        retried=sum(not trial.final and any(item.outcome == "lost" for item in trial.attempts) for trial in trials),
        set_aside=starts.set_aside(folder.starts, folder.generation),
        nodes=list(starts.nodes(folder.starts)),
        damaged=damaged,
        enqueued=enqueued,
        deadline=budget.deadline,
        patience=budget.patience,
        stopped=_stopped(trials),
        ended_by=None if alive else _ended_by(sweep, trials, enqueued, seconds),
        remarks=remarks_of(trials_read),
        control_remarks=remarks_by_label(controls_read),
        **work_of([*trials_read, *controls_read]),
    )


def _stopped(trials: Iterable[Trial]) -> dict[str, int]:
    """How many trials were stopped at each rung: ranked low there, or found worse than one that ran to the end."""
    found: Counter[tuple[float, str]] = Counter()
    for trial in trials:
        rung = max(trial.rungs, key=float, default=None)
        if trial.state == "pruned" and rung is not None:
            why = "worse than another by a t test" if trial.rungs[rung].reason.startswith("worse") else "ranked too low"
            found[float(rung), why] += 1
    return {f"{why} at rung {rung:g}": many for (rung, why), many in sorted(found.items())}


def _ended_by(sweep: SweepFile, trials: list[Trial], enqueued: int, seconds: float) -> str | None:
    """Which limit ended it; None where trials are left."""
    if (enqueued or any(not trial.final for trial in trials)) and not passed(sweep.budget):
        return None
    directions = [objective.direction for objective in sweep.objectives]
    return met(sweep.budget, Taken(trials), seconds, lambda: idle_trials(trials, directions)) or None


@dataclass(frozen=True)
class _Failed:
    """An attempt that failed: of a trial by its number, or of something else by its label."""

    attempt: Attempt
    overcome: bool
    trial: int | None = None
    label: str = ""


def _failed_attempts(trials: Iterable[Trial]) -> Iterator[_Failed]:
    for trial in trials:
        attempts = trial.attempts
        if trial.state == "failed" and all(attempt.outcome in NO_FAILURE for attempt in attempts):
            # As an early version left it: why it failed stands with the trial alone.
            attempts = (Attempt(replicate=0, attempt=0, generation=0, outcome="failed", message=trial.message),)
        last = {attempt.replicate: attempt.outcome for attempt in attempts}
        for attempt in attempts:
            if attempt.outcome not in NO_FAILURE:
                yield _Failed(attempt, last[attempt.replicate] in ("completed", "pruned"), trial.number)


def _failed_beside(folder: "SweepFolder", rows: Iterable[Mapping[str, Any]]) -> Iterator[_Failed]:
    """Of controls, teachers and added seeds: records that say so, and what drivers have noted of earlier attempts."""
    for row in rows:
        who = row.get("identity", {})
        facts = {"replicate": who.get("replicate", 0), "attempt": who.get("attempt", 0), "generation": 0}
        facts |= {"outcome": _outcome(row), "message": str(row.get("message", "")), "cause": "trial"}
        if facts["outcome"] not in (*NO_FAILURE, "damaged"):
            host = str(row.get("environment", {}).get("host", ""))
            label = f"{who.get('label')} (replicate {facts['replicate']})"
            yield _Failed(Attempt.model_validate({**facts, "host": host}), False, label=label)
    for noted in starts.side_failures(folder.starts, folder.lock().held()):
        keys = ("replicate", "outcome", "message", "cause", "host", "log")
        facts = {"attempt": 0, "generation": 0, **{key: noted.get(key) for key in keys}}
        there = (folder.records / f"{noted['key']}.json").exists()
        yield _Failed(Attempt.model_validate(facts), there, label=f"{noted['label']} (replicate {noted['replicate']})")


def _groups(failed: Iterable[_Failed]) -> list[FailureGroup]:
    """Those that are alike together, the most frequent first."""
    groups: dict[tuple[str | None, str, str], list[_Failed]] = {}
    for item in failed:
        key = (item.attempt.cause, str(item.attempt.outcome), signature(item.attempt.message))
        groups.setdefault(key, []).append(item)
    found = [
        FailureGroup(
            cause=cause,
            outcome=outcome,
            message=(members[-1].attempt.message or "?").splitlines()[0],
            count=len(members),
            trials=sorted({item.trial for item in members if item.trial is not None}),
            hosts=sorted({item.attempt.host for item in members if item.attempt.host}),
            log=next((item.attempt.log for item in reversed(members) if item.attempt.log), ""),
            labels=sorted({item.label for item in members if item.label}),
        )
        for (cause, outcome, _), members in groups.items()
    ]
    return sorted(found, key=lambda group: -group.count)


def _added(folder: "SweepFolder", sweep: SweepFile) -> dict[str, dict[str, object]]:
    """Records of completed trials with seeds that were added, by file; a damaged one is made again."""
    found: dict[str, dict[str, object]] = {}
    for extension in sweep.extensions:
        for number in extension.trials:
            for replicate in range(extension.first, extension.stop):
                path = folder.record_file(folder.trial_name(number), replicate)
                with suppress(SweepError):
                    row = read_json(path)
                    found |= {} if row is None else {path.name: row}
    return found


def _outcome(row: Mapping[str, object]) -> str:
    return str(row.get("outcome", "damaged"))


def _replicates(trials: list[Trial]) -> Counter[str]:
    """Replicates of trials by how they ended; one that will be retried has not."""
    outcomes: Counter[str] = Counter()
    for trial in trials:
        closed = {attempt.replicate: attempt.outcome for attempt in trial.attempts if attempt.outcome is not None}
        outcomes.update(outcome for outcome in closed.values() if outcome not in PASSING)
    return outcomes
