"""A sweep's trials as Optuna holds them, with all that its own tools can show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from optuna.distributions import json_to_distribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from acgkd.config import fingerprint
from acgkd.errors import SweepError
from analysis.records.record import Record
from sweeps.engine.trials.sampling import STATES
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import INFEASIBLE, Trial

DIGEST = "acgkd:digest"


@dataclass(frozen=True)
class ExportedTrial:
    """One trial, ready for a study.

    Args:
        frozen: as Optuna holds it.
        constraint: share of infeasible replicates; None where it has not ended.
        attrs: user attributes, the digest of the whole among them.
    """

    frozen: FrozenTrial
    constraint: float | None
    attrs: Mapping[str, object]

    @property
    def digest(self) -> str:
        """Equal for trials that would be exported alike."""
        return str(self.attrs[DIGEST])


def exported(folder: SweepFolder, trial: Trial, objectives: tuple[str, ...], seeds: Iterable[int]) -> ExportedTrial:
    """A trial for a study.

    Args:
        folder: of the sweep.
        trial: as its file says.
        objectives: their names, in order.
        seeds: of the sweep.
    """
    state = _state(trial)
    constraint = None if not trial.final or trial.state == "failed" else trial.constraint or 0.0
    attrs = _attributes(folder, trial, objectives, tuple(seeds))
    steps = {round(100 * float(rung)): entry.values[0] for rung, entry in trial.rungs.items() if float(rung) > 0}
    whole = {"state": state.name, "values": trial.values, "constraint": constraint, **attrs}
    attrs[DIGEST] = fingerprint(whole | {"steps": {str(step): value for step, value in steps.items()}})
    frozen = create_trial(
        state=state,
        values=list(trial.values) if state == TrialState.COMPLETE and trial.values is not None else None,
        params=trial.parameters,
        distributions={name: json_to_distribution(text) for name, text in trial.distributions.items()},
        user_attrs=attrs,
        system_attrs=dict(trial.system_attrs),
        intermediate_values={step: value for step, value in sorted(steps.items()) if value is not None},
        constraints=None if constraint is None else {"infeasible": constraint},
    )
    if state == TrialState.WAITING:
        frozen.datetime_start = None
    else:
        frozen.datetime_start = began(trial) or frozen.datetime_start
        frozen.datetime_complete = ended(trial) or frozen.datetime_start if trial.final else None
    return ExportedTrial(frozen, constraint, attrs)


def _state(trial: Trial) -> TrialState:
    return TrialState.WAITING if not trial.final and not trial.attempts else STATES[trial.state]


def began(trial: Trial) -> datetime | None:
    """When its first attempt began, as Optuna writes times: of this machine's zone, without it."""
    return _local(trial.attempts[0].started_at) if trial.attempts else None


def ended(trial: Trial) -> datetime | None:
    """When its last attempt ended."""
    return _local(trial.attempts[-1].finished_at) if trial.attempts else None


def _local(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone().replace(tzinfo=None)
    except ValueError:
        return None


def _attributes(
    folder: SweepFolder, trial: Trial, objectives: tuple[str, ...], seeds: tuple[int, ...]
) -> dict[str, object]:
    """What Optuna has no place for: plain values by name."""
    records = _records(folder, trial, len(seeds))
    known: dict[str, object] = {"state": trial.state}
    if trial.message:
        known["message"] = trial.message
    failures = [
        {"replicate": item.replicate, "outcome": item.outcome, "cause": item.cause, "message": item.message}
        | {"host": item.host, "log": item.log}
        for item in trial.attempts
        if item.outcome in INFEASIBLE or item.outcome in ("failed", "lost")
    ]
    if failures:
        known["failures"] = failures
    if trial.rungs:
        known["rungs"] = {
            rung: {"values": dict(zip(objectives, entry.values, strict=False)), "promoted": entry.promoted}
            for rung, entry in trial.rungs.items()
        }
    if trial.enqueued:
        known["enqueued"] = True
    if records:
        known["replicates"] = [_replicate(record) for record in records]
        known["seconds"] = round(sum(record.measured("seconds") or 0.0 for record in records), 3)
        known["hosts"] = sorted({record.environment.host for record in records if record.environment.host})
        done = [record for record in records if record.outcome == "completed"]
        tested = [record.quality.test_accuracy for record in done if record.quality.test_accuracy is not None]
        if tested and len(tested) == len(done):
            known["test_accuracy"] = sum(tested) / len(tested)
    return known


def _replicate(record: Record) -> dict[str, object]:
    return {
        "seed": record.identity.seed,
        "outcome": record.outcome,
        **record.objectives,
        "test_accuracy": record.quality.test_accuracy,
        "seconds": record.measured("seconds"),
    }


def _records(folder: SweepFolder, trial: Trial, replicates: int) -> list[Record]:
    """Its records; those that are damaged are left out."""
    found = []
    for index in range(replicates if trial.attempts else 0):
        try:
            record = folder.read_record(folder.trial_name(trial.number), index)
        except SweepError:
            continue
        if record is not None:
            found.append(record)
    return found
