"""Attempts of a sweep that failed, those that are alike together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeps.store import starts
from sweeps.store.trial import Attempt, Trial, signature

NO_FAILURE = (None, "completed", "pruned", "interrupted")


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
class FailedAttempt:
    """An attempt that failed: of a trial by its number, or of something else by its label."""

    attempt: Attempt
    overcome: bool
    trial: int | None = None
    label: str = ""


def of_trials(trials: Iterable[Trial]) -> Iterator[FailedAttempt]:
    """Those of trials."""
    for trial in trials:
        attempts = trial.attempts
        if trial.state == "failed" and all(attempt.outcome in NO_FAILURE for attempt in attempts):
            # As an early version left it: why it failed stands with the trial alone.
            attempts = (Attempt(replicate=0, attempt=0, generation=0, outcome="failed", message=trial.message),)
        last = {attempt.replicate: attempt.outcome for attempt in attempts}
        for attempt in attempts:
            if attempt.outcome not in NO_FAILURE:
                yield FailedAttempt(attempt, last[attempt.replicate] in ("completed", "pruned"), trial.number)


def beside_trials(
    records: Path, rows: Iterable[Mapping[str, Any]], known: starts.Starts, alive: bool
) -> Iterator[FailedAttempt]:
    """Of controls, teachers and added seeds: records that say so, and what drivers have noted of earlier attempts.

    Args:
        records: the folder of the sweep's records.
        rows: records of controls and of added seeds.
        known: the starts.
        alive: whether a driver works on the sweep now.
    """
    for row in rows:
        who = row.get("identity", {})
        facts = {"replicate": who.get("replicate", 0), "attempt": who.get("attempt", 0), "generation": 0}
        facts |= {"outcome": outcome_of(row), "message": str(row.get("message", "")), "cause": "trial"}
        if facts["outcome"] not in (*NO_FAILURE, "damaged"):
            host = str(row.get("environment", {}).get("host", ""))
            label = f"{who.get('label')} (replicate {facts['replicate']})"
            yield FailedAttempt(Attempt.model_validate({**facts, "host": host}), False, label=label)
    for noted in starts.side_failures(known, alive):
        keys = ("replicate", "outcome", "message", "cause", "host", "log")
        facts = {"attempt": 0, "generation": 0, **{key: noted.get(key) for key in keys}}
        there = (records / f"{noted['key']}.json").exists()
        yield FailedAttempt(
            Attempt.model_validate(facts), there, label=f"{noted['label']} (replicate {noted['replicate']})"
        )


def outcome_of(row: Mapping[str, object]) -> str:
    """How the replicate of a record ended."""
    return str(row.get("outcome", "damaged"))


def groups_of(failed: Iterable[FailedAttempt]) -> list[FailureGroup]:
    """Those that are alike together, the most frequent first."""
    groups: dict[tuple[str | None, str, str], list[FailedAttempt]] = {}
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
